//! `GET /sse`: one feed as `text/event-stream`, for `EventSource` and for whoever reads lines.

use crate::pull::Pull;
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame};
use lane::Event;
use model::{Error, Format, Request, Verb};
use runtime::LaneHandle;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The response's body: the feed's events as they come.
pub struct EventStream(Pull);

/// Opens the feed that the query string asks for; `Last-Event-ID` resumes it.
///
/// # Errors
/// `BADREQUEST` if the query string asks for none, or is wrong.
pub fn open(lane: LaneHandle, query: &str, headers: &HeaderMap) -> Result<EventStream, Error> {
    let last_event_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let none = || Error::new(model::error::BADREQUEST, "one of subscribe, psubscribe, live, follow is wanted");
    let verb: Verb = crate::query::feed(query, last_event_id)?.ok_or_else(none)?;
    let pull = Pull::connect(lane, Format::Sse);
    let request = Request { id: Some(0), verb };
    pull.lane().handle(Event::Request { conn: pull.conn(), request });
    Ok(EventStream(pull))
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_take(cx).map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}
