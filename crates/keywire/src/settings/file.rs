//! The settings file: TOML, read so that every value keeps its line and one mistake does not hide the next.

use super::parse::Given;
use super::table::SETTINGS;
use super::{Mistake, Origin};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What one line of the file gives: the setting's full name, its value, the line.
pub type Line = (String, Given, Origin);

/// Reads a file; what can be read is given, beside the mistakes.
pub fn read(path: &Path) -> (Vec<Line>, Vec<Mistake>) {
    let shown = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&shown, &text),
        Err(error) => {
            let mistake = Mistake::new(Origin::Flag(shown), format!("the settings file cannot be read: {error}"));
            (Vec::new(), vec![mistake])
        }
    }
}

/// The same for a text; `path` is for messages.
pub fn parse(path: &str, text: &str) -> (Vec<Line>, Vec<Mistake>) {
    let origin = |at: usize| {
        let before = &text.as_bytes()[..at.min(text.len())];
        Origin::File { path: path.to_owned(), line: 1 + before.iter().filter(|b| **b == b'\n').count() }
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistakes: Vec<Mistake> = errors
        .iter()
        .map(|error| Mistake::new(origin(error.span().map_or(0, |span| span.start)), error.message().to_owned()))
        .collect();
    let mut lines = Vec::new();
    flatten("", table.get_ref(), &mut |name, at, given| lines.push((at, name, given)));
    lines.sort_by_key(|(at, ..)| *at);
    let mut lines: Vec<Line> = lines.into_iter().map(|(at, name, given)| (name, given, origin(at))).collect();
    // Where a line cannot be read, what the parser made up for it is no mistake of the user's.
    lines.retain(|(_, _, origin)| mistakes.iter().all(|mistake| mistake.origin != *origin));
    (lines, mistakes)
}

/// Goes into those tables that hold settings (`[limits]`); any other table is a value of a kind no setting has.
fn flatten(prefix: &str, table: &DeTable<'_>, found: &mut impl FnMut(String, usize, Given)) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let inside = format!("{name}.");
        match value.get_ref() {
            DeValue::Table(table)
                if SETTINGS.iter().any(|s| s.name.starts_with(&inside) || (s.name == name && s.field.is_table())) =>
            {
                flatten(&inside, table, found)
            }
            _ => found(name, key.span().start, given(value)),
        }
    }
}

fn given(value: &Spanned<DeValue<'_>>) -> Given {
    match value.get_ref() {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Given::Integer(n),
            Err(_) => Given::Text(n.to_string()),
        },
        DeValue::Float(_) => Given::Other("a fraction"),
        DeValue::Boolean(value) => Given::Boolean(*value),
        DeValue::Datetime(_) => Given::Other("a date"),
        DeValue::Array(items) => Given::List(items.iter().map(given).collect()),
        DeValue::Table(_) => Given::Other("a table"),
    }
}
