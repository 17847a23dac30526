//! Named queries: commands that the settings hold, so that a client needs no rights to commands and keys of its own.
//!
//! ```text
//!  top = "ZRANGE board 0 {last:int:0..99} REV WITHSCORES"      ["@top", 9]
//!  my-orders = "LRANGE orders:{@sub} 0 -1"                     ["@my-orders"]
//! ```
//!
//! A name stands for the words of one command. `{name:type}` in a word is a parameter, given in the order in which the
//! parameters first appear; `{name}` is the same again; `{@claim}` is a claim of the client's token. What is put in is a part
//! of its word, never another word. As in patterns, what stands before other characters of its word must not contain the
//! first of them, so that `orders:{@sub}:open` is nobody else's. Where the command reads the word as a glob, as behind the
//! MATCH of HSCAN, what is put in stands for itself: `{@sub}:*` are the names of one user, whatever that is called.

mod template;

use acl::{Authorised, Claims, DenyCommands, Rules, Usage, authorise_for};
use bytes::Bytes;
use model::command::CommandTable;
use model::error::{ERR, NOPERM};
use model::{Args, Error};
use std::collections::{BTreeMap, BTreeSet};
use template::Template;

/// The named queries of the settings.
#[derive(Clone, Debug)]
pub struct NamedQueries {
    by_name: BTreeMap<Box<str>, Template>,
    /// What is allowed by name is not held to the client's own rules.
    everything: Rules,
}

/// What a call of a named query comes to.
pub(crate) struct Called<'t> {
    /// The command.
    pub command: Args,
    /// It may be used.
    pub authorised: Authorised<'t>,
}

/// Who calls, and what for.
pub(crate) struct Caller<'a> {
    pub rules: &'a Rules,
    pub claims: &'a Claims,
    pub usage: Usage,
}

/// Whether a command line is a call of a named query.
pub(crate) fn is_call(command: &[Bytes]) -> bool {
    command.first().is_some_and(|name| name.first() == Some(&b'@'))
}

impl NamedQueries {
    /// No queries.
    pub fn new(table: &CommandTable) -> NamedQueries {
        NamedQueries { by_name: BTreeMap::new(), everything: Rules::everything(table) }
    }

    /// Adds a query, given by the words of its command.
    ///
    /// # Errors
    /// What is wrong with the name, the words, or the command that they make.
    pub fn add(
        &mut self,
        name: &str,
        words: &[Bytes],
        table: &CommandTable,
        deny: &DenyCommands,
    ) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(format!("{name:?} is not a name: 1 to 64 letters, digits, '-', '.' or '_'"));
        }
        let template = Template::parse(words)?;
        let example = template.example();
        authorise_for(Usage::Command, table, &self.everything, deny, &example).map_err(|e| e.message.into_owned())?;
        self.by_name.insert(name.into(), template);
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The claims that the queries ask for.
    pub fn claims(&self) -> BTreeSet<&str> {
        self.by_name.values().flat_map(Template::claims).collect()
    }

    /// Whether a command line, which may be a call of a query, may be run under these rules: as a session answers it.
    ///
    /// # Errors
    /// Why not.
    pub fn authorise(
        &self,
        command: &[Bytes],
        rules: &Rules,
        claims: &Claims,
        table: &CommandTable,
        deny: &DenyCommands,
    ) -> Result<(), Error> {
        if is_call(command) {
            return self.call(command, &Caller { rules, claims, usage: Usage::Command }, table, deny).map(drop);
        }
        authorise_for(Usage::Command, table, rules, deny, command).map(drop)
    }

    /// The command of a call, if the caller may use it so: by the query's name, or by the rights that the command needs.
    /// Who may not does not learn which names there are.
    pub(crate) fn call<'t>(
        &self,
        call: &[Bytes],
        caller: &Caller<'_>,
        table: &'t CommandTable,
        deny: &DenyCommands,
    ) -> Result<Called<'t>, Error> {
        let shown = String::from_utf8_lossy(call.first().map_or(b"", |name| name)).into_owned();
        let name = shown.strip_prefix('@').unwrap_or(&shown);
        let Caller { rules, claims, usage } = *caller;
        let forbidden =
            || Error::new(NOPERM, format!("this user has no permissions to use the query '{}' so", cut(&shown)));
        let is_named = rules.allow_named(name, usage);
        let Some(template) = self.by_name.get(name) else {
            let unknown = || Error::new(ERR, format!("unknown query '{}'", cut(&shown)));
            return Err(if is_named { unknown() } else { forbidden() });
        };
        let rules = if is_named { &self.everything } else { rules };
        let command = template.fill(&call[1..], claims).map_err(|error| match is_named {
            true => Error::new(error.code, format!("query '{shown}': {}", error.message)),
            false => forbidden(),
        })?;
        let authorised = authorise_for(usage, table, rules, deny, &command);
        let authorised = authorised.map_err(|error| if is_named { error } else { forbidden() })?;
        Ok(Called { command, authorised })
    }
}

/// No more of a name than a person reads.
fn cut(name: &str) -> &str {
    let end = (0..=64.min(name.len())).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const DEFINED: [(&str, &str); 4] = [
        ("top", "ZRANGE board 0 {last:int:0..99=9} REV"),
        ("my-orders", "LRANGE orders:{@sub}:open 0 -1"),
        ("room", "GET room:{room:name}"),
        ("say", "XADD room:{room:name} * user {@sub} text {text:text:5}"),
    ];

    struct World {
        table: Arc<CommandTable>,
        deny: DenyCommands,
        queries: NamedQueries,
    }

    fn line(text: &str) -> Vec<Bytes> {
        text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    impl World {
        fn new() -> World {
            let table = CommandTable::redis();
            let deny = DenyCommands::parse(DenyCommands::DEFAULT, &table).unwrap();
            let mut world = World { queries: NamedQueries::new(&table), table, deny };
            DEFINED.iter().for_each(|(name, text)| world.add(name, text).unwrap());
            world
        }

        fn add(&mut self, name: &str, text: &str) -> Result<(), String> {
            self.queries.add(name, &line(text), &self.table, &self.deny)
        }

        fn call(&self, rules: &str, usage: Usage, call: &str) -> Result<String, String> {
            let rules = Rules::parse_line(rules, &self.table).unwrap();
            let claims = Claims::new([("sub", "ann")]);
            let caller = Caller { rules: &rules, claims: &claims, usage };
            let called = self.queries.call(&line(call), &caller, &self.table, &self.deny);
            let text = |called: Called<'_>| String::from_utf8(called.command.join(&b' ')).unwrap();
            called.map(text).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn a_name_stands_for_its_command() {
        let world = World::new();
        for (call, command) in [
            ("@top 3", "ZRANGE board 0 3 REV"),
            ("@top", "ZRANGE board 0 9 REV"),
            ("@my-orders", "LRANGE orders:ann:open 0 -1"),
            ("@room a-1", "GET room:a-1"),
            ("@say a *:x", "XADD room:a * user ann text *:x"),
        ] {
            assert_eq!(world.call("+@named", Usage::Command, call).as_deref(), Ok(command), "{call}");
        }
    }

    #[test]
    fn wrong_numbers_and_types_are_said() {
        let world = World::new();
        for (call, error) in [
            ("@top 1 2", "ERR query '@top': 2 arguments are too many: it takes last"),
            ("@top 100", "ERR query '@top': last: a whole number from 0 to 99 is wanted"),
            ("@top x", "ERR query '@top': last: a whole number from 0 to 99 is wanted"),
            ("@room", "ERR query '@room': room is missing: it takes room"),
            ("@room a:b", "ERR query '@room': room: a name of 1 to 128 letters, digits, '-', '.' or '_' is wanted"),
            ("@say a 123456", "ERR query '@say': text: a text of at most 5 bytes is wanted"),
            ("@nosuch", "ERR unknown query '@nosuch'"),
            ("@", "ERR unknown query '@'"),
        ] {
            assert_eq!(world.call("+@named", Usage::Command, call).unwrap_err(), error, "{call}");
        }
    }

    #[test]
    fn who_may_not_learns_nothing() {
        let world = World::new();
        for (rules, call) in [
            ("+get ~a", "@room x"),
            ("+get ~a", "@room"),
            ("+get ~a", "@nosuch"),
            ("+@named|top", "@room x"),
            ("+@named -@named|room", "@room x"),
            ("+@named -@command", "@room x"),
            ("+@all ~board", "@room x"),
        ] {
            let error = world.call(rules, Usage::Command, call).unwrap_err();
            assert!(error.starts_with("NOPERM this user has no permissions to use the query"), "{rules}: {error}");
        }
        // The rights that the command needs will do.
        assert!(world.call("+get ~room:*", Usage::Command, "@room x").is_ok());
        assert!(world.call("+@named -@command", Usage::Feed, "@room x").is_ok());
    }

    #[test]
    fn what_decides_about_a_call_is_what_the_session_asks() {
        let world = World::new();
        let claims = Claims::new([("sub", "ann")]);
        for (rules, call, expected) in [
            ("~x +@all +@named|top", "@top 1", (true, "+@named|top")),
            ("+@named -@command", "@top 1", (false, "-@command")),
            // By the rights that the command needs, too; and nothing allows what is no call, or one of no query.
            ("~* +@all", "@top 1", (true, "~* +@all")),
            ("~orders:{sub}:open ~x +lrange", "@my-orders", (true, "~orders:{sub}:open +lrange")),
            ("~orders:eve:open +@all", "@my-orders", (false, "")),
            ("+@named", "@room", (false, "")),
            ("+@named", "@nosuch", (false, "")),
            ("~a +get", "GET a", (true, "~a +get")),
        ] {
            let (rules, command): (Vec<String>, _) = (rules.split(' ').map(str::to_owned).collect(), line(call));
            let explained = crate::acl::explain_rules(&rules, &claims, &world.table, |rules| {
                world.queries.authorise(&command, rules, &claims, &world.table, &world.deny)
            });
            let by: Vec<&str> = explained.by.iter().map(|&at| rules[at].as_str()).collect();
            assert_eq!((explained.verdict.is_ok(), by.join(" ").as_str()), expected, "{rules:?}: {call}");
        }
    }

    #[test]
    fn what_is_no_query_is_said_when_it_is_defined() {
        let mut world = World::new();
        for (name, text, with) in [
            ("a b", "GET k", "is not a name"),
            ("", "GET k", "is not a name"),
            ("q", "NOSUCH k", "unknown command"),
            ("q", "GET", "wrong number of arguments"),
            ("q", "KEYS *", "denied on this server"),
            ("q", "GET {k}", "{k:text}"),
            ("q", "GET {k:what}", "{k:text}"),
        ] {
            let error = world.add(name, text).unwrap_err();
            assert!(error.contains(with), "{text}: {error}");
        }
        assert_eq!(world.queries.claims().into_iter().collect::<Vec<_>>(), ["sub"]);
    }
}
