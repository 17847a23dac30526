//! What can go wrong, by blame: an [`Error`] answers one request, a [`CloseCode`] ends a connection.

use std::borrow::Cow;
use std::fmt;

/// The code of an error: Redis' own prefix (`WRONGTYPE`, `ERR`, …) or one of the gateway's.
pub type ErrorCode = Cow<'static, str>;

/// An error that answers one request, or that a feed shows as its state. It never closes a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Error {
    /// One word in capitals; clients decide by it.
    pub code: ErrorCode,
    /// One sentence for people.
    pub message: Cow<'static, str>,
}

/// Shape, unknown verb, id in use.
pub const BADREQUEST: &str = "BADREQUEST";
/// A token is needed and missing, or tokens are not configured.
pub const NOAUTH: &str = "NOAUTH";
/// The client's rules do not allow it.
pub const NOPERM: &str = "NOPERM";
/// The feed number is not open on this connection.
pub const NOFEED: &str = "NOFEED";
/// A limit of this client is reached.
pub const TOOMANY: &str = "TOOMANY";
/// A value or a message is over its limit.
pub const TOOBIG: &str = "TOOBIG";
/// The backend is out of reach.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// The command cannot be a live query: not a read, blocking, or its keys cannot be known.
pub const NOTLIVE: &str = "NOTLIVE";
/// A stream's last id is now below the follower's place.
pub const RESET: &str = "RESET";
/// The gateway's own codes: what is refused by these is counted by code, everything else as Redis'.
pub const OWN: [&str; 9] = [BADREQUEST, NOAUTH, NOPERM, NOFEED, TOOMANY, TOOBIG, UNAVAILABLE, NOTLIVE, RESET];

/// Redis' generic error prefix.
pub const ERR: &str = "ERR";
/// Redis' error for a command against a key of another type.
pub const WRONGTYPE: &str = "WRONGTYPE";

impl Error {
    /// An error with this code and sentence.
    pub fn new(code: impl Into<ErrorCode>, message: impl Into<Cow<'static, str>>) -> Error {
        Error { code: code.into(), message: message.into() }
    }

    /// From the text of a Redis error reply: the first word is the code if it is all capitals, else the code is `ERR`.
    pub fn from_redis(text: &str) -> Error {
        let (head, rest) = text.split_once(' ').unwrap_or((text, ""));
        if !head.is_empty() && head.bytes().all(|b| b.is_ascii_uppercase()) {
            Error::new(head.to_owned(), rest.to_owned())
        } else {
            Error::new(ERR, text.to_owned())
        }
    }
}

impl fmt::Display for Error {
    /// As Redis writes it after the minus sign: `CODE message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

/// Why the server ends a WebSocket: RFC 6455's codes, and in the private range the hundred is the advice
/// (40xx do not reconnect, 41xx reconnect after the back-off, 42xx reconnect at once).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u16)]
pub enum CloseCode {
    /// The client closed; answered in kind.
    Normal = 1000,
    /// The server drains.
    GoingAway = 1001,
    /// Unmasked frame, bad opcode, bad fragmentation.
    Protocol = 1002,
    /// Binary frame on `/ws`.
    Unsupported = 1003,
    /// Text that is not UTF-8.
    InvalidPayload = 1007,
    /// Half a frame for too long, no pong, Origin refused.
    Policy = 1008,
    /// A message over `message_bytes_max`.
    TooBig = 1009,
    /// Over capacity: come back later.
    TryLater = 1013,
    /// No valid token in time.
    AuthTimeout = 4001,
    /// The token is not valid.
    BadToken = 4003,
    /// Ended by an operator.
    Ended = 4004,
    /// Too slow, where conflation cannot help.
    TooSlow = 4101,
    /// Over a limit.
    OverLimit = 4102,
    /// The token expired: fetch a new one first.
    TokenExpired = 4201,
    /// Served elsewhere now.
    Moved = 4202,
}

impl CloseCode {
    /// All of them.
    pub const ALL: [CloseCode; 15] = [
        CloseCode::Normal,
        CloseCode::GoingAway,
        CloseCode::Protocol,
        CloseCode::Unsupported,
        CloseCode::InvalidPayload,
        CloseCode::Policy,
        CloseCode::TooBig,
        CloseCode::TryLater,
        CloseCode::AuthTimeout,
        CloseCode::BadToken,
        CloseCode::Ended,
        CloseCode::TooSlow,
        CloseCode::OverLimit,
        CloseCode::TokenExpired,
        CloseCode::Moved,
    ];

    /// Its place in [`CloseCode::ALL`].
    pub fn index(self) -> usize {
        CloseCode::ALL.iter().position(|code| *code == self).expect("all codes are listed")
    }

    /// Whether something went wrong with this client, other than that it left or the server goes.
    pub fn is_notable(self) -> bool {
        !matches!(self, CloseCode::Normal | CloseCode::GoingAway)
    }

    /// One word or two, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            CloseCode::Normal => "normal",
            CloseCode::GoingAway => "draining",
            CloseCode::Protocol => "protocol",
            CloseCode::Unsupported => "unsupported",
            CloseCode::InvalidPayload => "not_utf8",
            CloseCode::Policy => "no_answer",
            CloseCode::TooBig => "too_big",
            CloseCode::TryLater => "try_later",
            CloseCode::AuthTimeout => "auth_timeout",
            CloseCode::BadToken => "bad_token",
            CloseCode::Ended => "operator",
            CloseCode::TooSlow => "too_slow",
            CloseCode::OverLimit => "over_limit",
            CloseCode::TokenExpired => "token_expired",
            CloseCode::Moved => "moved",
        }
    }

    /// The number in the close frame.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The reason in the close frame: a short sentence in ASCII, under 124 bytes.
    pub fn reason(self) -> &'static str {
        match self {
            CloseCode::Normal => "",
            CloseCode::GoingAway => "the server is draining",
            CloseCode::Protocol => "WebSocket protocol error",
            CloseCode::Unsupported => "binary frames are not spoken here",
            CloseCode::InvalidPayload => "text is not UTF-8",
            CloseCode::Policy => "no answer in time or not allowed here",
            CloseCode::TooBig => "message over message_bytes_max",
            CloseCode::TryLater => "over capacity, try later",
            CloseCode::AuthTimeout => "no valid token in time",
            CloseCode::BadToken => "the token is not valid",
            CloseCode::Ended => "ended by an operator",
            CloseCode::TooSlow => "too slow: something would have been lost",
            CloseCode::OverLimit => "over a limit",
            CloseCode::TokenExpired => "the token expired",
            CloseCode::Moved => "served elsewhere now",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_are_listed_once_and_have_names_of_their_own() {
        for (at, code) in CloseCode::ALL.iter().enumerate() {
            assert_eq!(code.index(), at);
            assert!(
                CloseCode::ALL[..at].iter().all(|other| other.name() != code.name() && other.code() != code.code())
            );
        }
    }
}
