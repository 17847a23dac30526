//! What each user, and each address of clients without one, may ask of the node in all connections together.
//!
//! Touched when a client comes and when it says who it is; the requests themselves take from the [`Allowance`] alone, which
//! knows no lock. One that nobody holds is kept until it is full again: so it also holds for who comes anew for each request.

use lane::Allowance;
use model::Time;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The allowances by who has them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Allowances(Arc<Mutex<Known>>);

/// Whose an allowance is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Owner {
    User(Box<str>),
    Address(IpAddr),
}

#[derive(Debug, Default)]
struct Known {
    by_owner: HashMap<Owner, Allowance>,
    /// With so many, those that nobody would miss are looked for.
    crowded: usize,
}

/// Fewer are not worth a look.
const CROWDED_MIN: usize = 1024;

impl Allowances {
    /// A user's.
    pub fn of_user(&self, user: &str, now: Time) -> Allowance {
        self.of(Owner::User(user.into()), now)
    }

    /// An address's; none for this machine's own addresses, and for clients without one.
    pub fn of_address(&self, address: Option<IpAddr>, now: Time) -> Option<Allowance> {
        let address = address?.to_canonical();
        (!address.is_loopback()).then(|| self.of(Owner::Address(crate::addresses::household(address)), now))
    }

    fn of(&self, owner: Owner, now: Time) -> Allowance {
        // Nothing can panic while it is held.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.by_owner.len() >= known.crowded.max(CROWDED_MIN) && !known.by_owner.contains_key(&owner) {
            known.by_owner.retain(|_, allowance| !allowance.is_idle(now));
            known.crowded = known.by_owner.len() * 2;
        }
        known.by_owner.entry(owner).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(allowances: &Allowances) -> usize {
        allowances.0.lock().unwrap().by_owner.len()
    }

    #[test]
    fn a_user_has_one_and_a_household_too() {
        let allowances = Allowances::default();
        let now = Time::ZERO;
        assert_eq!(allowances.of_user("ann", now), allowances.of_user("ann", now));
        assert_ne!(allowances.of_user("ann", now), allowances.of_user("bob", now));
        let of = |text: &str| allowances.of_address(text.parse().ok(), now);
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_eq!(of("1.2.3.4"), of("::ffff:1.2.3.4"));
        assert!(of("1.2.3.4").is_some() && of("1.2.3.4") != of("1.2.3.5"));
        assert!([of("127.0.0.1"), of("::1"), of("")].iter().all(Option::is_none));
        assert_ne!(Some(allowances.of_user("1.2.3.4", now)), of("1.2.3.4"), "a name is no address");
    }

    #[test]
    fn those_that_nobody_would_miss_go_when_there_are_many() {
        let allowances = Allowances::default();
        let held = allowances.of_user("held", Time::ZERO);
        for user in 0..10 * CROWDED_MIN {
            allowances.of_user(&user.to_string(), Time::ZERO);
        }
        assert!(count(&allowances) <= CROWDED_MIN + 1);
        assert_eq!(allowances.of_user("held", Time::ZERO), held);
    }
}
