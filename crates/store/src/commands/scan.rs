//! The options and the reply of `SCAN`, `HSCAN`, `SSCAN` and `ZSCAN`.

use super::args::{int, is, value};
use crate::errors;
use bytes::Bytes;
use model::{Error, Reply};

/// What a scan asks for.
#[derive(Debug)]
pub struct Scan<'a> {
    /// Where to go on; 0 begins.
    pub cursor: u64,
    /// About how many elements to look at.
    pub count: usize,
    pattern: Option<&'a Bytes>,
    /// `TYPE`, which only `SCAN` has.
    pub type_name: Option<&'a Bytes>,
}

impl<'a> Scan<'a> {
    /// What Redis looks at if not told otherwise.
    const COUNT_DEFAULT: usize = 10;

    /// A cursor as `strtoul` reads it: a sign is allowed, and nothing at all is 0. `invalid cursor` otherwise.
    pub fn cursor(arg: &[u8]) -> Result<u64, Error> {
        let text = arg.split(|&b| b == 0).next().unwrap_or(arg);
        let (negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            [] => return Ok(0),
            digits => (false, digits),
        };
        let valid = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number: u64 = valid.and_then(|text| text.parse().ok()).ok_or(errors::INVALID_CURSOR)?;
        Ok(if negative { number.wrapping_neg() } else { number })
    }

    /// `[MATCH pattern] [COUNT count]`.
    pub fn parse(cursor: u64, options: &'a [Bytes]) -> Result<Scan<'a>, Error> {
        let scan = Scan::parse_with_type(cursor, options)?;
        if scan.type_name.is_some() { Err(errors::SYNTAX) } else { Ok(scan) }
    }

    /// `[MATCH pattern] [COUNT count] [TYPE type]`.
    pub fn parse_with_type(cursor: u64, options: &'a [Bytes]) -> Result<Scan<'a>, Error> {
        let mut scan = Scan { cursor, count: Scan::COUNT_DEFAULT, pattern: None, type_name: None };
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            let argument = value(&mut rest)?;
            match option {
                o if is(o, "MATCH") => scan.pattern = Some(argument),
                o if is(o, "TYPE") => scan.type_name = Some(argument),
                o if is(o, "COUNT") => {
                    let count = int(argument)?;
                    scan.count = usize::try_from(count).ok().filter(|&n| n > 0).ok_or(errors::SYNTAX)?;
                }
                _ => return Err(errors::SYNTAX),
            }
        }
        Ok(scan)
    }

    /// Whether an element of this name is to be shown.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| model::glob::matches(pattern, name))
    }

    /// The next cursor and what was found.
    pub fn reply(next: u64, found: Vec<Reply>) -> Reply {
        Reply::Array(vec![Reply::bulk(itoa::Buffer::new().format(next)), Reply::Array(found)])
    }
}
