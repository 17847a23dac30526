//! `POST /command`: one command, or a pipeline of them, for programs that only speak HTTP.

use crate::pull::Pull;
use bytes::Bytes;
use lane::Event;
use model::error::{BADREQUEST, TOOBIG, TOOMANY, UNAVAILABLE};
use model::{Args, CloseCode, Error, Format, Request, Verb};
use runtime::LaneHandle;
use std::future::poll_fn;
use std::net::IpAddr;
use wire::http::Body;

/// Carries the body's commands out, in order, and gives the response's body.
///
/// # Errors
/// What is wrong with the body as a whole; errors of single commands are in the response.
pub async fn run(lane: LaneHandle, address: Option<IpAddr>, body: &[u8]) -> Result<Vec<u8>, Error> {
    let batch_max = lane.with_lane(|lane| lane.limits().batch_max);
    Ok(match wire::http::decode(body, batch_max)? {
        Body::Command(command) => carry_out(lane, address, vec![command]).await?.concat(),
        Body::Pipeline(commands) => {
            [b"[", carry_out(lane, address, commands).await?.join(&b","[..]).as_slice(), b"]"].concat()
        }
    })
}

/// Carries commands out, in order, as a client without a token, and gives each one's answer as
/// `{"result":…}` or `{"error":…}`.
///
/// # Errors
/// `TOOBIG` when the replies together are over `outbox_bytes_max`, `UNAVAILABLE` when the server ends.
pub async fn run_commands(lane: LaneHandle, commands: Vec<Args>) -> Result<Vec<Bytes>, Error> {
    carry_out(lane, None, commands).await
}

async fn carry_out(lane: LaneHandle, address: Option<IpAddr>, commands: Vec<Args>) -> Result<Vec<Bytes>, Error> {
    let bytes_max = lane.with_lane(|lane| lane.limits().outbox_bytes_max);
    let too_big = || Error::new(TOOBIG, "the replies together are over outbox_bytes_max");
    let pull = Pull::connect(lane, Format::Http, address);
    let mut bytes = 0;
    let mut answers = Vec::with_capacity(commands.len());
    let count = commands.len();
    for (id, command) in (0u64..).zip(commands) {
        let request = Request { id: Some(id), verb: Verb::Command(command) };
        pull.lane().handle(Event::Request { conn: pull.conn(), request });
    }
    while answers.len() < count {
        let Some(answer) = poll_fn(|cx| pull.poll_take(cx)).await else {
            return Err(match pull.close_code() {
                Some(CloseCode::TooSlow) => too_big(),
                _ => Error::new(UNAVAILABLE, "the server ends"),
            });
        };
        // They gather here, whether they come at once or one by one.
        bytes += answer.len();
        if bytes > bytes_max {
            return Err(too_big());
        }
        answers.push(answer);
    }
    Ok(answers)
}

/// The HTTP status for an error that concerns the whole request.
pub fn status(error: &Error) -> http::StatusCode {
    match error.code.as_ref() {
        BADREQUEST | TOOBIG => http::StatusCode::BAD_REQUEST,
        TOOMANY => http::StatusCode::TOO_MANY_REQUESTS,
        _ => http::StatusCode::SERVICE_UNAVAILABLE,
    }
}
