//! The two ends of a range by score or by member.

use bytes::Bytes;

/// Whether a bound's own value belongs to the range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// It does.
    Inclusive,
    /// It does not: Redis' `(`.
    Exclusive,
}

/// One end of a range by score; the value may be infinite.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ScoreBound {
    /// The score.
    pub score: f64,
    /// Whether the score itself is in.
    pub edge: Edge,
}

impl ScoreBound {
    /// As the lower end: whether this score lies before the range.
    pub(super) fn excludes_below(&self, score: f64) -> bool {
        match self.edge {
            Edge::Inclusive => score < self.score,
            Edge::Exclusive => score <= self.score,
        }
    }

    /// As the upper end: whether this score lies after the range.
    pub(super) fn excludes_above(&self, score: f64) -> bool {
        match self.edge {
            Edge::Inclusive => score > self.score,
            Edge::Exclusive => score >= self.score,
        }
    }
}

/// One end of a range by member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LexBound {
    /// Before every member: `-`.
    Lowest,
    /// After every member: `+`.
    Highest,
    /// This member: `[member` or `(member`.
    At(Bytes, Edge),
}

impl LexBound {
    /// As the lower end: whether this member lies before the range.
    pub(super) fn excludes_below(&self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::At(at, Edge::Inclusive) => *member < **at,
            LexBound::At(at, Edge::Exclusive) => *member <= **at,
        }
    }

    /// As the upper end: whether this member lies after the range.
    pub(super) fn excludes_above(&self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => true,
            LexBound::Highest => false,
            LexBound::At(at, Edge::Inclusive) => *member > **at,
            LexBound::At(at, Edge::Exclusive) => *member >= **at,
        }
    }
}
