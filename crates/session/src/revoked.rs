//! Who is let in no more though their token is still good: the entries of a hash in Redis that every node watches.
//!
//! | field | value | who |
//! |---|---|---|
//! | `token:ID` | anything | the token with this `jti` |
//! | `user:NAME` | seconds since 1970 | what this user was given at that time or before: who logs in anew is let in |
//! | `user:NAME` | anything else | this user |

use crate::grant::Grant;
use std::collections::HashMap;

/// The entries.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Revoked {
    tokens: std::collections::HashSet<Box<str>>,
    /// By user: what was given until then, in seconds since 1970; everything, if there is no time.
    users: HashMap<Box<str>, Option<u64>>,
}

impl Revoked {
    /// From the hash's fields and values; fields of other kinds mean nothing.
    pub fn new<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Revoked {
        let mut revoked = Revoked::default();
        for (field, value) in entries {
            if let Some(id) = field.strip_prefix("token:") {
                revoked.tokens.insert(id.into());
            } else if let Some(user) = field.strip_prefix("user:") {
                revoked.users.insert(user.into(), value.trim().parse().ok());
            }
        }
        revoked
    }

    /// Whether a grant is among them. One that does not say when it was given is older than any time.
    pub fn covers(&self, grant: &Grant) -> bool {
        grant.token_id.as_deref().is_some_and(|id| self.tokens.contains(id))
            || self.users.get(&*grant.user).is_some_and(|until| match (until, grant.issued) {
                (Some(until), Some(issued)) => issued <= *until,
                _ => true,
            })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.tokens.len() + self.users.len()
    }

    /// Whether nobody is among them.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::command::CommandTable;

    fn grant(user: &str, token_id: Option<&str>, issued: Option<u64>) -> Grant {
        let nobody = Grant::nobody(&CommandTable::redis());
        Grant { user: user.into(), token_id: token_id.map(Into::into), issued, ..nobody }
    }

    #[test]
    fn tokens_and_users_are_revoked() {
        let entries = [("token:7", "1"), ("user:ann", "100"), ("user:bob", "*"), ("user:", "1"), ("x", "1")];
        let revoked = Revoked::new(entries);
        assert_eq!(revoked.len(), 4);
        for (user, id, issued, covered) in [
            ("cy", Some("7"), Some(500), true),
            ("cy", Some("8"), Some(1), false),
            ("cy", None, None, false),
            ("ann", None, Some(100), true),
            ("ann", None, Some(101), false),
            ("ann", None, None, true),
            ("bob", Some("9"), Some(u64::MAX), true),
        ] {
            assert_eq!(revoked.covers(&grant(user, id, issued)), covered, "{user} {id:?} {issued:?}");
        }
        assert!(Revoked::default().is_empty());
    }
}
