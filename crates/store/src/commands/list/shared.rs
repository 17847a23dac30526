//! The two ends of a list, and what is done at either.

use crate::commands::args::{count, is, size, text_or_null};
use crate::commands::{Outcome, wrong_number_of_arguments};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::types::{List, Text};
use bytes::Bytes;
use model::{Error, Reply, Shape, StringsBuilder};

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

impl End {
    /// From `LEFT` or `RIGHT`.
    pub fn parse(word: &[u8]) -> Result<End, Error> {
        match word {
            word if is(word, "LEFT") => Ok(End::Left),
            word if is(word, "RIGHT") => Ok(End::Right),
            _ => Err(errors::SYNTAX),
        }
    }

    /// Adds an element at this end.
    pub fn push(self, list: &mut List, element: &[u8]) {
        match self {
            End::Left => list.push_front(element),
            End::Right => list.push_back(element),
        }
    }

    /// Takes the element at this end.
    pub fn pop(self, list: &mut List) -> Option<Text> {
        match self {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        }
    }
}

/// `key element [element …]`: pushes one after the other; the list's length then.
pub fn push(txn: &mut Txn<'_>, args: &[Bytes], end: End) -> Outcome {
    txn.write(&args[0], |list| Edit::changed(push_all(list, &args[1..], end)))
}

/// The same, but a missing key stays missing: 0.
pub fn push_existing(txn: &mut Txn<'_>, args: &[Bytes], end: End) -> Outcome {
    let len = txn.update(&args[0], |list| Edit::changed(push_all(list, &args[1..], end)))?;
    Ok(len.unwrap_or(Reply::Int(0)))
}

fn push_all(list: &mut List, elements: &[Bytes], end: End) -> Reply {
    elements.iter().for_each(|element| end.push(list, element));
    size(list.len())
}

/// `key [count]`: takes one element, or an array of at most so many. For the arity error of `command`.
pub fn pop(txn: &mut Txn<'_>, args: &[Bytes], end: End, command: &str) -> Outcome {
    match &args[1..] {
        [] => {
            let popped = pop_up_to(txn, &args[0], end, 1)?.and_then(|mut popped| popped.pop());
            Ok(text_or_null(popped.as_ref()))
        }
        [arg] => {
            let popped = pop_up_to(txn, &args[0], end, count(arg)?)?;
            Ok(popped.map_or(Reply::NullArray, texts))
        }
        _ => Err(wrong_number_of_arguments(command)),
    }
}

/// Takes at most `count` elements from an end; `None` if there is no list.
pub fn pop_up_to(txn: &mut Txn<'_>, key: &Bytes, end: End, count: usize) -> Result<Option<Vec<Text>>, Error> {
    txn.update(key, |list: &mut List| {
        let count = count.min(list.len());
        let popped: Vec<Text> = (0..count).filter_map(|_| end.pop(list)).collect();
        Edit::when(!popped.is_empty(), popped)
    })
}

/// Takes an element from an end of one list and adds it to an end of another (or of the same); null if there is none.
pub fn move_element(txn: &mut Txn<'_>, source: &Bytes, from: End, destination: &Bytes, to: End) -> Outcome {
    if txn.read::<List>(source)?.is_none() {
        return Ok(Reply::Null);
    }
    txn.read::<List>(destination)?;
    if source == destination {
        let turned = txn.update(source, |list: &mut List| {
            let element = from.pop(list);
            element.iter().for_each(|element| to.push(list, element));
            Edit::changed(element)
        })?;
        return Ok(text_or_null(turned.flatten().as_ref()));
    }
    let element = txn.update(source, |list: &mut List| Edit::changed(from.pop(list)))?.flatten();
    let Some(element) = element else { return Ok(Reply::Null) };
    txn.write(destination, |list: &mut List| {
        to.push(list, &element);
        Edit::changed(())
    })?;
    Ok(Reply::Bulk(element.to_bytes()))
}

/// An array of elements.
pub fn texts(elements: Vec<Text>) -> Reply {
    let mut strings = StringsBuilder::with_capacity(elements.len());
    elements.iter().for_each(|element| strings.push(element));
    strings.finish(Shape::Array).into()
}
