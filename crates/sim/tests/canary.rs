//! A check that never fails proves nothing: each planted fault must be seen, and by a check that watches for it.
//!
//! `KEYWIRE_SIM_SEEDS=1000 cargo test -p sim --test canary -- --ignored --nocapture` counts in how many seeds each is.

use sim::checks::Violation;
use sim::faults::Fault;
use sim::run;

/// A fault that this many worlds do not show is not seen.
const SEEDS_MAX: u64 = 400;

/// The worlds, of so many, in which the fault can strike: even seeds have the embedded store, odd ones a Redis.
fn worlds(backend: &str, seeds: u64) -> impl Iterator<Item = u64> {
    (u64::from(backend == "redis")..seeds).step_by(2)
}

/// The backends whose worlds the fault can strike in.
fn backends(fault: Fault) -> impl Iterator<Item = &'static str> {
    let (embedded, redis) = fault.strikes_in();
    [embedded.then_some("embedded"), redis.then_some("redis")].into_iter().flatten()
}

/// The first seed in which the fault is seen by a check that watches for it.
fn seen(fault: Fault, backend: &str) -> Option<(u64, Violation)> {
    worlds(backend, SEEDS_MAX).find_map(|seed| {
        let violation = run(seed, Some(fault), false).violation?;
        fault.seen_by().contains(&violation.check).then_some((seed, violation))
    })
}

#[test]
fn every_planted_fault_is_seen() {
    for fault in Fault::ALL {
        for backend in backends(fault) {
            let seen = seen(fault, backend);
            let (seed, violation) = seen.unwrap_or_else(|| panic!("{fault:?} is not seen in {SEEDS_MAX} seeds"));
            println!("{fault:?}, {backend}: seed {seed}: {violation}");
        }
    }
}

/// For people: in how many seeds each fault struck, was seen, and was seen by another check than those that should.
#[test]
#[ignore = "a survey, not a test"]
fn survey() {
    let seeds = std::env::var("KEYWIRE_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100u64);
    for (fault, backend) in Fault::ALL.into_iter().flat_map(|fault| backends(fault).map(move |at| (fault, at))) {
        let (mut struck, mut right, mut other) = (0, 0, Vec::new());
        for seed in worlds(backend, seeds) {
            let outcome = run(seed, Some(fault), false);
            struck += u64::from(outcome.struck > 0);
            match outcome.violation {
                Some(violation) if fault.seen_by().contains(&violation.check) => right += 1,
                Some(violation) => other.push(format!("{:?} ({seed})", violation.check)),
                None => {}
            }
        }
        let count = worlds(backend, seeds).count();
        println!("{fault:?}, {backend}: of {count} seeds struck in {struck}, seen in {right}, otherwise {other:?}");
    }
}
