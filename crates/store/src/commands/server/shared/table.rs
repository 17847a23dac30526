//! The command table in the shapes of `COMMAND`.

use crate::commands::Registry;
use crate::errors;
use bytes::Bytes;
use model::command::{BeginSearch, Categories, CommandSpec, FindKeys, KeySpec, Keys};
use model::{Error, Reply};

/// Since when each command exists, and its group.
const DOCS: &str = include_str!("docs.txt");

/// All commands and subcommands.
pub fn all() -> impl Iterator<Item = &'static CommandSpec> {
    Registry::shared().table.iter()
}

/// All commands, without subcommands.
pub fn top_level() -> impl Iterator<Item = &'static CommandSpec> {
    all().filter(|spec| spec.parent.is_none())
}

/// A command, or a subcommand as `container|sub`.
pub fn named(name: &[u8]) -> Option<&'static CommandSpec> {
    Registry::shared().table.get(std::str::from_utf8(name).ok()?)
}

/// An ACL category by its name.
pub fn category(name: &[u8]) -> Option<Categories> {
    Categories::named(std::str::from_utf8(name).ok()?)
}

/// The keys of a command line.
pub fn keys_of(line: &[Bytes]) -> Result<Keys, Error> {
    let invalid = || errors::custom("Invalid command specified");
    let spec = Registry::shared().table.find(line).ok_or_else(invalid)?;
    if !spec.has_keys() {
        return Err(errors::custom("The command has no key arguments"));
    }
    if !spec.arity_fits(line.len()) {
        return Err(errors::custom("Invalid number of arguments specified for command"));
    }
    spec.keys(line).map_err(|_| errors::custom("Invalid arguments specified for command"))
}

/// As `COMMAND INFO` shows it.
pub fn described(spec: &'static CommandSpec) -> Reply {
    let status = |name: &'static str| Reply::Simple(Bytes::from_static(name.as_bytes()));
    let (first, last, step) = places(&spec.key_specs);
    let table = &Registry::shared().table;
    Reply::Array(vec![
        Reply::bulk(&*spec.name),
        Reply::Int(spec.arity.into()),
        Reply::Set(spec.flags.names().map(status).collect()),
        Reply::Int(first),
        Reply::Int(last),
        Reply::Int(step),
        Reply::Set(spec.categories.names().map(|name| Reply::Simple(format!("@{name}").into())).collect()),
        Reply::Array(spec.tips.iter().map(|tip| Reply::bulk(&**tip)).collect()),
        Reply::Array(spec.key_specs.iter().map(key_spec).collect()),
        Reply::Array(spec.subcommands.iter().map(|&id| described(table.spec(id))).collect()),
    ])
}

/// As `COMMAND DOCS` shows it: its name, and facts.
pub fn documented(spec: &'static CommandSpec) -> (Reply, Reply) {
    let mut words =
        DOCS.lines().find_map(|line| line.strip_prefix(&*spec.name)?.strip_prefix(' ')).unwrap_or("").split(' ');
    let (since, group) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let page = spec.name.replace('|', "-");
    let mut facts = vec![
        ("summary", Reply::bulk(format!("See https://redis.io/docs/latest/commands/{page}/"))),
        ("since", Reply::bulk(since)),
        ("group", Reply::bulk(group)),
    ];
    if !spec.subcommands.is_empty() {
        let table = &Registry::shared().table;
        facts
            .push(("subcommands", Reply::Map(spec.subcommands.iter().map(|&id| documented(table.spec(id))).collect())));
    }
    (Reply::bulk(&*spec.name), map(facts))
}

/// The first and last key and the step between keys, as far as they lie in one row.
fn places(specs: &[KeySpec]) -> (i64, i64, i64) {
    let mut row: Option<(i64, i64, i64)> = None;
    for spec in specs {
        let (BeginSearch::Index(index), FindKeys::Range { last, step, .. }) = (&spec.begin, &spec.find) else {
            continue;
        };
        let index = *index as i64;
        let end = if *last < 0 { *last as i64 } else { index + *last as i64 };
        row = match row {
            None => Some((index, end, *step as i64)),
            Some((first, before, step)) if before == index - 1 => Some((first, end, step)),
            same => same,
        };
    }
    row.unwrap_or_default()
}

fn key_spec(spec: &KeySpec) -> Reply {
    let int = |n: usize| Reply::Int(n as i64);
    let (begin, begin_facts) = match &spec.begin {
        BeginSearch::Index(index) => ("index", vec![("index", int(*index))]),
        BeginSearch::Keyword { word, start } => {
            ("keyword", vec![("keyword", Reply::bulk(&**word)), ("startfrom", Reply::Int(*start as i64))])
        }
        BeginSearch::Unknown => ("unknown", Vec::new()),
    };
    let (find, find_facts) = match spec.find {
        FindKeys::Range { last, step, limit } => {
            ("range", vec![("lastkey", Reply::Int(last as i64)), ("keystep", int(step)), ("limit", int(limit))])
        }
        FindKeys::KeyNum { index, first, step } => {
            ("keynum", vec![("keynumidx", int(index)), ("firstkey", int(first)), ("keystep", int(step))])
        }
        FindKeys::Unknown => ("unknown", Vec::new()),
    };
    let flags = spec.flags.names().map(|name| Reply::Simple(Bytes::from_static(name.as_bytes()))).collect();
    map(vec![
        ("flags", Reply::Set(flags)),
        ("begin_search", map(vec![("type", Reply::bulk(begin)), ("spec", map(begin_facts))])),
        ("find_keys", map(vec![("type", Reply::bulk(find)), ("spec", map(find_facts))])),
    ])
}

fn map(facts: Vec<(&str, Reply)>) -> Reply {
    Reply::Map(facts.into_iter().map(|(name, fact)| (Reply::bulk(name), fact)).collect())
}
