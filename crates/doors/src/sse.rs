//! `GET /sse`: one feed as `text/event-stream`, for `EventSource` and for whoever reads lines.

use crate::identity::Client;
use crate::pull::Pull;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use hyper::body::{Body, Frame};
use lane::Event;
use model::error::{BADREQUEST, NOAUTH, NOPERM, RESET, TOOMANY, UNAVAILABLE};
use model::{Error, Format, Request, Verb};
use runtime::{LaneHandle, Place};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The response's body: the feed's events as they come.
pub struct EventStream {
    pull: Pull,
    /// What came before the response's head was sent.
    first: Option<Bytes>,
    /// The feed has ended, and so does the response.
    is_over: bool,
    /// Held for as long as the client is there.
    _place: Place,
}

/// Opens the feed that the query string asks for; `Last-Event-ID` resumes it. Waits until it is open, so that a refusal
/// is a status: an `EventSource` would come back for ever for a stream that merely ends.
///
/// # Errors
/// `BADREQUEST` if the query string asks for none, or is wrong; whatever refuses the feed.
pub async fn open(
    lane: LaneHandle,
    client: Client,
    place: Place,
    query: &str,
    headers: &HeaderMap,
) -> Result<EventStream, Error> {
    let last_event_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let none = || Error::new(BADREQUEST, "one of subscribe, psubscribe, live, follow is wanted");
    let verb: Verb = crate::query::feed(query, last_event_id)?.ok_or_else(none)?;
    let pull = Pull::connect(lane, client, Format::Sse);
    let request = Request { id: Some(0), verb };
    pull.lane().handle(Event::Request { conn: pull.conn(), request });
    let first = poll_fn(|cx| pull.poll_take(cx)).await;
    match pull.refusal() {
        Some(error) => Err(error),
        None => Ok(EventStream { pull, first, is_over: false, _place: place }),
    }
}

/// The HTTP status for a refused feed. `EventSource` gives up on any of them.
pub fn status(error: &Error) -> StatusCode {
    match error.code.as_ref() {
        NOPERM => StatusCode::FORBIDDEN,
        NOAUTH => StatusCode::UNAUTHORIZED,
        TOOMANY => StatusCode::TOO_MANY_REQUESTS,
        UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        RESET => StatusCode::GONE,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        let taken = self.pull.poll_take(cx);
        if let Poll::Ready(Some(event)) = &taken {
            self.is_over = wire::sse::is_end(event);
        }
        taken.map(|frame| frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}
