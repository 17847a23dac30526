//! Why somebody is not let in. The texts are for the client and for logs: they never hold the token, nor a part of it that
//! could be secret.

use model::error::{NOAUTH, UNAVAILABLE};
use model::{CloseCode, Error};
use std::fmt;

/// Why somebody is not let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denial {
    /// The token is none, is not to be believed, or gives no rights that make sense.
    Bad(String),
    /// The token was good.
    Expired,
    /// It cannot be found out now.
    Unavailable(String),
}

impl Denial {
    /// What answers a request.
    pub fn error(&self) -> Error {
        match self {
            Denial::Bad(_) | Denial::Expired => Error::new(NOAUTH, self.to_string()),
            Denial::Unavailable(_) => Error::new(UNAVAILABLE, self.to_string()),
        }
    }

    /// What ends a connection.
    pub fn close_code(&self) -> CloseCode {
        match self {
            Denial::Bad(_) => CloseCode::BadToken,
            Denial::Expired => CloseCode::TokenExpired,
            Denial::Unavailable(_) => CloseCode::TryLater,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denial::Bad(why) | Denial::Unavailable(why) => f.write_str(why),
            Denial::Expired => f.write_str("the token expired"),
        }
    }
}

impl std::error::Error for Denial {}
