//! The reference page `docs/settings.md`, made of the table and of the documentation of the fields.
//! `UPDATE_DOCS=1 cargo test -p keywire settings` writes it; without the variable the test compares.

use super::Settings;
use super::table::{Field, SETTINGS, Setting};
use std::ops::RangeInclusive;

const HEAD: &str = "# Settings

Each setting can be given in a TOML file (`--config FILE` or `KEYWIRE_CONFIG`), as an environment variable
(`KEYWIRE_` and the name in capitals, a dot as `_`: `KEYWIRE_LIMITS_FEEDS_MAX`) and as a flag (`--set limits.feeds_max=500`;
the most used have flags of their own, see `keywire serve --help`). A flag outranks a variable, a variable the file, the file the default.
`keywire check` takes the same flags, prints what is effective and where it came from, or all mistakes with their places.
A mistake ends the program with exit code 2.

A running server reads all of it again on SIGHUP, or when the file (or a file of TLS, or of the admin's secret) has
changed: what is marked so below is taken at once, limits of connections for those that come from then on; the log names
what needs a restart, and says what is wrong if anything is, in which case all stays as it was.

Sizes are bytes, or `64KiB`, `1MiB`, `2GiB` (`kB`, `MB`, `GB` count by thousands). Times are milliseconds, or `500ms`, `10s`, `2min`, `1h`.
Lists are arrays in the file, elsewhere separated by commas or spaces; rules are separated by spaces.

This page is made from the code: change it there.
";

fn page() -> String {
    // Each with the settings that may be described there: names of fields need not differ between tables.
    let settings = [
        ("deflate.", include_str!("deflate.rs")),
        ("", include_str!("../settings.rs")),
        ("", include_str!("servers.rs")),
        ("", include_str!("resp.rs")),
        ("", include_str!("store.rs")),
        ("", include_str!("auth.rs")),
        ("", include_str!("transport.rs")),
        ("", include_str!("operation.rs")),
        ("", include_str!("../logs.rs")),
        ("", include_str!("../../../model/src/limits.rs")),
    ];
    let mut page = HEAD.to_owned();
    for setting in SETTINGS {
        let field = setting.name.rsplit('.').next().unwrap_or(setting.name);
        let mut sources = settings.iter().filter(|(table, _)| setting.name.starts_with(table));
        let doc = sources.find_map(|(_, source)| documentation(source, field));
        let doc = doc.unwrap_or_else(|| panic!("the field {field} has no documentation"));
        page += &format!(
            "\n## `{}`\n\n{doc}\n\n{} · default: {}{}\n",
            setting.name,
            kind(&setting.field),
            default(setting),
            reload(setting)
        );
    }
    page
}

/// The doc comment before `pub field:`.
fn documentation(source: &str, field: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| line.starts_with(&format!("pub {field}: ")))?;
    let doc = lines[..at].iter().rev().map_while(|line| line.strip_prefix("/// ")).collect::<Vec<_>>();
    Some(doc.into_iter().rev().collect::<Vec<_>>().join("\n")).filter(|doc| !doc.is_empty())
}

fn kind(field: &Field) -> String {
    let sizes = |r: &RangeInclusive<u64>| {
        let [a, b] = [r.start(), r.end()].map(|n| super::parse::shown_size(*n as usize));
        format!("size, {a} to {b}")
    };
    match field {
        Field::Size(_, bounds) => sizes(bounds),
        Field::Count(_, b) | Field::Count32(_, b) => format!("whole number, {} to {}", b.start(), b.end()),
        Field::Boolean(_) => "`true` or `false`".into(),
        Field::Millis(_, b) => format!("time, {} to {} ms", b.start(), b.end()),
        Field::Window(_, b) => format!("two times, {} to {} ms", b.start(), b.end()),
        Field::Text(..) => "string".into(),
        Field::List(..) => "list of strings".into(),
        Field::Rules(..) | Field::OptionalRules(_) => "rules".into(),
        Field::Addresses(_) | Field::OptionalAddresses(_) => "list of addresses".into(),
        Field::Secret(_) => "text, never shown".into(),
        Field::LogFormat(_) => "`text` or `json`".into(),
        Field::OneOf(_, words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Field::Url(..) => "URL".into(),
        Field::File(_) => "path".into(),
        Field::Texts(_) | Field::Keys(..) => "table of strings".into(),
        Field::RulesByName(_) => "table of rules".into(),
    }
}

fn reload(setting: &Setting) -> &'static str {
    if super::is_reloadable(setting.name) { " · taken without a restart" } else { "" }
}

fn default(setting: &Setting) -> String {
    match (setting.computed, setting.field.shown(&Settings::default())) {
        (Some(what), _) => what.to_owned(),
        (None, Some(value)) => format!("`{value}`"),
        (None, None) => "not set".to_owned(),
    }
}

#[test]
fn the_reference_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page(), "docs/settings.md is not current: UPDATE_DOCS=1 cargo test -p keywire settings");
}
