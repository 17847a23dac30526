//! `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]` (<https://redis.io/docs/latest/commands/lcs/>).

use crate::commands::args::{int, is, size, value};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Text;
use bytes::Bytes;
use model::{Error, Reply};

/// The longest common subsequence of two strings, its length, or where its parts are.
pub const COMMAND: Command = Command::read("lcs", run);

/// Greatest product of the two lengths: one comparison takes a byte pair, and a read must not hold the store up. Redis
/// itself only refuses what does not fit in memory.
const CELLS_MAX: usize = 64 << 20;

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let (a, b) = match (txn.read::<Text>(&args[0]), txn.read::<Text>(&args[1])) {
        (Ok(a), Ok(b)) => (a.map_or(&b""[..], |a| a), b.map_or(&b""[..], |b| b)),
        _ => return Err(errors::custom("The specified keys must contain string values")),
    };
    let options = Options::parse(&args[2..])?;
    if (a.len() + 1).saturating_mul(b.len() + 1) > CELLS_MAX {
        return Err(errors::custom("String too long for LCS"));
    }
    let lengths = Lengths::new(a, b);
    if options.len {
        return Ok(size(lengths.at(a.len(), b.len())));
    }
    let matches = lengths.matches(a, b);
    if !options.idx {
        let common: Vec<u8> = matches.iter().rev().flat_map(|m| a[m.a..m.a + m.len].iter().copied()).collect();
        return Ok(Reply::Bulk(common.into()));
    }
    let shown = matches.iter().filter(|m| m.len >= options.min_match_len);
    let shown = shown.map(|m| m.reply(options.with_match_len)).collect();
    let total = size(lengths.at(a.len(), b.len()));
    Ok(Reply::Map(vec![(Reply::bulk("matches"), Reply::Array(shown)), (Reply::bulk("len"), total)]))
}

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    min_match_len: usize,
    with_match_len: bool,
}

impl Options {
    fn parse(args: &[Bytes]) -> Result<Options, Error> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            match option {
                o if is(o, "LEN") => options.len = true,
                o if is(o, "IDX") => options.idx = true,
                o if is(o, "WITHMATCHLEN") => options.with_match_len = true,
                o if is(o, "MINMATCHLEN") => {
                    options.min_match_len = usize::try_from(int(value(&mut rest)?)?).unwrap_or(0);
                }
                _ => return Err(errors::SYNTAX),
            }
        }
        if options.len && options.idx {
            return Err(errors::custom("If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }
}

/// The length of the longest common subsequence of every pair of prefixes.
struct Lengths {
    cells: Vec<u32>,
    /// Cells per row: one more than `b` has bytes.
    width: usize,
}

/// A run of equal bytes at a position in each string.
#[derive(Clone, Copy)]
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

impl Lengths {
    fn new(a: &[u8], b: &[u8]) -> Lengths {
        let width = b.len() + 1;
        let mut cells = vec![0; (a.len() + 1) * width];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                cells[i * width + j] = if a[i - 1] == b[j - 1] {
                    cells[(i - 1) * width + j - 1] + 1
                } else {
                    cells[(i - 1) * width + j].max(cells[i * width + j - 1])
                };
            }
        }
        Lengths { cells, width }
    }

    fn at(&self, i: usize, j: usize) -> usize {
        self.cells[i * self.width + j] as usize
    }

    /// The runs of the subsequence, from the last to the first, which is the order Redis answers them in.
    fn matches(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let (mut i, mut j) = (a.len(), b.len());
        let mut matches: Vec<Match> = Vec::new();
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match matches.last_mut() {
                    Some(last) if (last.a, last.b) == (i + 1, j + 1) => *last = Match { a: i, b: j, len: last.len + 1 },
                    _ => matches.push(Match { a: i, b: j, len: 1 }),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        matches
    }
}

impl Match {
    fn reply(self, with_len: bool) -> Reply {
        let part = |from: usize| Reply::Array(vec![size(from), size(from + self.len - 1)]);
        let mut parts = vec![part(self.a), part(self.b)];
        if with_len {
            parts.push(size(self.len));
        }
        Reply::Array(parts)
    }
}
