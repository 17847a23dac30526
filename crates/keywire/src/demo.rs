//! What writes in the demo: the collector, a market, an arena's referee and bots, a chat's first lines. They write as any
//! client would, by commands, and only to keys that begin with `demo:`.

mod arena;
mod book;
mod bots;
mod chat;
mod market;
mod names;

use crate::collect::{self, Collector};
use bytes::Bytes;
use model::Args;
use runtime::{LaneHandle, Lanes};
use serde_json::Value;

/// Starts the writers on one of the lanes.
pub fn start(lanes: &Lanes) {
    let all = lanes.clone();
    lanes.run(lanes.least_loaded(), move |lane| {
        tokio::task::spawn_local(watch_host(lane.clone(), all));
        tokio::task::spawn_local(market::run(lane.clone()));
        tokio::task::spawn_local(arena::run(lane.clone()));
        tokio::task::spawn_local(chat::run(lane.clone()));
    });
}

async fn watch_host(lane: LaneHandle, lanes: Lanes) {
    let mut collector = Collector::new(None, Some(std::process::id()));
    let mut ticks = collect::ticks(collect::INTERVAL);
    loop {
        ticks.tick().await;
        let metrics = doors::metrics_text(&lanes).await;
        run(&lane, collector.collect(&metrics)).await;
    }
}

/// Runs the commands and gives their results, `Null` for what failed. A demo that may not write shows nothing, so the first
/// refusal is told.
async fn run(lane: &LaneHandle, commands: Vec<Args>) -> Vec<Value> {
    static TOLD: std::sync::Once = std::sync::Once::new();
    let tell = |problem: &str| {
        TOLD.call_once(|| tracing::warn!(problem, "the demo cannot write; see the setting `anonymous`"));
    };
    let answers = match doors::run_commands(lane.clone(), commands).await {
        Ok(answers) => answers,
        Err(error) => {
            tell(&error.to_string());
            return Vec::new();
        }
    };
    let result = |answer: Bytes| {
        let mut answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        // A backend that is away is told by itself, and comes back.
        if let Some(error) = answer.get("error").filter(|error| error["code"] != "UNAVAILABLE") {
            tell(&error.to_string());
        }
        answer.get_mut("result").map(Value::take).unwrap_or_default()
    };
    answers.into_iter().map(result).collect()
}

/// Runs commands whose answers nobody needs.
async fn write(lane: &LaneHandle, commands: Vec<Args>) {
    let tell = |problem: &str| {
        TOLD.call_once(|| tracing::warn!(problem, "the demo cannot write; see the setting `anonymous`"));
    }
}

/// Runs one command and gives its result; `Null` if it failed.
async fn ask<S: AsRef<str>>(lane: &LaneHandle, words: &[S]) -> Value {
    run(lane, vec![command(words)]).await.into_iter().next().unwrap_or_default()
}

/// A command of these words.
pub fn command<S: AsRef<str>>(words: &[S]) -> Args {
    words.iter().map(word).collect()
}

/// A command of these words and then these pairs, such as fields and values.
pub fn command_with<A: AsRef<str>, B: AsRef<str>>(head: &[&str], pairs: impl IntoIterator<Item = (A, B)>) -> Args {
    head.iter().map(word).chain(pairs.into_iter().flat_map(|(a, b)| [word(&a), word(&b)])).collect()
}

fn word<S: AsRef<str>>(text: &S) -> Bytes {
    Bytes::copy_from_slice(text.as_ref().as_bytes())
}
