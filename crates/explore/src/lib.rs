//! Every order of events in a small world: a test's tool, used by the tests of the machines.
//!
//! A [`World`] is a machine with what surrounds it, small enough that all that can happen to it can be tried. [`explore`]
//! goes depth first through all its states, each once; [`walk`] takes one way through a world that is too large for that.

use std::collections::HashSet;
use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// Something in which several things may happen next.
pub trait World: Clone + Debug {
    /// One thing that may happen.
    type Choice: Clone + Debug;

    /// All that may happen now.
    fn choices(&self) -> Vec<Self::Choice>;

    /// It happens.
    ///
    /// # Errors
    /// What is wrong then.
    fn take(&mut self, choice: &Self::Choice) -> Result<(), String>;

    /// Nothing more can happen: is everything as it should be?
    ///
    /// # Errors
    /// What is not.
    fn check_rest(&self) -> Result<(), String>;

    /// Writes what tells states apart: all that is shown, unless part of it has no influence on what comes.
    ///
    /// # Errors
    /// Those of `into`.
    fn fingerprint(&self, into: &mut impl Write) -> fmt::Result {
        write!(into, "{self:?}")
    }
}

/// More states than this are a world too large to be explored in a test.
const STATES_MAX: usize = 400_000;

/// Visits every state; how many there are.
///
/// # Errors
/// What is wrong in one of them, and how it came about.
///
/// # Panics
/// If there are too many of them.
pub fn explore<W: World>(root: W) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut open = vec![(root, None)];
    while let Some((world, path)) = open.pop() {
        let choices = world.choices();
        if choices.is_empty() {
            world.check_rest().map_err(|wrong| format!("at rest: {}", told(&wrong, &path, &world)))?;
        }
        for choice in choices {
            let mut next = world.clone();
            let result = next.take(&choice);
            let path = Some(Rc::new(Path { choice, before: path.clone() }));
            result.map_err(|wrong| told(&wrong, &path, &next))?;
            if seen.insert(hash(&next)) {
                open.push((next, path));
            }
        }
        assert!(seen.len() < STATES_MAX, "the world is too large");
    }
    Ok(seen.len())
}

/// Takes one way through a world, as the seed decides.
///
/// # Errors
/// What is wrong on it, and how it came about.
pub fn walk<W: World>(mut world: W, seed: u64) -> Result<(), String> {
    let (mut random, mut path) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, None);
    loop {
        let choices = world.choices();
        if choices.is_empty() {
            return world.check_rest().map_err(|wrong| format!("at rest: {}", told(&wrong, &path, &world)));
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let choice = choices[(random >> 33) as usize % choices.len()].clone();
        let result = world.take(&choice);
        path = Some(Rc::new(Path { choice, before: path }));
        result.map_err(|wrong| told(&wrong, &path, &world))?;
    }
}

/// The way from the beginning to a state.
struct Path<C> {
    choice: C,
    before: Option<Rc<Path<C>>>,
}

fn told<W: World>(wrong: &str, path: &Option<Rc<Path<W::Choice>>>, world: &W) -> String {
    let mut steps = Vec::new();
    let mut at = path.as_ref();
    while let Some(step) = at {
        steps.push(format!("  {:?}", step.choice));
        at = step.before.as_ref();
    }
    steps.reverse();
    format!("{wrong}, after\n{}\n{world:#?}", steps.join("\n"))
}

fn hash(world: &impl World) -> u64 {
    struct Text(DefaultHasher);
    impl Write for Text {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.hash(&mut self.0);
            Ok(())
        }
    }
    let mut text = Text(DefaultHasher::new());
    world.fingerprint(&mut text).expect("hashing does not fail");
    text.0.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two workers that each add one to a number by reading it first and writing it later.
    #[derive(Clone, Debug, Default)]
    struct Counter {
        number: u32,
        read: [Option<u32>; 2],
        done: [bool; 2],
        locks: bool,
    }

    impl World for Counter {
        type Choice = usize;

        fn choices(&self) -> Vec<usize> {
            let blocked = |worker: usize| self.locks && self.read[1 - worker].is_some();
            (0..2).filter(|worker| !self.done[*worker] && !blocked(*worker)).collect()
        }

        fn take(&mut self, worker: &usize) -> Result<(), String> {
            match self.read[*worker].take() {
                None => self.read[*worker] = Some(self.number),
                Some(number) => {
                    self.number = number + 1;
                    self.done[*worker] = true;
                }
            }
            if self.number > 2 { Err("too many".to_owned()) } else { Ok(()) }
        }

        fn check_rest(&self) -> Result<(), String> {
            if self.number == 2 { Ok(()) } else { Err(format!("{} of 2", self.number)) }
        }
    }

    #[test]
    fn a_lost_update_is_found_and_how_it_came_about() {
        let found = explore(Counter::default()).unwrap_err();
        assert!(found.starts_with("at rest: 1 of 2, after\n  1\n"), "{found}");
        assert!((0..50).any(|seed| walk(Counter::default(), seed).is_err()), "no walk finds it");
    }

    #[test]
    fn where_nothing_is_wrong_all_states_are_visited() {
        let world = Counter { locks: true, ..Counter::default() };
        assert_eq!(explore(world.clone()), Ok(7));
        (0..50).for_each(|seed| assert_eq!(walk(world.clone(), seed), Ok(())));
    }
}
