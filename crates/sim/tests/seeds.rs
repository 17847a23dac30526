//! Many worlds, each by its seed, in which every promise must hold.
//!
//! `KEYWIRE_SIM_SEEDS=100000` runs more of them, `KEYWIRE_SIM_SEED=17` runs one and shows what happened.

use sim::checks::Counts;
use sim::{Outcome, run};

/// Seeds in continuous integration.
const SEEDS: u64 = 1000;

/// What must happen often in so many worlds.
const EVENTS: [&str; 27] = [
    "values",
    "patches",
    "errors shown",
    "messages",
    "entries",
    "bare frames",
    "gaps",
    "resets",
    "missed told",
    "interruptions told",
    "stale told",
    "outages",
    "restarts with losses",
    "resumed with the same value",
    "forbidden",
    "messages dropped for slow clients",
    "values skipped for slow clients",
    "streams paused for slow clients",
    "losses between lanes",
    "copies compared",
    "crashes",
    "silent crashes",
    "freezes",
    "partitions",
    "resyncs",
    "mishaps",
    "current again in time",
];

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// Runs a seed; one that breaks a promise, or panics, is told with all that is needed to see it again.
fn check(seed: u64) -> Outcome {
    let outcome = std::panic::catch_unwind(|| run(seed, None, false));
    let what = match outcome {
        Ok(outcome) => match &outcome.violation {
            None => return outcome,
            Some(violation) => violation.to_string(),
        },
        Err(_) => "a panic, see above".to_owned(),
    };
    if let Ok(traced) = std::panic::catch_unwind(|| run(seed, None, true)) {
        // All of it for who asked for this seed.
        let shown = if setting("KEYWIRE_SIM_SEED").is_some() { usize::MAX } else { 120 };
        let tail = traced.lines.len().saturating_sub(shown);
        traced.lines[tail..].iter().for_each(|line| eprintln!("{line}"));
    }
    panic!("seed {seed}: {what}\nrun it again: KEYWIRE_SIM_SEED={seed} cargo test -p sim --test seeds -- --nocapture");
}

#[test]
fn every_promise_holds() {
    if let Some(seed) = setting("KEYWIRE_SIM_SEED") {
        check(seed);
        return;
    }
    let first = setting("KEYWIRE_SIM_FIRST").unwrap_or(0);
    let seeds = setting("KEYWIRE_SIM_SEEDS").unwrap_or(SEEDS);
    let mut counts = Counts::new();
    for seed in first..first + seeds {
        for (what, times) in check(seed).counts {
            *counts.entry(what).or_default() += times;
        }
    }
    println!("{counts:#?}");
    if seeds >= SEEDS {
        // Worlds in which nothing goes wrong prove nothing.
        let tame: Vec<_> = EVENTS.iter().filter(|what| counts.get(*what).is_none_or(|times| *times < 40)).collect();
        assert!(tame.is_empty(), "hardly ever seen: {tame:?} of {counts:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..30 {
        assert_eq!(run(seed, None, false).hash, run(seed, None, true).hash, "seed {seed}");
    }
}

/// For people: runs many seeds and lists every one that fails, without what happened.
#[test]
#[ignore = "a survey, not a test"]
fn survey() {
    let first = setting("KEYWIRE_SIM_FIRST").unwrap_or(0);
    let seeds = setting("KEYWIRE_SIM_SEEDS").unwrap_or(SEEDS);
    let begin = std::time::Instant::now();
    let mut failed = 0;
    for seed in first..first + seeds {
        let outcome = std::panic::catch_unwind(|| run(seed, None, false));
        let what = match outcome {
            Ok(Outcome { violation: None, .. }) => continue,
            Ok(Outcome { violation: Some(violation), .. }) => violation.to_string(),
            Err(_) => "a panic".to_owned(),
        };
        failed += 1;
        println!("seed {seed}: {}", what.chars().take(400).collect::<String>());
    }
    println!("{failed} of {seeds} seeds failed in {:?}", begin.elapsed());
}
