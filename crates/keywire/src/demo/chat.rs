//! The chat's rooms, each with its first lines. People do the rest.

use super::{ask, command, write};
use runtime::LaneHandle;

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

/// Writes the first lines, unless somebody talked here before.
pub async fn run(lane: LaneHandle) {
    for (room, lines) in ROOMS {
        if ask(&lane, &["HSETNX", "demo:chat:counts", room, &lines.len().to_string()]).await != 1 {
            continue;
        }
        let stream = format!("demo:chat:room:{room}");
        let line = |text: &&str| {
            command(&["XADD", &stream, "*", "user", "keywire", "name", "keywire", "hue", HUE, "text", text])
        };
        write(&lane, lines.iter().map(line).collect()).await;
    }
}
