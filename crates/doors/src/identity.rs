//! Who a client is: what every door asks before it opens.

use auth::{Carried, Denial, Gate, Grant, Now};
use http::Request;
use model::command::CommandTable;
use model::error::UNAVAILABLE;
use model::{CloseCode, Error};
use runtime::{LaneHandle, Moment, Share};
use std::net::IpAddr;

/// What a client may do; none: what everybody may.
pub type Identity = Option<Grant>;

/// Somebody whom a door lets in.
pub struct Client {
    /// What it may do.
    pub identity: Identity,
    /// Where it is; none: on this machine, or unknown.
    pub address: Option<IpAddr>,
}

/// The node's own: for what it does itself, by the doors' ways.
pub fn node() -> Identity {
    Some(Grant::node(&CommandTable::redis()))
}

/// Who sends this request; `address`: from where, if that is known.
///
/// # Errors
/// Why it is not let in.
pub async fn of<B>(
    gate: &Gate,
    lane: &LaneHandle,
    request: &Request<B>,
    address: Option<IpAddr>,
) -> Result<Identity, Denial> {
    let carried = Carried { headers: request.headers(), uri: request.uri(), address };
    if gate.has_token(carried) {
        lane.take_turn(Share::Half).await;
    }
    let identity = gate.arrive(carried, now(lane)).await?.map(|grant| lane.with_allowance(grant));
    check(lane, identity)
}

/// Whether it may be had still, just before a lane is given it.
///
/// # Errors
/// It ended or was revoked meanwhile.
pub fn check(lane: &LaneHandle, identity: Identity) -> Result<Identity, Denial> {
    let Some(grant) = &identity else { return Ok(identity) };
    if grant.ends.is_some_and(|ends| ends <= lane.clock().now()) {
        return Err(Denial::Expired);
    }
    match lane.with_lane(|lane| lane.check_grant(grant)) {
        Ok(()) => Ok(identity),
        Err(Error { code, message }) if code == UNAVAILABLE => Err(Denial::Unavailable(message.into_owned())),
        Err(error) => Err(Denial::Bad(error.message.into_owned())),
    }
}

/// The token of a client that is connected already.
pub async fn of_token(gate: &Gate, lane: &LaneHandle, token: &str) -> Result<Box<Grant>, Error> {
    lane.take_turn(Share::Half).await;
    let grant = gate.token(token, now(lane)).await.map_err(|denial| denial.error())?;
    Ok(Box::new(lane.with_allowance(grant)))
}

/// How to end a connection that is not let in.
pub fn close_code(denial: &Denial) -> CloseCode {
    tracing::debug!(error = %denial, "a client is not let in");
    denial.close_code()
}

fn now(lane: &LaneHandle) -> Now {
    let Moment { time, unix_ms } = lane.clock().moment();
    Now { time, unix_ms }
}
