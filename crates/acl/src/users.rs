//! All users of the embedded store, by name. There is always `default`, who everybody is who did not say otherwise.

use crate::user::User;
use bytes::Bytes;
use model::Error;
use model::command::CommandTable;
use model::error::ERR;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A user as connections know it: numbers are never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct UserId(u32);

/// `default`.
pub const DEFAULT: UserId = UserId(0);
/// The same, by name.
const DEFAULT_NAME: &[u8] = b"default";

/// The channels that new users may use: the setting `acl-pubsub-default`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pubsub {
    /// None.
    #[default]
    None,
    /// All.
    All,
}

/// Why a user is not changed. Its text is Redis'.
pub type UserError = Error;

/// The users.
#[derive(Clone, Debug)]
pub struct Users {
    /// By number; those that were deleted leave their place empty.
    users: Vec<Option<Box<User>>>,
    /// In the order of their names, as Redis lists them.
    by_name: BTreeMap<Bytes, UserId>,
}

impl Users {
    /// Only `default`, who may do everything and needs no password.
    pub fn new(table: &CommandTable) -> Users {
        let mut user = User::new(Bytes::from_static(DEFAULT_NAME), Pubsub::All, table);
        for word in ["on", "nopass", "~*", "&*", "+@all"] {
            user.apply(word.as_bytes(), Pubsub::All, table).expect("these are rules");
        }
        let by_name = BTreeMap::from([(user.name.clone(), DEFAULT)]);
        Users { users: vec![Some(Box::new(user))], by_name }
    }

    /// A user that is there: `default` in place of one that is not.
    pub fn get(&self, id: UserId) -> &User {
        let user = self.users.get(id.0 as usize).and_then(Option::as_deref);
        user.or_else(|| self.users[0].as_deref()).expect("default cannot be deleted")
    }

    /// The user of this name.
    pub fn named(&self, name: &[u8]) -> Option<(UserId, &User)> {
        let id = *self.by_name.get(name)?;
        Some((id, self.get(id)))
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_name.values().map(|&id| self.get(id))
    }

    /// `default` has this password and no other; none, if it is empty: the setting `requirepass`.
    pub fn require(&mut self, password: &[u8]) {
        if let Some(user) = &mut self.users[0] {
            user.require(password);
        }
    }

    /// Who comes in with this name and password.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<UserId> {
        self.named(name).filter(|(_, user)| user.accepts(password)).map(|(id, _)| id)
    }

    /// `ACL SETUSER`: makes or changes a user; nothing is done if one of the words is wrong.
    ///
    /// # Errors
    /// Redis' own, about the first word that is wrong.
    pub fn set(
        &mut self,
        name: &Bytes,
        words: &[Bytes],
        pubsub: Pubsub,
        table: &CommandTable,
    ) -> Result<UserId, UserError> {
        if name.iter().any(|byte| matches!(byte, b' ' | b'\t'..=b'\r' | 0)) {
            return Err(Error::new(ERR, "Usernames can't contain spaces or null characters"));
        }
        let known = self.by_name.get(name).copied();
        let mut user = match known {
            Some(id) => self.get(id).clone(),
            None => User::new(Bytes::copy_from_slice(name), pubsub, table),
        };
        for word in merged(words)? {
            user.apply(&word, pubsub, table).map_err(|reason| {
                let shown = String::from_utf8_lossy(&word);
                Error::new(ERR, format!("Error in ACL SETUSER modifier '{shown}': {reason}"))
            })?;
        }
        let id = known.unwrap_or(UserId(u32::try_from(self.users.len()).unwrap_or(u32::MAX)));
        if known.is_none() {
            self.by_name.insert(user.name.clone(), id);
            self.users.push(None);
        }
        self.users[id.0 as usize] = Some(Box::new(user));
        Ok(id)
    }

    /// `ACL DELUSER`: who it was, if there is one of this name that can be deleted.
    pub fn delete(&mut self, name: &[u8]) -> Option<UserId> {
        let id = self.by_name.get(name).copied().filter(|&id| id != DEFAULT)?;
        self.by_name.remove(name);
        self.users[id.0 as usize] = None;
        Some(id)
    }
}

/// The words with each selector in one: `(~a` and `+get)` are `(~a +get)`.
fn merged(words: &[Bytes]) -> Result<Vec<Cow<'_, [u8]>>, Error> {
    let mut all = Vec::with_capacity(words.len());
    let mut open: Option<(&Bytes, Vec<u8>)> = None;
    for word in words {
        match open.take() {
            Some((first, mut part)) => {
                part.push(b' ');
                part.extend_from_slice(word);
                match word.ends_with(b")") {
                    true => all.push(Cow::Owned(part)),
                    false => open = Some((first, part)),
                }
            }
            None if word.starts_with(b"(") && !word.ends_with(b")") => open = Some((word, word.to_vec())),
            None => all.push(Cow::Borrowed(&word[..])),
        }
    }
    match open {
        Some((first, _)) => {
            let shown = String::from_utf8_lossy(first);
            Err(Error::new(ERR, format!("Unmatched parenthesis in acl selector starting at '{shown}'.")))
        }
        None => Ok(all),
    }
}
