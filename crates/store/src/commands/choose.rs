//! Random choices among the elements of a dense value, for `SRANDMEMBER`, `HRANDFIELD`, `ZRANDMEMBER` and `SPOP`.

use super::args::int;
use crate::errors;
use crate::random::Random;
use model::Error;
use std::collections::BTreeSet;

/// How many elements are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    /// So many different ones, at most all there are.
    Different(usize),
    /// So many, each drawn from all.
    Repeated(usize),
}

/// The most draws with repeats of one command: what is drawn is held in memory at once. Redis has no such limit.
const DRAWS_MAX: usize = 1 << 20;

impl Count {
    /// From the argument: a negative number allows repeats.
    pub fn parse(arg: &[u8]) -> Result<Count, Error> {
        let count = int(arg)?;
        if count == i64::MIN {
            return Err(errors::RANGE_OF_INT);
        }
        let size = usize::try_from(count.unsigned_abs()).map_err(|_| errors::OUT_OF_RANGE)?;
        Ok(if count < 0 { Count::Repeated(size) } else { Count::Different(size) })
    }

    /// `value is out of range` for counts that cannot be answered; with values, each element counts twice.
    pub fn bounded(self, with_values: bool) -> Result<(), Error> {
        let half = (i64::MAX / 2) as usize;
        match self {
            Count::Different(n) | Count::Repeated(n) if with_values && n > half => Err(errors::OUT_OF_RANGE),
            Count::Repeated(n) if n > DRAWS_MAX => Err(errors::OUT_OF_RANGE),
            _ => Ok(()),
        }
    }
}

/// Positions below `len`, drawn fairly. Different ones come in rising order unless all are asked for at random.
pub fn positions(random: &Random, len: usize, count: Count) -> Vec<usize> {
    match count {
        _ if len == 0 => Vec::new(),
        Count::Repeated(count) => (0..count).map(|_| random.below(len)).collect(),
        Count::Different(count) if count >= len => (0..len).collect(),
        Count::Different(count) => different(random, len, count),
    }
}

/// Floyd's sampling: `count` different positions in `count` draws, each subset as likely as any other.
fn different(random: &Random, len: usize, count: usize) -> Vec<usize> {
    let mut chosen = BTreeSet::new();
    for end in len - count..len {
        let drawn = random.below(end + 1);
        chosen.insert(if chosen.contains(&drawn) { end } else { drawn });
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_positions_are_different_and_fair() {
        let random = Random::new(1);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            let drawn = positions(&random, 5, Count::Different(2));
            assert!(drawn.len() == 2 && drawn[0] < drawn[1]);
            drawn.iter().for_each(|&at| seen[at] += 1);
        }
        assert!(seen.iter().all(|&n| (330..470).contains(&n)), "{seen:?}");
        assert_eq!(positions(&random, 3, Count::Different(9)), [0, 1, 2]);
        assert_eq!(positions(&random, 3, Count::Different(0)), []);
        assert_eq!(positions(&random, 0, Count::Repeated(3)), []);
        assert_eq!(positions(&random, 1, Count::Repeated(3)), [0, 0, 0]);
    }

    #[test]
    fn counts_have_limits() {
        assert_eq!(Count::parse(b"-9223372036854775808"), Err(errors::RANGE_OF_INT));
        assert_eq!(Count::parse(b"9223372036854775807").unwrap().bounded(false), Ok(()));
        assert_eq!(Count::parse(b"9223372036854775807").unwrap().bounded(true), Err(errors::OUT_OF_RANGE));
        assert_eq!(Count::Repeated(DRAWS_MAX).bounded(true), Ok(()));
        assert_eq!(Count::Repeated(DRAWS_MAX + 1).bounded(true), Err(errors::OUT_OF_RANGE));
    }
}
