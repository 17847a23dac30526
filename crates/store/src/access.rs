//! What clients may do: who they are, and whether their user's rules allow what they ask for.
//!
//! The rules are those of the crate `acl`, asked by the function that every door of keywire asks. As in Redis a change of a
//! user holds for its connections at once; connections of a user that is deleted are closed, and those that listen to a
//! channel which its user may no longer hear.

use crate::client::{Client, ClientId};
use crate::commands::{Found, Registry};
use crate::errors;
use crate::pubsub::Space;
use crate::state::State;
use acl::{Context, Denied, Entry, Pubsub, Reason, Refusal, User, UserId};
use bytes::Bytes;
use model::Error;
use model::error::{NOAUTH, NOPERM};

impl State {
    /// Whether who says nothing may come in: as `default`.
    pub(crate) fn is_open(&self) -> bool {
        let user = self.users.get(acl::DEFAULT);
        user.is_on && user.needs_no_password
    }

    /// `NOAUTH` for who has to present a password first.
    pub(crate) fn must_be_authenticated(&self, id: ClientId) -> Result<(), Error> {
        let authenticated = self.clients.get(id).is_some_and(|client| client.authenticated);
        if authenticated || self.is_open() { Ok(()) } else { Err(Error::new(NOAUTH, "Authentication required.")) }
    }

    /// Lets a client be whom it says it is; `how` is the command that it says it with.
    pub(crate) fn authenticate(
        &mut self,
        id: ClientId,
        how: &'static str,
        (name, password): (&Bytes, &Bytes),
        now_ms: u64,
    ) -> Result<(), Error> {
        match self.users.authenticate(name, password) {
            Some(user) => {
                if let Some(client) = self.clients.get_mut(id) {
                    (client.user, client.authenticated) = (user, true);
                }
                Ok(())
            }
            None => {
                let context = if self.running.in_transaction { Context::Multi } else { Context::Toplevel };
                self.note(id, Reason::Auth, context, Bytes::from_static(how.as_bytes()), name, now_ms);
                Err(Error::new("WRONGPASS", "invalid username-password pair or user is disabled."))
            }
        }
    }

    /// Whether the client's user may run the command: `NOPERM`, and an entry of `ACL LOG`, if not.
    pub(crate) fn permit(
        &mut self,
        id: ClientId,
        found: &Found<'_>,
        context: Context,
        now_ms: u64,
    ) -> Result<(), Error> {
        self.examine(id, found, context, now_ms).map_err(|refusal| refusal.denied.error(&found.spec.name))
    }

    /// The same for a command that was queued, in Redis' words.
    pub(crate) fn permit_queued(&mut self, id: ClientId, found: &Found<'_>, now_ms: u64) -> Result<(), Error> {
        self.examine(id, found, Context::Multi, now_ms).map_err(|refusal| {
            let reason = match refusal.denied {
                Denied::Key | Denied::AllKeys => "no permission to touch the specified keys",
                Denied::Channel | Denied::AllChannels => {
                    "no permission to access one of the channels used as arguments"
                }
                Denied::Command | Denied::Run | Denied::Everything => {
                    "no permission to execute the command or subcommand"
                }
            };
            let text = "ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
                        command is no longer allowed for the following reason: ";
            Error::new(NOPERM, format!("{text}{reason}"))
        })
    }

    fn examine(&mut self, id: ClientId, found: &Found<'_>, context: Context, now_ms: u64) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(id) else { return Ok(()) };
        let user = self.users.get(client.user);
        if user.is_unlimited() {
            return Ok(());
        }
        let Err(refusal) = acl::permit(user.rules(), found.spec, found.line) else { return Ok(()) };
        let (reason, object) = match refusal.word.map(|at| found.line[at].clone()) {
            Some(word) if refusal.denied == Denied::Key => (Reason::Key, word),
            Some(word) => (Reason::Channel, word),
            None => (Reason::Command, Bytes::copy_from_slice(found.spec.name.as_bytes())),
        };
        let name = user.name.clone();
        self.note(id, reason, context, object, &name, now_ms);
        Err(refusal)
    }

    fn note(&mut self, id: ClientId, reason: Reason, context: Context, object: Bytes, user: &Bytes, now_ms: u64) {
        /// An entry is kept long after its client, whose names can be as large as it likes.
        const NAME_BYTES_MAX: usize = 256;
        let describe = |client: &Client| client.describe(now_ms, &self.users.get(client.user).name, NAME_BYTES_MAX);
        let client = self.clients.get(id).map(describe).unwrap_or_default();
        let entries_max = self.settings.get("acllog-max-len").and_then(|max| max.parse().ok()).unwrap_or(0);
        let user = user.clone();
        self.acl_log
            .add(Entry { count: 1, reason, context, object, user, at_ms: now_ms, client: client.into() }, entries_max);
    }

    /// A client's line of `CLIENT LIST`, without the line's end.
    pub(crate) fn describe_client(&self, client: &Client, now_ms: u64) -> String {
        client.describe(now_ms, &self.users.get(client.user).name, usize::MAX)
    }

    /// The setting `requirepass` is another: `default` has that password and no other.
    pub(crate) fn require_password(&mut self) {
        let password = self.settings.get("requirepass").unwrap_or_default().to_owned();
        self.users.require(password.as_bytes());
    }

    /// `ACL SETUSER`
    pub(crate) fn set_user(&mut self, name: &Bytes, words: &[Bytes]) -> Result<(), Error> {
        let pubsub = match self.settings.get("acl-pubsub-default") {
            Some("allchannels") => Pubsub::All,
            _ => Pubsub::None,
        };
        let before = self.users.named(name).map(|(_, user)| user.rules().clone());
        let user = self.users.set(name, words, pubsub, &Registry::shared().table)?;
        let rules = self.users.get(user);
        if before.is_none_or(|before| before.allow_no_channel()) {
            // As in Redis, nothing is taken from who had nothing: what it hears it began to hear as somebody else.
            return Ok(());
        }
        let deaf: Vec<ClientId> =
            self.clients_of(user).filter(|client| !may_listen(client, rules)).map(|client| client.id).collect();
        deaf.into_iter().for_each(|id| self.expel(id));
        Ok(())
    }

    /// `ACL DELUSER`: whether there was such a user.
    pub(crate) fn delete_user(&mut self, name: &[u8]) -> Result<bool, Error> {
        if name == b"default" {
            return Err(errors::custom("The 'default' user cannot be removed"));
        }
        let Some(user) = self.users.delete(name) else { return Ok(false) };
        let clients: Vec<ClientId> = self.clients_of(user).map(|client| client.id).collect();
        clients.into_iter().for_each(|id| self.expel(id));
        Ok(true)
    }

    fn clients_of(&self, user: UserId) -> impl Iterator<Item = &Client> {
        self.clients.in_order().into_iter().filter(move |client| client.user == user)
    }

    /// Ends a connection: when the unit at hand is done, or its own command answered. What the rest of the unit does is
    /// not for it any more.
    fn expel(&mut self, id: ClientId) {
        let is_own = self.running.client == Some(id);
        let Some(client) = self.clients.get_mut(id) else { return };
        (client.user, client.authenticated) = (acl::DEFAULT, false);
        client.closing |= is_own;
        if is_own {
            return;
        }
        let heard = [
            (Space::Channel, std::mem::take(&mut client.channels)),
            (Space::Pattern, std::mem::take(&mut client.patterns)),
            (Space::Shard, std::mem::take(&mut client.shard_channels)),
        ];
        let wait = client.wait.take();
        wait.into_iter().for_each(|wait| self.stop_waiting(id, &wait));
        for (space, names) in heard {
            names.iter().for_each(|name| self.pubsub.remove(space, name, id));
        }
        self.pending.to_close.push(id);
    }
}

/// Whether its user may hear all that the client has subscribed to.
fn may_listen(client: &Client, user: &User) -> bool {
    let rules = user.rules();
    client.patterns.iter().all(|pattern| rules.allow_channel(pattern, true))
        && client.channels.iter().chain(&client.shard_channels).all(|channel| rules.allow_channel(channel, false))
}
