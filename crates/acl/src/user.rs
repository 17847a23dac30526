//! A user of the embedded store: rules, passwords, and whether it may come in, changed by the words of `ACL SETUSER`.
//!
//! Rules are those of every other door ([`Rules`]). Beside them stands the text of the rules about commands, since a set of
//! commands does not tell which words made it: as Redis 7.2 does, what was said last of a command or a category takes the
//! place of what was said of it before. Passwords are kept as SHA-256 and nothing else.

use crate::commands::UNKNOWN;
use crate::parse::{Reason, SYNTAX};
use crate::rules::{Rules, Selector};
use crate::template::Variables;
use crate::users::Pubsub;
use crate::verbs::Verbs;
use bytes::Bytes;
use model::command::CommandTable;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

const BAD_HASH: Reason =
    Cow::Borrowed("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters");
const NO_SUCH_PASSWORD: Reason = Cow::Borrowed("The password you are trying to remove from the user does not exist");

/// A password's SHA-256.
pub(crate) type Hash = [u8; 32];

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: Bytes,
    /// It may come in.
    pub is_on: bool,
    /// Any password will do.
    pub needs_no_password: bool,
    /// What was said of payloads for `RESTORE`, which are always checked here: kept to be shown.
    sanitize: Option<bool>,
    passwords: Vec<Hash>,
    rules: Rules,
    /// The text of the rules about commands: of the root, then of each selector.
    texts: Vec<CommandText>,
    /// The rules allow everything: most users' do, and need not be asked each time.
    is_unlimited: bool,
}

/// Rules as `ACL GETUSER` shows them, of the root or of one selector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SelectorText {
    /// About commands.
    pub commands: String,
    /// About keys.
    pub keys: String,
    /// About channels.
    pub channels: String,
}

impl User {
    /// A new user, who is off, has no password, and may do nothing.
    pub(crate) fn new(name: Bytes, pubsub: Pubsub, table: &CommandTable) -> User {
        let mut user = User {
            name,
            is_on: false,
            needs_no_password: false,
            sanitize: None,
            passwords: Vec::new(),
            rules: Rules::nothing(table),
            texts: vec![CommandText::default()],
            is_unlimited: false,
        };
        user.set_default_channels(pubsub, table);
        user
    }

    /// What it may do.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether it may do everything.
    pub fn is_unlimited(&self) -> bool {
        self.is_unlimited
    }

    /// Whether it may come in with this password.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let given = hash(password);
        // All are compared, and each to its end: the time it takes tells nothing.
        let known = self.passwords.iter().fold(false, |known, password| known | is_equal(password, &given));
        self.is_on && (self.needs_no_password || known)
    }

    /// Applies one word of `ACL SETUSER`, a whole selector if it is one.
    pub(crate) fn apply(&mut self, word: &[u8], pubsub: Pubsub, table: &CommandTable) -> Result<(), Reason> {
        // A password may be any bytes.
        if let [kind @ (b'>' | b'<'), password @ ..] = word {
            return self.apply_password(*kind == b'>', hash(password));
        }
        let word = std::str::from_utf8(word).map_err(|_| SYNTAX)?;
        match word.to_ascii_lowercase().as_str() {
            "on" => self.is_on = true,
            "off" => self.is_on = false,
            "nopass" => (self.needs_no_password, self.passwords) = (true, Vec::new()),
            "resetpass" => (self.needs_no_password, self.passwords) = (false, Vec::new()),
            "sanitize-payload" => self.sanitize = Some(true),
            "skip-sanitize-payload" => self.sanitize = Some(false),
            "reset" => {
                *self = User { sanitize: Some(true), ..User::new(self.name.clone(), pubsub, table) };
            }
            _ if word.starts_with(['#', '!']) => {
                self.apply_password(word.starts_with('#'), parse_hash(&word[1..]).ok_or(BAD_HASH)?)?;
            }
            _ => self.apply_rule(word, table)?,
        }
        self.is_unlimited = self.rules.allow_everything();
        Ok(())
    }

    /// `default` has this password and no other; none, if it is empty.
    pub(crate) fn require(&mut self, password: &[u8]) {
        self.needs_no_password = password.is_empty();
        self.passwords.clear();
        if !password.is_empty() {
            self.passwords.push(hash(password));
        }
    }

    /// `on`, `nopass` and the like.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.is_on { "on" } else { "off" }];
        flags.extend(self.needs_no_password.then_some("nopass"));
        flags.extend(self.sanitize.map(|is| if is { "sanitize-payload" } else { "skip-sanitize-payload" }));
        flags
    }

    /// The hashes of its passwords, in hexadecimal.
    pub fn passwords(&self) -> impl Iterator<Item = String> {
        self.passwords.iter().map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Its rules: those of the root, then of each selector.
    pub fn selectors(&self) -> impl Iterator<Item = SelectorText> {
        let selectors = std::iter::once(&self.rules.root).chain(&self.rules.selectors);
        selectors.zip(&self.texts).map(|(selector, commands)| SelectorText {
            commands: commands.text(),
            keys: selector.keys.text(),
            channels: selector.channels.text(),
        })
    }

    /// The line of `ACL LIST`.
    pub fn describe(&self) -> String {
        let mut words = vec!["user".to_owned(), String::from_utf8_lossy(&self.name).into_owned()];
        words.extend(self.flags().into_iter().map(str::to_owned));
        words.extend(self.passwords().map(|hash| format!("#{hash}")));
        let mut selectors = self.selectors().map(|text| text.line());
        words.extend(selectors.next());
        words.extend(selectors.map(|line| format!("({line})")));
        words.join(" ")
    }

    /// One password more, or one less.
    fn apply_password(&mut self, adds: bool, given: Hash) -> Result<(), Reason> {
        let known = self.passwords.iter().position(|password| *password == given);
        match (adds, known) {
            (true, known) => {
                self.needs_no_password = false;
                if known.is_none() {
                    self.passwords.push(given);
                }
            }
            (_, Some(at)) => drop(self.passwords.remove(at)),
            (_, None) => return Err(NO_SUCH_PASSWORD),
        }
        Ok(())
    }

    fn apply_rule(&mut self, word: &str, table: &CommandTable) -> Result<(), Reason> {
        let Some(inner) = word.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
            if word.eq_ignore_ascii_case("clearselectors") {
                self.rules.selectors.clear();
                self.texts.truncate(1);
                return Ok(());
            }
            return apply_to(&mut self.rules.root, &mut self.texts[0], word, table);
        };
        let (mut selector, mut text) = (Selector::nothing(table), CommandText::default());
        inner.split_ascii_whitespace().try_for_each(|word| apply_to(&mut selector, &mut text, word, table))?;
        self.rules.selectors.push(selector);
        self.texts.push(text);
        Ok(())
    }

    /// The setting `acl-pubsub-default`.
    fn set_default_channels(&mut self, pubsub: Pubsub, table: &CommandTable) {
        if pubsub == Pubsub::All {
            self.rules.root.apply("allchannels", Variables::None, table).expect("this is a rule");
        }
    }
}

/// One rule, for the rules and for their text. Rules that are keywire's own mean nothing to who speaks RESP.
fn apply_to(selector: &mut Selector, text: &mut CommandText, word: &str, table: &CommandTable) -> Result<(), Reason> {
    if Verbs::default().apply(word).is_some() {
        return Err(UNKNOWN);
    }
    // As in Redis, nothing is no rule and no mistake.
    if word.is_empty() {
        return Ok(());
    }
    selector.apply(word, Variables::None, table)?;
    text.note(word);
    Ok(())
}

impl SelectorText {
    fn line(&self) -> String {
        // That no channel is allowed is said, as there were versions in which all were.
        let reset = if self.channels == "&*" { "" } else { "resetchannels" };
        let parts = [&*self.keys, reset, &*self.channels, &*self.commands];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// The text of rules about commands.
#[derive(Clone, Debug, Default)]
struct CommandText {
    /// It begins with `+@all`, else with `-@all`.
    all: bool,
    /// What came then, each command and category once.
    rules: Vec<Box<str>>,
}

impl CommandText {
    /// A rule was applied; of rules about other things there is nothing to note.
    fn note(&mut self, rule: &str) {
        let rule = rule.to_ascii_lowercase();
        match &*rule {
            "+@all" | "allcommands" => *self = CommandText { all: true, rules: Vec::new() },
            "-@all" | "nocommands" => *self = CommandText::default(),
            _ if rule.starts_with(['+', '-']) => {
                let name = &rule[1..];
                // A command stands for its subcommands, too.
                let is_part =
                    |old: &str| old.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'));
                self.rules.retain(|old| !is_part(&old[1..]));
                self.rules.push(rule.into());
            }
            _ => {}
        }
    }

    fn text(&self) -> String {
        let begin = if self.all { "+@all" } else { "-@all" };
        let words = std::iter::once(begin).chain(self.rules.iter().map(|rule| &**rule));
        words.collect::<Vec<_>>().join(" ")
    }
}

fn hash(password: &[u8]) -> Hash {
    Sha256::digest(password).into()
}

fn is_equal(a: &Hash, b: &Hash) -> bool {
    a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

fn parse_hash(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut hash = Hash::default();
    for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(hash)
}
