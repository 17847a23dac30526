//! What keywire needs of its user: the commands it sends of its own accord, each tried, and the rule that grants them.

/// What a need is for, so that a refusal says what does not work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Nothing works without it.
    Everything,
    /// Live queries see changes at once; without it they are polled.
    Tracking,
    /// A server that stops tracking, or has too small a table for it, is noticed.
    TrackingCheck,
    /// Live queries.
    Live,
    /// Values that expire are noticed in time.
    Expiry,
    /// Channels.
    Channels,
    /// Streams.
    Streams,
    /// Failovers and moved slots are noticed.
    Topology,
    /// `commands` with `atomic`.
    Transactions,
}

impl Purpose {
    /// What a refusal means.
    pub fn without(self) -> &'static str {
        match self {
            Purpose::Everything => "keywire cannot be used",
            Purpose::Tracking => "live queries are polled, once a second by default",
            Purpose::TrackingCheck => "a server that forgets what is watched goes unnoticed for a while",
            Purpose::Live => "live queries cannot be read",
            Purpose::Expiry => "values that expire are noticed late",
            Purpose::Channels => "channels cannot be heard",
            Purpose::Streams => "streams cannot be followed",
            Purpose::Topology => "a failover may go unnoticed",
            Purpose::Transactions => "clients' transactions are refused",
        }
    }

    /// Whether keywire is of any use without it.
    pub fn is_vital(self) -> bool {
        matches!(self, Purpose::Everything | Purpose::Live)
    }
}

/// One thing to try: the command, with `KEY` and `CHANNEL` for the doctor's own, and the rule that allows it.
#[derive(Debug)]
pub struct Need {
    /// The words.
    pub command: &'static [&'static str],
    /// As in `ACL SETUSER`.
    pub rule: &'static str,
    /// What for.
    pub purpose: Purpose,
}

const fn need(command: &'static [&'static str], rule: &'static str, purpose: Purpose) -> Need {
    Need { command, rule, purpose }
}

/// The name of the key that is tried.
pub const KEY: &str = "KEY";
/// The name of the channel that is tried.
pub const CHANNEL: &str = "CHANNEL";

/// What is tried on every server. `HELLO` comes first, with the login.
pub const NEEDS: &[Need] = &[
    need(&["PING"], "+ping", Purpose::Everything),
    need(&["ROLE"], "+role", Purpose::Topology),
    need(&["INFO", "stats"], "+info", Purpose::TrackingCheck),
    need(&["CLIENT", "TRACKING", "ON"], "+client|tracking", Purpose::Tracking),
    need(&["CLIENT", "TRACKINGINFO"], "+client|trackinginfo", Purpose::TrackingCheck),
    need(&["GET", KEY], "+@read", Purpose::Live),
    need(&["MEMORY", "USAGE", KEY], "+@read", Purpose::Live),
    need(&["OBJECT", "ENCODING", KEY], "+@read", Purpose::Expiry),
    need(&["PTTL", KEY], "+@read", Purpose::Expiry),
    need(&["XRANGE", KEY, "-", "+", "COUNT", "1"], "+@read", Purpose::Streams),
    need(&["XINFO", "STREAM", KEY], "+@read", Purpose::Streams),
    need(&["MULTI"], "+multi", Purpose::Transactions),
    need(&["EXEC"], "+exec", Purpose::Transactions),
    need(&["CLIENT", "TRACKING", "OFF"], "+client|tracking", Purpose::Tracking),
    need(&["SUBSCRIBE", CHANNEL], "+subscribe", Purpose::Channels),
    need(&["UNSUBSCRIBE", CHANNEL], "+unsubscribe", Purpose::Channels),
    need(&["PSUBSCRIBE", CHANNEL], "+psubscribe", Purpose::Channels),
    need(&["PUNSUBSCRIBE", CHANNEL], "+punsubscribe", Purpose::Channels),
];

/// What is tried on a cluster's nodes as well.
pub const CLUSTER_NEEDS: &[Need] = &[
    need(&["CLUSTER", "SLOTS"], "+cluster|slots", Purpose::Everything),
    need(&["CLUSTER", "INFO"], "+cluster|info", Purpose::Topology),
];
/// What is tried where channels are sharded.
pub const SHARDED_NEEDS: &[Need] = &[
    need(&["SSUBSCRIBE", CHANNEL], "+ssubscribe", Purpose::Channels),
    need(&["SUNSUBSCRIBE", CHANNEL], "+sunsubscribe", Purpose::Channels),
];

/// Rules for what is sent but needs no trial: the login, the database, half of what stands above.
const SILENT: &[&str] = &["+hello", "+auth", "+select", "+discard", "+client|setname"];

/// The line that makes a user who may do just what keywire needs: all keys and channels to read, nothing to write.
pub fn setuser(user: &str, cluster: bool, sharded: bool) -> String {
    let mut rules: Vec<&str> = SILENT.to_vec();
    let cluster = if cluster { CLUSTER_NEEDS } else { &[] };
    let sharded = if sharded { SHARDED_NEEDS } else { &[] };
    for need in NEEDS.iter().chain(cluster).chain(sharded) {
        if !rules.contains(&need.rule) {
            rules.push(need.rule);
        }
    }
    // `ASKING` has to go before what is sent to a slot's new owner.
    if !cluster.is_empty() {
        rules.push("+asking");
    }
    format!("ACL SETUSER {user} on >PASSWORD ~* &* -@all {}", rules.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_granted_once() {
        let line = setuser("keywire", true, true);
        let mut words: Vec<&str> = line.split(' ').collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count, "{line}");
        assert!(line.contains("+cluster|slots") && line.contains("+asking"));
        assert!(!setuser("keywire", false, false).contains("cluster"));
    }
}
