//! What several sorted-set commands do: bounds and ranges, replies of members, pops, combinations.

use crate::commands::args::{self, int, is};
use crate::commands::{Outcome, wrong_number_of_arguments};
use crate::db::txn::{Deadline, Edit, Txn};
use crate::errors;
use crate::number::{parse_bound, parse_double};
use crate::room::Room;
use crate::types::zset::combine::{self, Aggregate, Input, Source};
use crate::types::zset::{Edge, LexBound, ScoreBound};
use crate::types::{Kind, Set, Value, Zset};
use bytes::Bytes;
use model::{Error, Reply, Shape};
use std::ops::Range;

/// A member, or a member and its score.
pub fn member(member: &[u8], score: f64, with_score: bool) -> Reply {
    let name = Reply::bulk(member);
    if with_score { Reply::Array(vec![name, Reply::Double(score)]) } else { name }
}

/// Members in this order, with or without their scores.
pub fn members<'a>(mut room: Room, items: impl Iterator<Item = (&'a [u8], f64)>, with_scores: bool) -> Outcome {
    match with_scores {
        false => args::strings(room, Shape::Array, items.map(|(name, _)| name)),
        true => Ok(Reply::Array(room.gather(items.map(|(name, score)| member(name, score, true)))?)),
    }
}

/// A score, or null.
pub fn score_or_null(score: Option<f64>) -> Reply {
    score.map_or(Reply::Null, Reply::Double)
}

/// The member's score plus `by`, or `by` if it is not there.
pub fn incremented(zset: &Zset, member: &[u8], by: f64) -> Result<f64, Error> {
    // A new member has `by` as it is, -0 included.
    let sum = zset.score(member).map_or(by, |score| score + by);
    if sum.is_nan() { Err(errors::custom("resulting score is not a number (NaN)")) } else { Ok(sum) }
}

/// How a range of members is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// By the first and the last rank.
    Rank,
    /// By the least and the greatest score.
    Score,
    /// By the first and the last member.
    Lex,
}

/// A range of members.
#[derive(Clone, PartialEq, Debug)]
pub enum Span {
    /// Both included, negative ones counted from the end.
    Rank(i64, i64),
    /// Between two scores.
    Score(ScoreBound, ScoreBound),
    /// Between two members.
    Lex(LexBound, LexBound),
}

impl Span {
    /// The range that a command's two arguments name.
    pub fn parse(by: By, min: &Bytes, max: &Bytes) -> Result<Span, Error> {
        Ok(match by {
            By::Rank => Span::Rank(int(min)?, int(max)?),
            By::Score => Span::Score(score_bound(min)?, score_bound(max)?),
            By::Lex => Span::Lex(lex_bound(min)?, lex_bound(max)?),
        })
    }

    /// The ranks of its members.
    pub fn ranks(&self, zset: &Zset) -> Range<usize> {
        match self {
            Span::Rank(start, end) => args::range(*start, *end, zset.len()),
            Span::Score(min, max) => zset.ranks_by_score(*min, *max),
            Span::Lex(min, max) => zset.ranks_by_lex(min, max),
        }
    }
}

fn score_bound(arg: &[u8]) -> Result<ScoreBound, Error> {
    let (text, edge) = match arg.strip_prefix(b"(") {
        Some(text) => (text, Edge::Exclusive),
        None => (arg, Edge::Inclusive),
    };
    let score = parse_bound(text).ok_or_else(|| errors::custom("min or max is not a float"))?;
    Ok(ScoreBound { score, edge })
}

fn lex_bound(arg: &Bytes) -> Result<LexBound, Error> {
    match &arg[..] {
        b"-" => Ok(LexBound::Lowest),
        b"+" => Ok(LexBound::Highest),
        [b'[', ..] => Ok(LexBound::At(arg.slice(1..), Edge::Inclusive)),
        [b'(', ..] => Ok(LexBound::At(arg.slice(1..), Edge::Exclusive)),
        _ => Err(errors::custom("min or max not valid string range item")),
    }
}

/// Which members a command of the `ZRANGE` family asks for, and in which order.
#[derive(Clone, PartialEq, Debug)]
pub struct Selection {
    span: Span,
    reverse: bool,
    /// How many are skipped, and how many at most are given: all if negative.
    limit: (i64, i64),
    with_scores: bool,
}

impl Selection {
    /// From `min max [option …]`. `by` and `reverse` are given where the command's name says them, else they are
    /// options; a command that stores takes no `WITHSCORES`.
    pub fn parse(args: &[Bytes], by: Option<By>, reverse: Option<bool>, stores: bool) -> Result<Selection, Error> {
        let (mut chosen, mut backwards, mut limit, mut with_scores) = (by, reverse, (0, -1), false);
        let mut options = args[2..].iter();
        while let Some(option) = options.next() {
            match () {
                () if !stores && is(option, "WITHSCORES") => with_scores = true,
                () if is(option, "LIMIT") && options.len() >= 2 => {
                    limit = (int(args::value(&mut options)?)?, int(args::value(&mut options)?)?);
                }
                () if backwards.is_none() && is(option, "REV") => backwards = Some(true),
                () if chosen.is_none() && is(option, "BYLEX") => chosen = Some(By::Lex),
                () if chosen.is_none() && is(option, "BYSCORE") => chosen = Some(By::Score),
                () => return Err(errors::SYNTAX),
            }
        }
        let (by, reverse) = (chosen.unwrap_or(By::Rank), backwards.unwrap_or(false));
        if by == By::Rank && limit.1 != -1 {
            return Err(errors::custom(
                "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Lex && with_scores {
            return Err(errors::custom("syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let (min, max) = if reverse && by != By::Rank { (&args[1], &args[0]) } else { (&args[0], &args[1]) };
        Ok(Selection { span: Span::parse(by, min, max)?, reverse, limit, with_scores })
    }

    /// The ranks of the members, in ascending order.
    pub fn ranks(&self, zset: &Zset) -> Range<usize> {
        let Range { start, end } = match self.span {
            Span::Rank(..) => {
                let ranks = self.span.ranks(zset);
                return if self.reverse { zset.len() - ranks.end..zset.len() - ranks.start } else { ranks };
            }
            _ => self.span.ranks(zset),
        };
        // A negative offset gives nothing, a negative count everything.
        let skipped = usize::try_from(self.limit.0).unwrap_or(usize::MAX).min(end - start);
        let taken = usize::try_from(self.limit.1).unwrap_or(usize::MAX).min(end - start - skipped);
        if self.reverse { end - skipped - taken..end - skipped } else { start + skipped..start + skipped + taken }
    }

    /// The members in the order asked for.
    pub fn reply(&self, zset: &Zset, room: Room) -> Outcome {
        let items = zset.range(self.ranks(zset));
        if self.reverse { members(room, items.rev(), self.with_scores) } else { members(room, items, self.with_scores) }
    }
}

/// Answers `key min max [option …]` with the members.
pub fn select(txn: &Txn<'_>, args: &[Bytes], by: Option<By>, reverse: Option<bool>) -> Outcome {
    let selection = Selection::parse(&args[1..], by, reverse, false)?;
    let Some(zset) = txn.read::<Zset>(&args[0])? else { return Ok(Reply::Array(Vec::new())) };
    selection.reply(zset, txn.room())
}

/// Answers `key min max` with how many members there are.
pub fn count(txn: &Txn<'_>, args: &[Bytes], by: By) -> Outcome {
    let span = Span::parse(by, &args[1], &args[2])?;
    Ok(args::size(txn.read::<Zset>(&args[0])?.map_or(0, |zset| span.ranks(zset).len())))
}

/// Removes the members of `key min max` and answers how many they were.
pub fn remove(txn: &mut Txn<'_>, args: &[Bytes], by: By) -> Outcome {
    let span = Span::parse(by, &args[1], &args[2])?;
    let removed = txn.update(&args[0], |zset: &mut Zset| {
        let removed = zset.remove_ranks(span.ranks(zset));
        Edit::when(removed > 0, removed)
    })?;
    Ok(args::size(removed.unwrap_or(0)))
}

/// Answers `key member [WITHSCORE]` with the rank, counted from the end if `reverse`.
pub fn rank(txn: &Txn<'_>, args: &[Bytes], reverse: bool, command: &str) -> Outcome {
    let (key, name) = (&args[0], &args[1]);
    let with_score = match &args[2..] {
        [] => false,
        [option] if is(option, "WITHSCORE") => true,
        [_] => return Err(errors::SYNTAX),
        _ => return Err(wrong_number_of_arguments(command)),
    };
    let missing = if with_score { Reply::NullArray } else { Reply::Null };
    let Some(zset) = txn.read::<Zset>(key)? else { return Ok(missing) };
    let (Some(rank), Some(score)) = (zset.rank(name), zset.score(name)) else { return Ok(missing) };
    let rank = args::size(if reverse { zset.len() - 1 - rank } else { rank });
    Ok(if with_score { Reply::Array(vec![rank, Reply::Double(score)]) } else { rank })
}

/// One end of a sorted set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The least score.
    Min,
    /// The greatest score.
    Max,
}

impl End {
    /// From `MIN` or `MAX`.
    pub fn parse(word: &[u8]) -> Result<End, Error> {
        match () {
            () if is(word, "MIN") => Ok(End::Min),
            () if is(word, "MAX") => Ok(End::Max),
            () => Err(errors::SYNTAX),
        }
    }
}

/// Takes so many members from one end; their replies with scores, from that end on.
pub fn pop(txn: &mut Txn<'_>, key: &Bytes, end: End, count: usize) -> Result<Vec<Reply>, Error> {
    let popped = txn.update(key, |zset: &mut Zset| {
        let (len, count) = (zset.len(), count.min(zset.len()));
        let ranks = if end == End::Min { 0..count } else { len - count..len };
        let mut items: Vec<Reply> = zset.range(ranks.clone()).map(|(name, score)| member(name, score, true)).collect();
        if end == End::Max {
            items.reverse();
        }
        Edit::when(zset.remove_ranks(ranks) > 0, items)
    })?;
    Ok(popped.unwrap_or_default())
}

/// Answers `key [count]` with members taken from one end: one flat pair, or with a count an array of pairs.
pub fn pop_one_or_more(txn: &mut Txn<'_>, args: &[Bytes], end: End) -> Outcome {
    match &args[1..] {
        [] => Ok(pop(txn, &args[0], end, 1)?.pop().unwrap_or_else(|| Reply::Array(Vec::new()))),
        [count] => {
            let count = args::count(count)?;
            Ok(Reply::Array(pop(txn, &args[0], end, count)?))
        }
        _ => Err(errors::SYNTAX),
    }
}

/// What is done with several sorted sets or sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// `ZUNION`.
    Union,
    /// `ZINTER`.
    Intersection,
    /// `ZDIFF`.
    Difference,
}

/// Answers `numkeys key [key …] [option …]` with the combined members.
pub fn combined(txn: &Txn<'_>, args: &[Bytes], operation: Operation, command: &str) -> Outcome {
    let (zset, with_scores) = combine(txn, args, operation, command, false)?;
    members(txn.room(), zset.iter(), with_scores)
}

/// Stores the combined members of `destination numkeys key [key …] [option …]` and answers how many they are.
pub fn store_combined(txn: &mut Txn<'_>, args: &[Bytes], operation: Operation, command: &str) -> Outcome {
    let (zset, _) = combine(txn, &args[1..], operation, command, true)?;
    Ok(store(txn, &args[0], zset))
}

/// Makes the key hold this sorted set, or nothing if it is empty; answers how many members it has.
pub fn store(txn: &mut Txn<'_>, key: &Bytes, zset: Zset) -> Reply {
    let len = args::size(zset.len());
    txn.set(key, zset.settled().into_value(), Deadline::Never);
    len
}

fn combine(
    txn: &Txn<'_>,
    args: &[Bytes],
    operation: Operation,
    command: &str,
    stores: bool,
) -> Result<(Zset, bool), Error> {
    let (keys, options) = input_keys(args, command)?;
    let sources = sources(txn, keys)?;
    let mut inputs: Vec<Input<'_>> = sources.iter().map(|&source| Input { source, weight: 1.0 }).collect();
    let (mut aggregate, mut with_scores) = (Aggregate::Sum, false);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match () {
            () if !stores && is(option, "WITHSCORES") => with_scores = true,
            () if operation == Operation::Difference => return Err(errors::SYNTAX),
            () if is(option, "WEIGHTS") && options.len() >= keys.len() => {
                let not_a_float = || errors::custom("weight value is not a float");
                for (input, weight) in inputs.iter_mut().zip(&mut options) {
                    input.weight = parse_double(weight).ok_or_else(not_a_float)?;
                }
            }
            () if is(option, "AGGREGATE") => aggregate = parse_aggregate(args::value(&mut options)?)?,
            () => return Err(errors::SYNTAX),
        }
    }
    let seed = txn.seed();
    let zset = match operation {
        Operation::Union => combine::union(&inputs, aggregate, seed),
        Operation::Intersection => combine::intersection(&inputs, aggregate, seed),
        Operation::Difference => combine::difference(&sources, seed),
    };
    Ok((zset, with_scores))
}

fn parse_aggregate(arg: &[u8]) -> Result<Aggregate, Error> {
    match () {
        () if is(arg, "SUM") => Ok(Aggregate::Sum),
        () if is(arg, "MIN") => Ok(Aggregate::Min),
        () if is(arg, "MAX") => Ok(Aggregate::Max),
        () => Err(errors::SYNTAX),
    }
}

/// `numkeys key [key …]` with the errors of this family: the keys, and what follows them.
pub fn input_keys<'a>(args: &'a [Bytes], command: &str) -> Result<(&'a [Bytes], &'a [Bytes]), Error> {
    let none = || errors::custom(format!("at least 1 input key is needed for '{command}' command"));
    let numkeys = |arg: &[u8]| {
        int(arg)?;
        args::positive(arg).ok_or_else(none)
    };
    args::counted_keys(args, numkeys, errors::SYNTAX)
}

/// The sorted sets and sets that the keys hold; `WRONGTYPE` if one holds something else.
pub fn sources<'a>(txn: &'a Txn<'_>, keys: &[Bytes]) -> Result<Vec<Source<'a>>, Error> {
    let source = |key: &Bytes| match txn.value(key) {
        None => Ok(Source::Missing),
        Some(Value::Zset(zset)) => Ok(Source::Zset(zset)),
        Some(value) => Set::of(value).map(Source::Set).ok_or(errors::WRONG_TYPE),
    };
    keys.iter().map(source).collect()
}
