//! A text presented as a token: refused, for a reason that does not hold it, and never a panic.
#![no_main]

use auth::{Config, Gate, Now};
use libfuzzer_sys::fuzz_target;
use model::Time;
use model::command::CommandTable;
use std::sync::OnceLock;
use tokio::runtime::Runtime;

const NOW: Now = Now { time: Time::from_millis(5000), unix_ms: 1_000_000_000 };

fn gate() -> &'static (Runtime, Gate) {
    static GATE: OnceLock<(Runtime, Gate)> = OnceLock::new();
    GATE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let key = "HS256 text:a secret of thirty-two bytes, or more".parse().expect("a key");
        let config = Config { keys: [("main".to_owned(), key)].into(), ..Config::new(CommandTable::redis()) };
        let gate = {
            let _entered = runtime.enter();
            Gate::open(config).ok().expect("a gate")
        };
        (runtime, gate)
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (runtime, gate) = gate();
    let refusal = runtime.block_on(gate.token(text, NOW)).expect_err("nobody here has the secret").to_string();
    assert!(text.len() < 40 || !refusal.contains(text));
});
