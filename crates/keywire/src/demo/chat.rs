//! The chat's rooms: those that are there from the beginning, with their first lines, and an end for those in which nobody
//! has written for long: a room's stream expires, and its name goes after it. People do the rest.

use super::{ask, run_commands, write};
use crate::collect::ticks;
use crate::words::command;
use runtime::LaneHandle;
use std::collections::HashSet;
use std::time::Duration;

/// The rooms that are there from the beginning, and what stands in each.
const ROOMS: [(&str, &[&str]); 3] = [
    (
        "lobby",
        &[
            "Welcome. Open this page in a private window, or on your phone, to be two.",
            "A room is a Redis stream. Who is here, and who types, are keys that expire; somebody who falls silent is gone \
             by themselves.",
            "Send something from a terminal, too: XADD demo:chat:room:lobby * name shell text hello",
        ],
    ),
    ("ideas", &["What would you build, if every Redis command could be watched?"]),
    (
        "random",
        &["Pull the network cable, write something, plug it in again. Nothing is lost and nothing comes twice."],
    ),
];
/// The hue of keywire's own lines.
const HUE: &str = "50";

/// How often it is looked whether there is anything at all, and every how many looks which rooms are without a line.
const LOOK: Duration = Duration::from_secs(5);
const LET_GO_EVERY: u64 = 12;

/// Looks after the rooms for ever.
pub async fn run(lane: LaneHandle) {
    let mut ticks = ticks(LOOK);
    let mut silent = HashSet::new();
    for n in 1u64.. {
        ticks.tick().await;
        open(&lane).await;
        if n.is_multiple_of(LET_GO_EVERY) {
            silent = let_go(&lane, &silent).await;
        }
    }
}

/// Writes the first lines, unless somebody talked here before.
async fn open(lane: &LaneHandle) {
    for (room, lines) in ROOMS {
        if ask(lane, &["HSETNX", "demo:chat:counts", room, &lines.len().to_string()]).await != 1 {
            continue;
        }
        let stream = stream(room);
        let line = |text: &&str| {
            command(&["XADD", &stream, "*", "user", "keywire", "name", "keywire", "hue", HUE, "text", text])
        };
        write(lane, lines.iter().map(line).collect()).await;
    }
}

/// Takes away the rooms that were without a line at the last look and still are; gives those that are now. So who opens a
/// room has a while to write in it.
async fn let_go(lane: &LaneHandle, silent: &HashSet<String>) -> HashSet<String> {
    let rooms = ask(lane, &["HKEYS", "demo:chat:counts"]).await;
    let rooms: Vec<String> = serde_json::from_value(rooms).unwrap_or_default();
    let lines = run_commands(lane, rooms.iter().map(|room| command(&["EXISTS", &stream(room)])).collect()).await;
    let now: HashSet<String> =
        rooms.into_iter().zip(lines).filter(|(_, lines)| *lines == 0).map(|(room, _)| room).collect();
    let gone = now.intersection(silent).map(|room| command(&["HDEL", "demo:chat:counts", room]));
    write(lane, gone.collect()).await;
    now
}

fn stream(room: &str) -> String {
    format!("demo:chat:room:{room}")
}
