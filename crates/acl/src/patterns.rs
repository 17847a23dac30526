//! Which keys and which channels a selector allows.

use crate::parse::{Reason, SYNTAX};
use crate::template::{Variables, expand};
use bytes::Bytes;
use model::command::KeyFlags;
use model::glob;

const AFTER_ALL_KEYS: &str = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have \
     any effect. Try 'resetkeys' to start with an empty list of patterns";
const AFTER_ALL_CHANNELS: &str = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does \
     not have any effect. Try 'resetchannels' to start with an empty list of channels";

/// A glob of keys, and what may be done to them.
#[derive(Clone, PartialEq, Eq, Debug)]
struct KeyPattern {
    glob: Box<[u8]>,
    read: bool,
    write: bool,
}

/// The keys that a selector allows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct KeyPatterns {
    all: bool,
    patterns: Vec<KeyPattern>,
}

impl KeyPatterns {
    /// Whether every key may be read and written, those that no command line names as well.
    pub fn allow_all(&self) -> bool {
        self.all || self.patterns.iter().any(|p| p.read && p.write && &*p.glob == b"*")
    }

    /// Whether one pattern allows all that a command does with this key. What neither reads nor writes the key's data
    /// (`EXISTS`) needs a pattern of any kind.
    pub fn allow(&self, key: &[u8], flags: KeyFlags) -> bool {
        let fits = |p: &KeyPattern| (p.read || !flags.reads()) && (p.write || !flags.writes());
        self.all || self.patterns.iter().any(|p| fits(p) && glob::matches(&p.glob, key))
    }

    /// As `ACL GETUSER` shows them: rules with blanks between them.
    pub fn text(&self) -> String {
        if self.all {
            return "~*".to_owned();
        }
        joined(self.patterns.iter().map(|pattern| {
            let glob = String::from_utf8_lossy(&pattern.glob);
            match (pattern.read, pattern.write) {
                (true, false) => format!("%R~{glob}"),
                (false, true) => format!("%W~{glob}"),
                _ => format!("~{glob}"),
            }
        }))
    }

    /// Applies a rule about keys; `None` if the rule is about something else.
    pub fn apply(&mut self, rule: &str, variables: Variables<'_>) -> Option<Result<(), Reason>> {
        if rule.eq_ignore_ascii_case("allkeys") || rule == "~*" {
            *self = KeyPatterns { all: true, patterns: Vec::new() };
        } else if rule.eq_ignore_ascii_case("resetkeys") {
            *self = KeyPatterns::default();
        } else if rule.starts_with(['~', '%']) {
            return Some(self.add(rule, variables));
        } else {
            return None;
        }
        Some(Ok(()))
    }

    fn add(&mut self, rule: &str, variables: Variables<'_>) -> Result<(), Reason> {
        if self.all {
            return Err(AFTER_ALL_KEYS.into());
        }
        let added = KeyPattern::parse(rule, variables)?;
        match self.patterns.iter_mut().find(|p| p.glob == added.glob) {
            Some(same) => (same.read, same.write) = (same.read | added.read, same.write | added.write),
            None => self.patterns.push(added),
        }
        Ok(())
    }
}

impl KeyPattern {
    /// `~glob`, `%R~glob`, `%W~glob` or `%RW~glob`. As in Redis, `%R` alone is `%R~`, which only the empty key matches.
    fn parse(rule: &str, variables: Variables<'_>) -> Result<KeyPattern, Reason> {
        let (kinds, glob) = match rule.strip_prefix('%') {
            Some(rest) => rest.split_once('~').unwrap_or((rest, "")),
            None => ("RW", &rule[1..]),
        };
        let (mut read, mut write) = (false, false);
        for kind in kinds.bytes() {
            let granted = match kind.to_ascii_uppercase() {
                b'R' => &mut read,
                b'W' => &mut write,
                _ => return Err(SYNTAX),
            };
            if std::mem::replace(granted, true) {
                return Err(SYNTAX);
            }
        }
        if !(read || write) || has_blanks(glob) {
            return Err(SYNTAX);
        }
        Ok(KeyPattern { glob: expand(glob, variables)?, read, write })
    }
}

/// The channels that a selector allows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct ChannelPatterns {
    all: bool,
    globs: Vec<Box<[u8]>>,
}

impl ChannelPatterns {
    /// Whether every channel and every pattern is allowed.
    pub fn allow_all(&self) -> bool {
        self.all
    }

    /// Whether no channel is allowed.
    pub fn is_empty(&self) -> bool {
        !self.all && self.globs.is_empty()
    }

    /// The place of the first of these channels that is not allowed; patterns must literally be among the globs.
    pub fn refused(&self, names: &[Bytes], are_patterns: bool) -> Option<usize> {
        let one = |glob: &[u8], name: &[u8]| if are_patterns { glob == name } else { glob::matches(glob, name) };
        let allowed = |name: &Bytes| self.all || self.globs.iter().any(|glob| one(glob, name));
        names.iter().position(|name| !allowed(name))
    }

    /// As `ACL GETUSER` shows them: rules with blanks between them.
    pub fn text(&self) -> String {
        if self.all {
            return "&*".to_owned();
        }
        joined(self.globs.iter().map(|glob| format!("&{}", String::from_utf8_lossy(glob))))
    }

    /// Applies a rule about channels; `None` if the rule is about something else.
    pub fn apply(&mut self, rule: &str, variables: Variables<'_>) -> Option<Result<(), Reason>> {
        if rule.eq_ignore_ascii_case("allchannels") || rule == "&*" {
            *self = ChannelPatterns { all: true, globs: Vec::new() };
        } else if rule.eq_ignore_ascii_case("resetchannels") {
            *self = ChannelPatterns::default();
        } else {
            return Some(self.add(rule.strip_prefix('&')?, variables));
        }
        Some(Ok(()))
    }

    fn add(&mut self, glob: &str, variables: Variables<'_>) -> Result<(), Reason> {
        if self.all {
            return Err(AFTER_ALL_CHANNELS.into());
        }
        if has_blanks(glob) {
            return Err(SYNTAX);
        }
        let glob = expand(glob, variables)?;
        if !self.globs.contains(&glob) {
            self.globs.push(glob);
        }
        Ok(())
    }
}

fn joined(rules: impl Iterator<Item = String>) -> String {
    rules.collect::<Vec<_>>().join(" ")
}

/// As Redis sees it: white space and the zero byte.
fn has_blanks(glob: &str) -> bool {
    glob.bytes().any(|b| matches!(b, b' ' | b'\t'..=b'\r' | 0))
}
