//! A live query of the node's own, for what it has to know itself: each new value, as JSON.

use crate::identity::{Client, node};
use crate::pull::Pull;
use lane::Event;
use model::{Args, Format, Request, Verb};
use runtime::LaneHandle;
use std::future::poll_fn;
use wire::ws::{Decoder, Message, Role};

/// How the text of an error begins.
pub const ERROR: &str = "(error) ";

/// Watches what `command` answers until the node drains: calls `told` with the JSON of each new value. An error is told too,
/// and ends the watch, for what was refused is never answered later; so does what cannot be told. A caller that still wants
/// to know asks again.
pub async fn watch(lane: LaneHandle, command: Args, mut told: impl FnMut(&str)) {
    let pull = Pull::connect(lane, Client { identity: node(), address: None }, Format::Raw);
    let verb = Verb::Live { command, every_ms: None, json: false, have: None };
    pull.lane().handle(Event::Request { conn: pull.conn(), request: Request { id: Some(0), verb } });
    while let Some(frame) = poll_fn(|cx| pull.poll_take(cx)).await {
        let mut bytes = frame.to_vec();
        let (mut rest, mut decoder) = (&mut bytes[..], Decoder::new(Role::Client));
        let bytes_max = rest.len();
        while let Ok(Some(message)) = decoder.decode(&mut rest, bytes_max) {
            match message {
                Message::Text(text) => {
                    told(text);
                    if text.starts_with(ERROR) {
                        return;
                    }
                }
                Message::Ping(_) => {
                    let conn = pull.conn();
                    pull.lane().handle(Event::Heard { conn, whole: false, partial: false });
                }
                Message::Close { .. } => return,
                Message::Binary(_) | Message::Pong(_) => {}
            }
        }
    }
}
