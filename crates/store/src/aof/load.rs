//! Bytes of a log into a store.
//!
//! A log may end in the middle of a command or of a transaction: whoever wrote it was ended then. That is told with the
//! place up to which it is good. Bytes that no log can have are an error with their place.

use crate::store::Store;
use bytes::Bytes;
use model::Reply;

/// Loads one file, piece by piece.
#[derive(Debug, Default)]
pub struct Loader {
    /// How many bytes were taken.
    offset: u64,
    db: usize,
    /// The transaction that began and did not end yet.
    open: Option<Open>,
    /// Commands that the store answered with an error; Redis logs them and goes on.
    failed: u64,
    /// Commands carried out.
    commands: u64,
}

#[derive(Debug)]
struct Open {
    /// Where its `MULTI` is.
    offset: u64,
    /// The database that it began in.
    db: usize,
    lines: Vec<Vec<Bytes>>,
}

/// Why a file cannot be loaded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bad log at byte {offset}: {reason}")]
pub struct Corrupt {
    /// The first byte that is wrong, or the beginning of the command that is.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// How a file ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// After a whole command.
    Whole,
    /// In the middle of a command or transaction: only so many bytes are good.
    Truncated {
        /// The length to cut the file to.
        valid_len: u64,
    },
}

/// The most words of a command, and bytes of a word: more is no log.
const WORDS_MAX: usize = 1 << 24;
const WORD_BYTES_MAX: usize = 1 << 30;

impl Loader {
    /// At the beginning of a file.
    pub fn new() -> Loader {
        Loader::default()
    }

    /// Carries out the whole commands at the beginning of `bytes`; how many bytes they were. The caller keeps the rest and
    /// gives it again with more behind it.
    pub fn load(&mut self, store: &mut Store, bytes: &[u8]) -> Result<usize, Corrupt> {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let (line, len) = match parse(rest) {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(taken),
                Err((at, reason)) => return Err(corrupt(self.offset + at as u64, reason)),
            };
            if !line.is_empty() {
                self.command(store, line)?;
            }
            taken += len;
            self.offset += len as u64;
        }
    }

    /// The file ends with `rest_len` bytes that [`Loader::load`] did not take.
    pub fn finish(&self, rest_len: usize) -> Ending {
        match &self.open {
            Some(open) => Ending::Truncated { valid_len: open.offset },
            None if rest_len > 0 => Ending::Truncated { valid_len: self.offset },
            None => Ending::Whole,
        }
    }

    /// Commands that were carried out, and those of them that failed as they did when they were logged, or worse.
    pub fn counts(&self) -> (u64, u64) {
        (self.commands, self.failed)
    }

    fn command(&mut self, store: &mut Store, line: Vec<Bytes>) -> Result<(), Corrupt> {
        let is = |name: &str| line[0].eq_ignore_ascii_case(name.as_bytes());
        match &mut self.open {
            _ if is("MULTI") => {
                self.open = Some(Open { offset: self.offset, db: self.db, lines: Vec::new() });
                Ok(())
            }
            Some(_) if is("EXEC") => {
                let lines = self.open.take().map(|open| open.lines).unwrap_or_default();
                lines.iter().try_for_each(|line| self.run(store, line))
            }
            Some(open) if is("DISCARD") => {
                self.db = open.db;
                self.open = None;
                Ok(())
            }
            Some(open) => {
                open.lines.push(line);
                Ok(())
            }
            None => self.run(store, &line),
        }
    }

    fn run(&mut self, store: &mut Store, line: &[Bytes]) -> Result<(), Corrupt> {
        if line[0].eq_ignore_ascii_case(b"SELECT") {
            let db = line.get(1).and_then(|db| std::str::from_utf8(db).ok()?.parse().ok());
            let no_db = || corrupt(self.offset, "it selects a database that is not there".into());
            self.db = db.filter(|&db| db < store.databases()).ok_or_else(no_db)?;
            return Ok(());
        }
        let reply = store.replay(self.db, line).map_err(|error| corrupt(self.offset, error.to_string()))?;
        self.commands += 1;
        self.failed += u64::from(matches!(reply, Reply::Error(_)));
        Ok(())
    }
}

fn corrupt(offset: u64, reason: String) -> Corrupt {
    Corrupt { offset, reason }
}

type Bad = (usize, String);

/// The command at the beginning and how long it is; an empty one for an annotation. `None`: more is needed.
fn parse(bytes: &[u8]) -> Result<Option<(Vec<Bytes>, usize)>, Bad> {
    match bytes.first() {
        None => return Ok(None),
        Some(b'#') => {
            let end = bytes.iter().position(|&b| b == b'\n');
            return Ok(end.map(|end| (Vec::new(), end + 1)));
        }
        Some(b'*') => {}
        Some(_) => return Err((0, "a command was expected".into())),
    }
    let Some((count, mut at)) = number(bytes, 0, WORDS_MAX)? else { return Ok(None) };
    if count == 0 {
        return Err((0, "a command without words".into()));
    }
    let mut words = Vec::with_capacity(count.min(1024));
    for _ in 0..count {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(_) => return Err((at, "a word of a command was expected".into())),
        }
        let Some((len, start)) = number(bytes, at, WORD_BYTES_MAX)? else { return Ok(None) };
        let end = start + len;
        for (offset, expected) in [(end, b'\r'), (end + 1, b'\n')] {
            match bytes.get(offset) {
                None => return Ok(None),
                Some(&byte) if byte == expected => {}
                Some(_) => return Err((offset, "a word is longer than it says".into())),
            }
        }
        words.push(Bytes::copy_from_slice(&bytes[start..end]));
        at = end + 2;
    }
    Ok(Some((words, at)))
}

/// The number behind the sign at `at`, and where the line after it begins.
fn number(bytes: &[u8], at: usize, max: usize) -> Result<Option<(usize, usize)>, Bad> {
    /// Digits that are looked at before a number is called none.
    const DIGITS_MAX: usize = 20;
    let digits = bytes[at + 1..].iter().take(DIGITS_MAX).take_while(|b| b.is_ascii_digit()).count();
    let end = at + 1 + digits;
    for (offset, expected) in [(end, b'\r'), (end + 1, b'\n')] {
        match bytes.get(offset) {
            None => return Ok(None),
            Some(&byte) if byte == expected && digits > 0 => {}
            Some(_) => return Err((offset, "a number was expected".into())),
        }
    }
    let text = std::str::from_utf8(&bytes[at + 1..end]).expect("digits are text");
    match text.parse::<usize>() {
        Ok(number) if number <= max => Ok(Some((number, end + 2))),
        _ => Err((at, "a number is too large".into())),
    }
}
