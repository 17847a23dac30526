//! The manifest: which files the log consists of, and in which order.
//!
//! A line is `file NAME seq N type T`, where `T` is `b` for the base, `i` for an incremental file, `h` for one that is only
//! to be deleted. Lines that begin with `#` say nothing. Names with spaces or quotes are quoted.

use std::fmt::{self, Write};

/// The files of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// What there was at the last rewrite.
    pub base: Option<File>,
    /// What came since then, in order.
    pub increments: Vec<File>,
    /// What is to be deleted.
    pub history: Vec<File>,
}

/// A file of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Its name in the directory of the log, without a path.
    pub name: String,
    /// Its number; those of incremental files rise.
    pub seq: u64,
}

/// Why a manifest cannot be used. Redis refuses to start then, and so should every owner.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("manifest, line {line}: {reason}")]
pub struct BadManifest {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

/// Redis reads no longer lines, in bytes.
const LINE_MAX: usize = 1024;

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Manifest, BadManifest> {
        let mut manifest = Manifest::default();
        let mut any = false;
        for (at, line) in text.split_inclusive('\n').enumerate() {
            let bad = |reason| BadManifest { line: at + 1, reason };
            if line.starts_with('#') {
                continue;
            }
            let line = line.strip_suffix('\n').ok_or(bad("the line does not end"))?;
            if line.len() > LINE_MAX {
                return Err(bad("the line is too long"));
            }
            manifest.line(line).map_err(bad)?;
            any = true;
        }
        if any { Ok(manifest) } else { Err(BadManifest { line: 1, reason: "it names no file" }) }
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let words = split(line).ok_or("a quote is not closed")?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (mut name, mut seq, mut kind) = (None, None, None);
        for pair in words.chunks(2) {
            match pair {
                ["file", value] => name = Some(*value),
                ["seq", value] => seq = value.parse::<u64>().ok().filter(|&seq| seq > 0),
                ["type", value] => kind = Some(*value),
                [_, _] => {}
                _ => return Err("a value is missing"),
            }
        }
        let (Some(name), Some(seq), Some(kind)) = (name, seq, kind) else {
            return Err("a line is `file NAME seq NUMBER type b|i|h`");
        };
        if name.is_empty() || name.contains('/') {
            return Err("a file is named without a path");
        }
        let file = File { name: name.to_owned(), seq };
        match kind {
            "b" if self.base.is_some() => return Err("there are two bases"),
            "b" => self.base = Some(file),
            "h" => self.history.push(file),
            "i" if self.increments.last().is_some_and(|last| last.seq >= seq) => {
                return Err("the numbers of incremental files do not rise");
            }
            "i" => self.increments.push(file),
            _ => return Err("a type is b, i or h"),
        }
        Ok(())
    }

    /// The files that hold data, in the order of loading.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.base.iter().chain(&self.increments)
    }

    /// Adds a new incremental file behind the others and gives it. `prefix` is Redis' `appendfilename`.
    pub fn add_increment(&mut self, prefix: &str) -> &File {
        let seq = self.increments.last().map_or(1, |last| last.seq + 1);
        self.increments.push(File { name: format!("{prefix}.{seq}.incr.aof"), seq });
        self.increments.last().expect("one was just added")
    }

    /// The base that the next rewrite makes; its number is at least `seq_min`.
    pub fn next_base(&self, prefix: &str, seq_min: u64) -> File {
        let seq = self.base.as_ref().map_or(1, |base| base.seq + 1).max(seq_min);
        File { name: format!("{prefix}.{seq}.base.aof"), seq }
    }

    /// After a rewrite: `base` holds all that came before the incremental file of number `increment`. What is not needed
    /// any more is history: to be deleted once this manifest is in force.
    pub fn rewritten(self, base: File, increment: u64) -> Manifest {
        let (increments, old): (Vec<File>, Vec<File>) =
            self.increments.into_iter().partition(|file| file.seq >= increment);
        let history = self.history.into_iter().chain(self.base).chain(old).collect();
        Manifest { base: Some(base), increments, history }
    }
}

impl fmt::Display for Manifest {
    /// The text of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let history = self.history.iter().map(|file| (file, 'h'));
        let files = self.base.iter().map(|file| (file, 'b')).chain(history);
        for (file, kind) in files.chain(self.increments.iter().map(|file| (file, 'i'))) {
            writeln!(f, "file {} seq {} type {kind}", quoted(&file.name), file.seq)?;
        }
        Ok(())
    }
}

fn quoted(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\')) {
        return name.to_owned();
    }
    let mut text = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b' '..=b'~' => text.push(char::from(byte)),
            _ => _ = write!(text, "\\x{byte:02x}"),
        }
    }
    text + "\""
}

/// Words between spaces; in double quotes `\xNN` and `\` before a character.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = unquote(quoted.as_bytes())?;
            words.push(word);
            rest = &quoted[after..];
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Some(words)
}

/// The word, and how long it was with its closing quote.
fn unquote(text: &[u8]) -> Option<(String, usize)> {
    let (mut word, mut at) = (Vec::new(), 0);
    loop {
        match *text.get(at)? {
            b'"' => return Some((String::from_utf8(word).ok()?, at + 1)),
            b'\\' if text.get(at + 1) == Some(&b'x') => {
                let hex = std::str::from_utf8(text.get(at + 2..at + 4)?).ok()?;
                word.push(u8::from_str_radix(hex, 16).ok()?);
                at += 4;
            }
            b'\\' => {
                word.push(*text.get(at + 1)?);
                at += 2;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "file appendonly.aof.2.base.aof seq 2 type b\nfile appendonly.aof.3.incr.aof seq 3 type i\n";

    #[test]
    fn a_manifest_is_read_and_written() {
        let manifest = Manifest::parse(&format!("# a comment\n{TEXT}")).unwrap();
        assert_eq!(manifest.to_string(), TEXT);
        assert_eq!(manifest.files().count(), 2);
        let odd = Manifest { increments: vec![File { name: "a \"b\\ \u{e9}".into(), seq: 1 }], ..Manifest::default() };
        assert_eq!(Manifest::parse(&odd.to_string()), Ok(odd));
    }

    #[test]
    fn what_redis_refuses_is_refused() {
        for (text, why) in [
            ("", "it names no file"),
            ("# nothing\n", "it names no file"),
            ("file a seq 1 type i", "the line does not end"),
            ("file a seq 1 type i\nfile b seq 1 type i\n", "the numbers of incremental files do not rise"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "there are two bases"),
            ("file a/b seq 1 type b\n", "a file is named without a path"),
            ("file a seq 1 type x\n", "a type is b, i or h"),
            ("file a seq 1\n", "a line is `file NAME seq NUMBER type b|i|h`"),
            ("file a seq 1 type\n", "a value is missing"),
        ] {
            assert_eq!(Manifest::parse(text).map_err(|bad| bad.reason), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_rewrite_makes_the_old_files_history() {
        let mut manifest = Manifest::parse(TEXT).unwrap();
        let new = manifest.add_increment("appendonly.aof").clone();
        assert_eq!(new, File { name: "appendonly.aof.4.incr.aof".into(), seq: 4 });
        let base = manifest.next_base("appendonly.aof", 1);
        let manifest = manifest.rewritten(base, new.seq);
        let names: Vec<&str> = manifest.files().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["appendonly.aof.3.base.aof", "appendonly.aof.4.incr.aof"]);
        assert_eq!(manifest.history.len(), 2);
        assert_eq!(Manifest::parse(&manifest.to_string()), Ok(manifest));
    }
}
