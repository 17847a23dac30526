//! What writes in the demo: the collector, a market, an arena's referee and bots, a chat's first lines. They write as any
//! client would, by commands, and only to keys that begin with `demo:`.

mod arena;
mod book;
mod bots;
mod chat;
mod market;
mod names;

use crate::collect::{self, Collector};
use crate::words::command;
use doors::Doors;
use model::Args;
use runtime::{LaneHandle, Lanes};
use serde_json::Value;

/// Starts the writers on one of the lanes.
pub fn start(lanes: &Lanes, doors: &Doors) {
    let doors = doors.clone();
    lanes.run(lanes.least_loaded(), move |lane| {
        tokio::task::spawn_local(watch_host(lane.clone(), doors));
        tokio::task::spawn_local(market::run(lane.clone()));
        tokio::task::spawn_local(arena::run(lane.clone()));
        tokio::task::spawn_local(chat::run(lane.clone()));
    });
}

async fn watch_host(lane: LaneHandle, doors: Doors) {
    let mut collector = Collector::new(None, Some(std::process::id()));
    let mut ticks = collect::ticks(collect::INTERVAL);
    loop {
        ticks.tick().await;
        let metrics = doors::metrics_text(&doors).await;
        let written = run_commands(&lane, collector.collect(&metrics)).await;
        if written.iter().all(Value::is_null) {
            collector.begin_anew();
        }
    }
}

/// Runs the commands and gives their results, `Null` for what failed.
async fn run_commands(lane: &LaneHandle, commands: Vec<Args>) -> Vec<Value> {
    match doors::run_commands(lane.clone(), None, commands).await {
        Ok(answers) => answers.iter().map(|answer| result(answer)).collect(),
        Err(error) => {
            tell(&error.to_string());
            Vec::new()
        }
    }
}

/// Runs the commands as one transaction: all of them, or none.
async fn write_together(lane: &LaneHandle, commands: Vec<Args>) {
    match doors::run_transaction(lane.clone(), None, commands).await {
        Ok(answer) => drop(result(&answer)),
        Err(error) => tell(&error.to_string()),
    }
}

/// What an answer holds; `Null` if it is an error.
fn result(answer: &[u8]) -> Value {
    let mut answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    // A backend that is away is told by itself, and comes back.
    if let Some(error) = answer.get("error").filter(|error| error["code"] != "UNAVAILABLE") {
        tell(&error.to_string());
    }
    answer.get_mut("result").map(Value::take).unwrap_or_default()
}

/// A demo that may not write shows nothing, so the first refusal is told.
fn tell(problem: &str) {
    static TOLD: std::sync::Once = std::sync::Once::new();
    TOLD.call_once(|| tracing::warn!(problem, "the demo cannot write; see the setting `anonymous`"));
}

/// Runs commands whose answers nobody needs.
async fn write(lane: &LaneHandle, commands: Vec<Args>) {
    if !commands.is_empty() {
        run_commands(lane, commands).await;
    }
}

/// Runs one command and gives its result; `Null` if it failed.
async fn ask<S: AsRef<str>>(lane: &LaneHandle, words: &[S]) -> Value {
    run_commands(lane, vec![command(words)]).await.into_iter().next().unwrap_or_default()
}
