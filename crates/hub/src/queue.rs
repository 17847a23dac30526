//! A queue that mostly holds nothing, or one thing.
//!
//! Most outboxes are empty, and most that are not hold the one frame that is about to be written: neither should cost
//! an allocation, in a fan-out to thousands least of all.

use std::collections::VecDeque;

/// A double-ended queue without heap memory below two elements.
#[derive(Debug)]
pub(crate) enum Queue<T> {
    Empty,
    One(T),
    /// Two or more, or fewer after removals in the middle; never left empty.
    Many(VecDeque<T>),
}

impl<T> Queue<T> {
    pub fn len(&self) -> usize {
        match self {
            Queue::Empty => 0,
            Queue::One(_) => 1,
            Queue::Many(items) => items.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Queue::Empty)
    }

    pub fn get(&self, at: usize) -> Option<&T> {
        match self {
            Queue::One(item) if at == 0 => Some(item),
            Queue::Many(items) => items.get(at),
            _ => None,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (one, many) = match self {
            Queue::Empty => (None, None),
            Queue::One(item) => (Some(item), None),
            Queue::Many(items) => (None, Some(items)),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    pub fn push_back(&mut self, item: T) {
        self.insert(self.len(), item);
    }

    /// Inserts before the element at `at`, which is at most the length.
    pub fn insert(&mut self, at: usize, item: T) {
        match std::mem::replace(self, Queue::Empty) {
            Queue::Empty => *self = Queue::One(item),
            Queue::One(first) => {
                let mut items = VecDeque::with_capacity(4);
                items.push_back(first);
                items.insert(at, item);
                *self = Queue::Many(items);
            }
            Queue::Many(mut items) => {
                items.insert(at, item);
                *self = Queue::Many(items);
            }
        }
    }

    pub fn pop_front(&mut self) -> Option<T> {
        self.remove(0)
    }

    pub fn remove(&mut self, at: usize) -> Option<T> {
        match self {
            Queue::One(_) if at == 0 => match std::mem::replace(self, Queue::Empty) {
                Queue::One(item) => Some(item),
                _ => None,
            },
            Queue::Many(items) => {
                let item = items.remove(at);
                if items.is_empty() {
                    *self = Queue::Empty;
                }
                item
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_double_ended_queue(steps in prop::collection::vec((0u8..3, 0usize..6), 0..60)) {
            let (mut queue, mut model) = (Queue::Empty, VecDeque::new());
            for (n, (what, at)) in steps.into_iter().enumerate() {
                match what {
                    0 => {
                        queue.push_back(n);
                        model.push_back(n);
                    }
                    1 => {
                        queue.insert(at.min(model.len()), n);
                        model.insert(at.min(model.len()), n);
                    }
                    _ => prop_assert_eq!(queue.remove(at), model.remove(at)),
                }
                prop_assert_eq!((queue.len(), queue.is_empty()), (model.len(), model.is_empty()));
                prop_assert!(queue.iter().eq(model.iter()));
                prop_assert_eq!(queue.get(at), model.get(at));
            }
        }
    }
}
