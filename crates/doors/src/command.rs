//! `POST /command`: one command, or a pipeline of them, for programs that only speak HTTP.

use crate::identity::{Client, Identity};
use crate::pull::Pull;
use bytes::Bytes;
use lane::Event;
use model::error::{BADREQUEST, TOOBIG, TOOMANY, UNAVAILABLE};
use model::{Args, CloseCode, Error, Format, Request, Verb};
use runtime::LaneHandle;
use std::future::poll_fn;
use wire::http::Body;

/// Carries the body's commands out, in order, and gives the response's body.
///
/// # Errors
/// What is wrong with the body as a whole; errors of single commands are in the response.
pub async fn run_body(lane: LaneHandle, client: Client, body: &[u8]) -> Result<Vec<u8>, Error> {
    let batch_max = lane.with_lane(|lane| lane.limits().batch_max);
    Ok(match wire::http::decode(body, batch_max)? {
        Body::Command(command) => carry_out(lane, client, vec![Verb::Command(command)]).await?.concat(),
        Body::Pipeline(commands) => {
            [b"[", carry_out(lane, client, verbs(commands)).await?.join(&b","[..]).as_slice(), b"]"].concat()
        }
    })
}

/// Carries commands out, in order, as this client, and gives each one's answer as `{"result":…}` or `{"error":…}`.
///
/// # Errors
/// `TOOBIG` when the replies together are over `outbox_bytes_max`, `UNAVAILABLE` when the server ends.
pub async fn run_commands(lane: LaneHandle, identity: Identity, commands: Vec<Args>) -> Result<Vec<Bytes>, Error> {
    carry_out(lane, Client { identity, address: None }, verbs(commands)).await
}

/// Carries commands out as one MULTI/EXEC, all or none, and gives the answer: `{"result":[…]}` or `{"error":…}`.
///
/// # Errors
/// As [`run_commands`].
pub async fn run_transaction(lane: LaneHandle, identity: Identity, commands: Vec<Args>) -> Result<Bytes, Error> {
    let client = Client { identity, address: None };
    Ok(carry_out(lane, client, vec![Verb::Commands(commands)]).await?.concat().into())
}

fn verbs(commands: Vec<Args>) -> Vec<Verb> {
    commands.into_iter().map(Verb::Command).collect()
}

async fn carry_out(lane: LaneHandle, client: Client, verbs: Vec<Verb>) -> Result<Vec<Bytes>, Error> {
    let bytes_max = lane.with_lane(|lane| lane.limits().outbox_bytes_max);
    let too_big = || Error::new(TOOBIG, "the replies together are over outbox_bytes_max");
    let pull = Pull::connect(lane, client, Format::Http);
    let mut bytes = 0;
    let count = verbs.len();
    let mut answers = Vec::with_capacity(count);
    for (id, verb) in (0u64..).zip(verbs) {
        let request = Request { id: Some(id), verb };
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
