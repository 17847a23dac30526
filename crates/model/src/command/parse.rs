//! The text of a command table, one line per command; the text's own header describes the columns.

use super::bits::{Categories, Flags, KeyFlags};
use super::keys::{BeginSearch, FindKeys, KeySpec};
use super::{ChannelUse, CommandId, CommandSpec, CommandTable, options};

impl CommandTable {
    /// Reads a table's text. The error names the line.
    pub fn parse(text: &str) -> Result<CommandTable, String> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let specs = lines.map(|line| command(line).ok_or_else(|| format!("not a line of a command table: {line}")));
        Ok(CommandTable::from_specs(specs.collect::<Result<_, _>>()?))
    }
}

fn command(line: &str) -> Option<CommandSpec> {
    let mut columns = line.split(' ');
    let mut column = || columns.next();
    let name = column()?;
    let spec = CommandSpec {
        id: CommandId(0),
        name: name.into(),
        arity: column()?.parse().ok()?,
        flags: list(column()?, ',').try_fold(Flags::empty(), |all, name| Some(all | Flags::named(name)?))?,
        categories: list(column()?, ',')
            .try_fold(Categories::empty(), |all, name| Some(all | Categories::named(name)?))?,
        tips: list(column()?, ',').map(Into::into).collect(),
        key_specs: list(column()?, ';').map(key_spec).collect::<Option<_>>()?,
        parent: None,
        subcommands: Box::default(),
        special: options::Special::of(name),
        channel_use: ChannelUse::of(name),
    };
    column().is_none().then_some(spec)
}

fn key_spec(text: &str) -> Option<KeySpec> {
    let mut parts = text.split('/');
    let flags = list(parts.next()?, ',').try_fold(KeyFlags::empty(), |all, name| Some(all | KeyFlags::named(name)?))?;
    let begin = match parts.next()?.split_once('=') {
        Some(("index", position)) => BeginSearch::Index(position.parse().ok()?),
        Some(("keyword", values)) => {
            let (word, start) = values.split_once(',')?;
            BeginSearch::Keyword { word: word.into(), start: start.parse().ok()? }
        }
        Some(_) => return None,
        None => BeginSearch::Unknown,
    };
    let find = match parts.next()?.split_once('=') {
        Some((kind, values)) => {
            let [a, b, c] = three(values)?;
            match kind {
                "range" => {
                    FindKeys::Range { last: a, step: usize::try_from(b).ok()?.max(1), limit: usize::try_from(c).ok()? }
                }
                "keynum" => FindKeys::KeyNum {
                    index: usize::try_from(a).ok()?,
                    first: usize::try_from(b).ok()?,
                    step: usize::try_from(c).ok()?.max(1),
                },
                _ => return None,
            }
        }
        None => FindKeys::Unknown,
    };
    parts.next().is_none().then_some(KeySpec { flags, begin, find })
}

fn three(values: &str) -> Option<[isize; 3]> {
    let numbers: Vec<isize> = values.split(',').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// The items of a column; `-` stands for none.
fn list(column: &str, separator: char) -> impl Iterator<Item = &str> {
    column.split(separator).filter(|&item| item != "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_is_named() {
        let good = "get 2 readonly read - RO,access/index=1/range=0,1,0";
        assert_eq!(CommandTable::parse(good).unwrap().len(), 1);
        for bad in [
            "get",
            "get x readonly read - -",
            "get 2 nosuch read - -",
            "get 2 readonly nosuch - -",
            "get 2 readonly read - RO/index=x/range=0,1,0",
            "get 2 readonly read - RO/index=1/range=0,1",
            "get 2 readonly read - - more",
        ] {
            let error = CommandTable::parse(bad).unwrap_err();
            assert!(error.ends_with(bad), "{error}");
        }
    }
}
