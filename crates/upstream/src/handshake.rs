//! From a connection to a link that is ready: who we are, which database, tracking, the server's role, and whether it can
//! serve at all.
//!
//! ```text
//!   HELLO 3 ─► SELECT, CLIENT TRACKING ON, ROLE, PING   (one round trip)  ─► ready
//!      │                     │ refused                    │ LOADING …
//!      ▼ unknown             ▼                            ▼
//!   AUTH, RESP2           keyspace events? else polling   PING again, soon
//! ```

use crate::interface::{Credentials, LinkId, Notice, Role, Topology};
use crate::link::{Expected, Phase, Server};
use crate::reply::{self, Trouble};
use crate::turn::{Turn, line, line_with};
use bytes::Bytes;
use model::request::Via;
use model::{Args, Reply};
use std::time::Duration;

/// How soon a server that cannot serve yet is asked again.
const NOT_READY_RETRY: Duration = Duration::from_millis(50);

/// A question on the way to being ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// `HELLO 3`.
    Hello,
    /// `AUTH`, where there is no `HELLO`.
    Auth,
    /// `SELECT`.
    Select,
    /// `CLIENT TRACKING ON`.
    Tracking,
    /// `CONFIG GET notify-keyspace-events`, where tracking is refused.
    EventsSetting,
    /// `PSUBSCRIBE __keyspace@0__:*`.
    Events,
    /// `ROLE`.
    Role,
    /// `PING`: whether commands are served.
    Ready,
}

/// What an answer leads to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// On.
    Going,
    /// The link can be used.
    Ready,
    /// It cannot, and another connection may.
    Failed(String),
}

/// The first command, with what proves who we are.
pub(crate) fn begin(turn: &mut Turn<'_>, id: LinkId, credentials: Option<&Credentials>) {
    let Some(link) = turn.shared.links.get_mut(id) else { return };
    link.phase = Phase::Greeting;
    link.heard(turn.now);
    let mut words = vec![Bytes::from_static(b"HELLO"), Bytes::from_static(b"3")];
    if let Some(credentials) = credentials {
        let user = credentials.user.clone().unwrap_or_else(|| "default".to_owned());
        words.extend([Bytes::from_static(b"AUTH"), user.into(), credentials.password.clone().into()]);
    }
    let name = format!("keywire-{}", link.role.as_str());
    words.extend([Bytes::from_static(b"SETNAME"), name.into()]);
    link.credentials = credentials.cloned();
    turn.send(id, words.into(), Expected::Handshake(Step::Hello));
}

/// An answer came.
pub(crate) fn answered(turn: &mut Turn<'_>, id: LinkId, step: Step, reply: &Reply) -> Outcome {
    match step {
        Step::Hello => hello(turn, id, reply),
        Step::Auth => match reply::error_text(reply) {
            Some(text) => login_refused(turn, id, text),
            None => greeted(turn, id),
        },
        Step::Select => match reply::error_text(reply) {
            Some(text) => refused(turn, id, "SELECT", text),
            None => Outcome::Going,
        },
        Step::Tracking => match reply::error_text(reply) {
            Some(text) => untracked(turn, id, text),
            None => Outcome::Going,
        },
        Step::EventsSetting => events_setting(turn, id, reply),
        Step::Events => {
            if reply::error_text(reply).is_some() {
                set_via(turn, id, Via::Polling);
            }
            ask_ready(turn, id);
            Outcome::Going
        }
        Step::Role => role(turn, id, reply),
        Step::Ready => ready(turn, id, reply),
    }
}

fn hello(turn: &mut Turn<'_>, id: LinkId, reply: &Reply) -> Outcome {
    let Some(link) = turn.shared.links.get_mut(id) else { return Outcome::Going };
    let credentials = link.credentials.take();
    let Some(text) = reply::error_text(reply) else {
        let field = |name: &str| reply::field(reply, name).and_then(reply::text).unwrap_or_default();
        link.server = Server { name: field("server"), version: field("version") };
        return greeted(turn, id);
    };
    let (code, _) = text.split_once(' ').unwrap_or((&text, ""));
    match code {
        "NOAUTH" | "WRONGPASS" => login_refused(turn, id, text),
        "LOADING" | "MASTERDOWN" | "BUSY" => {
            let address = link.address.clone();
            turn.notice(Notice::NotReady { address, reason: text.clone() });
            Outcome::Failed(text)
        }
        _ if code == "NOPROTO" || code == "NOPERM" || text.contains("unknown command") => {
            link.is_resp2 = true;
            let address = link.address.clone();
            turn.notice(Notice::OldProtocol { address });
            match credentials {
                Some(credentials) => turn.send(id, auth(credentials), Expected::Handshake(Step::Auth)),
                None => return greeted(turn, id),
            }
            Outcome::Going
        }
        _ => refused(turn, id, "HELLO", text),
    }
}

fn auth(credentials: Credentials) -> Args {
    let mut words = vec![Bytes::from_static(b"AUTH")];
    words.extend(credentials.user.map(Bytes::from));
    words.push(credentials.password.into());
    words.into()
}

/// The server knows who we are: all the rest goes in one packet.
fn greeted(turn: &mut Turn<'_>, id: LinkId) -> Outcome {
    let Some(link) = turn.shared.links.get(id) else { return Outcome::Going };
    let (role, is_resp2) = (link.role, link.is_resp2);
    if role == Role::Sentinel {
        return Outcome::Ready;
    }
    let database = turn.shared.config.database;
    if database != 0 && !turn.shared.is_cluster() {
        let number = Bytes::from(database.to_string());
        turn.send(id, line_with(["SELECT"], number), Expected::Handshake(Step::Select));
    }
    if role == Role::Tracking && is_resp2 {
        return untracked(turn, id, "RESP2 only".to_owned());
    }
    if role == Role::Tracking {
        turn.send(id, line(["CLIENT", "TRACKING", "ON"]), Expected::Handshake(Step::Tracking));
    }
    turn.send(id, line(["ROLE"]), Expected::Handshake(Step::Role));
    ask_ready(turn, id);
    Outcome::Going
}

fn ask_ready(turn: &mut Turn<'_>, id: LinkId) {
    turn.send(id, line(["PING"]), Expected::Handshake(Step::Ready));
}

/// Tracking is refused. Events of the keyspace come on this very connection, so that they keep their place among its
/// replies as invalidations do; that needs RESP3.
fn untracked(turn: &mut Turn<'_>, id: LinkId, reason: String) -> Outcome {
    let Some(link) = turn.shared.links.get_mut(id) else { return Outcome::Going };
    link.via = Via::Polling;
    let (address, is_resp2) = (link.address.clone(), link.is_resp2);
    if is_resp2 {
        turn.notice(Notice::Fallback { address, via: Via::Polling, reason });
        turn.send(id, line(["ROLE"]), Expected::Handshake(Step::Role));
        ask_ready(turn, id);
        return Outcome::Going;
    }
    link.untracked = Some(reason);
    turn.send(id, line(["CONFIG", "GET", "notify-keyspace-events"]), Expected::Handshake(Step::EventsSetting));
    Outcome::Going
}

fn events_setting(turn: &mut Turn<'_>, id: LinkId, reply: &Reply) -> Outcome {
    let setting = reply::field(reply, "notify-keyspace-events").and_then(reply::text).unwrap_or_default();
    let via = if tells_all(&setting) { Via::Events } else { Via::Polling };
    set_via(turn, id, via);
    let Some(link) = turn.shared.links.get_mut(id) else { return Outcome::Going };
    let (address, reason) = (link.address.clone(), link.untracked.take().unwrap_or_default());
    turn.notice(Notice::Fallback { address, via, reason });
    if via == Via::Events {
        let pattern = Bytes::from(format!("__keyspace@{}__:*", turn.shared.config.database));
        turn.send(id, line_with(["PSUBSCRIBE"], pattern), Expected::Handshake(Step::Events));
    } else {
        ask_ready(turn, id);
    }
    Outcome::Going
}

/// Whether keyspace events of every kind that changes values are on.
fn tells_all(setting: &str) -> bool {
    let has_kinds = setting.contains('A') || "g$lshzxet".chars().all(|kind| setting.contains(kind));
    setting.contains('K') && has_kinds
}

fn set_via(turn: &mut Turn<'_>, id: LinkId, via: Via) {
    if let Some(link) = turn.shared.links.get_mut(id) {
        link.via = via;
    }
}

fn role(turn: &mut Turn<'_>, id: LinkId, reply: &Reply) -> Outcome {
    let Some(link) = turn.shared.links.get(id) else { return Outcome::Going };
    let (address, is_tracking) = (link.address.clone(), link.role == Role::Tracking);
    if reply::is_master(reply) != Some(false) {
        return Outcome::Going;
    }
    match turn.shared.config.topology {
        Topology::Sentinel { .. } => {
            turn.notice(Notice::NotMaster { address });
            Outcome::Failed("it is no master".to_owned())
        }
        // Any node may be asked for the map.
        Topology::Cluster { .. } if link.role == Role::Map => Outcome::Going,
        Topology::Cluster { .. } => Outcome::Failed("it is no primary".to_owned()),
        Topology::Standalone(_) => {
            if is_tracking {
                turn.notice(Notice::Replica { address });
            }
            Outcome::Going
        }
    }
}

fn ready(turn: &mut Turn<'_>, id: LinkId, reply: &Reply) -> Outcome {
    let Some(link) = turn.shared.links.get_mut(id) else { return Outcome::Going };
    if link.untracked.is_some() {
        // How changes are noticed is not known yet: it is asked again then.
        return Outcome::Going;
    }
    match reply::trouble(reply) {
        Some(Trouble::NotReady) => {
            let is_news = link.phase == Phase::Greeting;
            let (address, reason) = (link.address.clone(), reply::error_text(reply).unwrap_or_default());
            link.phase = Phase::NotReady(Some(turn.now + NOT_READY_RETRY));
            if is_news {
                turn.notice(Notice::NotReady { address, reason });
            }
            Outcome::Going
        }
        Some(Trouble::NoAuth) => login_refused(turn, id, reply::error_text(reply).unwrap_or_default()),
        // A user who may not PING may still read.
        _ => Outcome::Ready,
    }
}

/// The server said on a link in use that it cannot serve: it is asked when it can again.
pub(crate) fn not_ready(turn: &mut Turn<'_>, id: LinkId, reason: String) {
    let Some(link) = turn.shared.links.get_mut(id).filter(|link| link.is_ready()) else { return };
    link.phase = Phase::NotReady(Some(turn.now + NOT_READY_RETRY));
    let address = link.address.clone();
    turn.notice(Notice::NotReady { address, reason });
}

/// It is time to ask whether the server can serve now.
pub(crate) fn ask_again(turn: &mut Turn<'_>, id: LinkId) {
    if let Some(link) = turn.shared.links.get_mut(id) {
        link.phase = Phase::NotReady(None);
        ask_ready(turn, id);
    }
}

fn login_refused(turn: &mut Turn<'_>, id: LinkId, reason: String) -> Outcome {
    let Some(link) = turn.shared.links.get(id) else { return Outcome::Going };
    let address = link.address.clone();
    turn.notice(Notice::LoginRefused { address, reason: reason.clone() });
    Outcome::Failed(reason)
}

fn refused(turn: &mut Turn<'_>, id: LinkId, what: &'static str, reason: String) -> Outcome {
    let Some(link) = turn.shared.links.get(id) else { return Outcome::Going };
    let address = link.address.clone();
    turn.notice(Notice::Refused { address, what, reason: reason.clone() });
    Outcome::Failed(reason)
}
