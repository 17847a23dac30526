//! How many random elements `SRANDMEMBER`, `HRANDFIELD` and `ZRANDMEMBER` are asked for.

use super::args::int;
use crate::errors;
use model::Error;

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

    /// `value is out of range` for counts of which the double does not fit, where each element counts twice. This is seen
    /// before the key is.
    pub fn doubled(self) -> Result<Count, Error> {
        let half = (i64::MAX / 2) as usize;
        match self {
            Count::Different(n) | Count::Repeated(n) if n > half => Err(errors::OUT_OF_RANGE),
            _ => Ok(self),
        }
    }

    /// `value is out of range` for more draws than are answered at once.
    pub fn bounded(self) -> Result<(), Error> {
        match self {
            Count::Repeated(n) if n > DRAWS_MAX => Err(errors::OUT_OF_RANGE),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_limits() {
        assert_eq!(Count::parse(b"-9223372036854775808"), Err(errors::RANGE_OF_INT));
        assert_eq!(Count::parse(b"9223372036854775807").unwrap().bounded(), Ok(()));
        assert_eq!(Count::parse(b"9223372036854775807").unwrap().doubled(), Err(errors::OUT_OF_RANGE));
        assert_eq!(Count::Repeated(DRAWS_MAX).bounded(), Ok(()));
        assert_eq!(Count::Repeated(DRAWS_MAX + 1).bounded(), Err(errors::OUT_OF_RANGE));
    }
}
