//! Depth first through all states of a world, each once.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// Something in which several things may happen next.
pub trait World: Clone + Debug {
    /// One thing that may happen.
    type Choice: Clone + Debug;

    /// All that may happen now.
    fn choices(&self) -> Vec<Self::Choice>;

    /// It happens. `Err` says what is wrong then.
    fn take(&mut self, choice: &Self::Choice) -> Result<(), String>;

    /// Nothing more can happen: is everything as it should be?
    fn check_rest(&self) -> Result<(), String>;

    /// What tells states apart.
    fn fingerprint(&self, into: &mut impl std::fmt::Write);
}

struct Path<C> {
    choice: C,
    before: Option<Rc<Path<C>>>,
}

fn trace<C: Debug>(path: &Option<Rc<Path<C>>>) -> String {
    let mut lines = Vec::new();
    let mut at = path.as_ref();
    while let Some(step) = at {
        lines.push(format!("  {:?}", step.choice));
        at = step.before.as_ref();
    }
    lines.reverse();
    lines.join("\n")
}

/// More states than this are a world too large to be explored in a test.
const STATES_MAX: usize = 200_000;

/// Visits every state; how many there are, or what is wrong in one of them and how it came about.
pub fn explore<W: World>(root: W) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut open = vec![(root, None)];
    while let Some((world, path)) = open.pop() {
        let choices = world.choices();
        if choices.is_empty() {
            world.check_rest().map_err(|wrong| format!("at rest: {wrong}, after\n{}\n{world:?}", trace(&path)))?;
        }
        for choice in choices {
            let mut next = world.clone();
            let result = next.take(&choice);
            let path = Some(Rc::new(Path { choice, before: path.clone() }));
            result.map_err(|wrong| format!("{wrong}, after\n{}", trace(&path)))?;
            if seen.insert(fingerprint(&next)) {
                open.push((next, path));
            }
        }
        assert!(seen.len() < STATES_MAX, "the world is too large");
    }
    Ok(seen.len())
}

/// One way through a world, as the seed decides.
pub fn walk<W: World>(mut world: W, seed: u64) -> Result<(), String> {
    let (mut random, mut path) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, None);
    loop {
        let choices = world.choices();
        if choices.is_empty() {
            return world.check_rest().map_err(|wrong| format!("at rest: {wrong}, after\n{}", trace(&path)));
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let choice = choices[(random >> 33) as usize % choices.len()].clone();
        let result = world.take(&choice);
        path = Some(Rc::new(Path { choice, before: path }));
        result.map_err(|wrong| format!("{wrong}, after\n{}", trace(&path)))?;
    }
}

fn fingerprint(world: &impl World) -> u64 {
    struct Text(DefaultHasher);
    impl std::fmt::Write for Text {
        fn write_str(&mut self, s: &str) -> std::fmt::Result {
            s.hash(&mut self.0);
            Ok(())
        }
    }
    let mut text = Text(DefaultHasher::new());
    world.fingerprint(&mut text);
    text.0.finish()
}
