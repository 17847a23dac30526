//! How many connections each network address has, across all lanes. Touched when a connection comes and when it goes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    counts: Option<Addresses>,
    address: Option<IpAddr>,
}

impl Addresses {
    /// A place for one more connection of this address, if then it has at most `most`; 0: always. This machine's own
    /// addresses, and clients without one, are not counted.
    pub fn take(&self, address: Option<IpAddr>, most: usize) -> Option<Place> {
        let address = address.map(|address| address.to_canonical());
        let Some(counted) = address.filter(|address| !address.is_loopback()).map(household) else {
            return Some(Place { counts: None, address });
        };
        let mut counts = self.lock();
        let count = counts.entry(counted).or_default();
        if most > 0 && *count as usize >= most {
            return None;
        }
        *count += 1;
        Some(Place { counts: Some(self.clone()), address })
    }

    /// How many addresses have a connection.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        // Nothing can panic while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The client's address; none behind a Unix socket.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (Some(counts), Some(address)) = (&self.counts, self.address) else { return };
        let mut counts = counts.lock();
        let address = household(address);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// One customer has one IPv4 address, and 2^64 of IPv6.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn the_limit_is_the_last_connection_that_is_let_in_and_places_come_back() {
        let addresses = Addresses::default();
        let two = [addresses.take(of("1.2.3.4"), 2), addresses.take(of("::ffff:1.2.3.4"), 2)];
        assert!(two.iter().all(Option::is_some) && addresses.take(of("1.2.3.4"), 2).is_none());
        let other = addresses.take(of("1.2.3.5"), 2);
        assert!(other.is_some() && addresses.len() == 2);
        assert!(addresses.take(of("1.2.3.4"), 0).is_some(), "0 is no limit");
        drop(two);
        assert!(addresses.take(of("1.2.3.4"), 1).is_some());
        drop(other);
        assert!(addresses.is_empty());
    }

    #[test]
    fn a_block_of_ipv6_is_one_household_and_this_machine_is_not_counted() {
        let addresses = Addresses::default();
        let _one = addresses.take(of("2001:db8::1"), 1).unwrap();
        assert!(addresses.take(of("2001:db8::2"), 1).is_none() && addresses.take(of("2001:db8:0:1::2"), 1).is_some());
        let kept = [of("127.0.0.1"), of("127.0.0.1"), of("::1"), None].map(|a| addresses.take(a, 1));
        assert!(kept.iter().all(Option::is_some) && addresses.len() == 1);
    }
}
