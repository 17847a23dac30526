//! What writes in the demo: this machine's own load, a ticking market. They write as any client would, by commands.

mod host;
mod market;

use bytes::Bytes;
use host::Host;
use market::Market;
use model::Args;
use runtime::{LaneHandle, Lanes};
use std::time::Duration;

/// How often the machine is looked at.
const HOST_INTERVAL: Duration = Duration::from_secs(1);
/// How often some of the market's prices move.
const MARKET_INTERVAL: Duration = Duration::from_millis(200);

/// Starts the writers on one of the lanes.
pub fn start(lanes: &Lanes) {
    lanes.run(lanes.least_loaded(), |lane| {
        let lane = lane.clone();
        tokio::task::spawn_local(async move {
            write(&lane, vec![command(&["SET", "demo:counter", "0", "NX"])]).await;
            let (for_host, for_market) = (lane.clone(), lane);
            tokio::task::spawn_local(watch_host(for_host));
            tokio::task::spawn_local(run_market(for_market));
        });
    });
}

async fn watch_host(lane: LaneHandle) {
    let mut host = Host::new();
    let mut ticks = tokio::time::interval(HOST_INTERVAL);
    loop {
        ticks.tick().await;
        write(&lane, host.sample()).await;
    }
}

async fn run_market(lane: LaneHandle) {
    let mut market = Market::open();
    write(&lane, market.all()).await;
    let mut ticks = tokio::time::interval(MARKET_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        write(&lane, market.tick()).await;
    }
}

/// Runs the commands. A demo that may not write shows nothing, so the first refusal is told.
async fn write(lane: &LaneHandle, commands: Vec<Args>) {
    static TOLD: std::sync::Once = std::sync::Once::new();
    let refused = match doors::run_commands(lane.clone(), None, commands).await {
        // A backend that is away is told by itself, and comes back.
        Ok(answers) => answers.into_iter().find(|answer| {
            answer.starts_with(b"{\"error\"") && !answer.starts_with(b"{\"error\":{\"code\":\"UNAVAILABLE\"")
        }),
        Err(error) => Some(error.to_string().into()),
    };
    if let Some(answer) = refused {
        TOLD.call_once(|| {
            tracing::warn!(answer = %String::from_utf8_lossy(&answer), "the demo cannot write; see the setting `anonymous`");
        });
    }
}

fn command<S: AsRef<str>>(words: &[S]) -> Args {
    words.iter().map(|word| Bytes::copy_from_slice(word.as_ref().as_bytes())).collect()
}
