//! What a client offers in `Sec-WebSocket-Extensions`, and what is answered (RFC 6455, 9.1; RFC 7692, 5 and 7.1).
//!
//! `permessage-deflate` is the one extension that is known. Both ends compress every message by itself, which a server may
//! demand whatever was offered.

/// A server may answer with both whether or not the offer has them (RFC 7692, 7.1.1.1 and 7.1.1.2).
const ACCEPTED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// To an offer that names the server's window the answer names it too, the same or a smaller one (7.1.2.1).
const ACCEPTED_WITH_WINDOW: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

/// The header is not a list of extensions: RFC 6455, 9.1: "If a value is received by either the client or the server during
/// negotiation that does not conform to the ABNF below, the recipient of such malformed data MUST immediately _Fail the
/// WebSocket Connection_."
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// What to answer to the offers in the values of `Sec-WebSocket-Extensions`, which are one list: the first that can be
/// agreed to is. `None`: no extension is used.
///
/// An offer is declined if it has a parameter that is not known, has one twice, or one whose value is not what it may be;
/// and one that wants the server to compress within a smaller window than the one that all clients share.
///
/// # Errors
/// A value that is no list of extensions.
pub fn negotiate_deflate<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'static str>, Malformed> {
    let mut accepted = None;
    for value in values {
        let mut rest = Rest(value);
        loop {
            // RFC 2616, 2.1: "null elements are allowed, but do not contribute to the count of elements present".
            while rest.takes(b',') {}
            if rest.0.is_empty() {
                break;
            }
            let answer = offer(&mut rest)?;
            accepted = accepted.or(answer);
            if !rest.0.is_empty() && !rest.takes(b',') {
                return Err(Malformed);
            }
        }
    }
    Ok(accepted)
}

/// Reads one offer; what accepts it, if it can be.
fn offer(rest: &mut Rest<'_>) -> Result<Option<&'static str>, Malformed> {
    let mut is_acceptable = rest.token()? == b"permessage-deflate";
    let mut seen: [bool; 4] = [false; 4];
    while rest.takes(b';') {
        let name = rest.token()?;
        let value = if rest.takes(b'=') { Some(rest.value()?) } else { None };
        let known = match (name, &value) {
            (b"server_no_context_takeover", None) => Some(0),
            (b"client_no_context_takeover", None) => Some(1),
            // Only the full window: frames are compressed once for all clients.
            (b"server_max_window_bits", Some(bits)) if window_bits(bits) == Some(15) => Some(2),
            // That the client could compress within a smaller one, or will: any is inflated, so none is answered (7.1.2.2).
            (b"client_max_window_bits", None) => Some(3),
            (b"client_max_window_bits", Some(bits)) if window_bits(bits).is_some() => Some(3),
            _ => None,
        };
        // 7: "A server MUST decline an extension negotiation offer for this extension if any of the following conditions are
        // met: The negotiation offer contains an extension parameter not defined for use in an offer. […] an extension
        // parameter with an invalid value. […] multiple extension parameters with the same name."
        is_acceptable &= known.is_some_and(|known| !std::mem::replace(&mut seen[known], true));
    }
    let answer = if seen[2] { ACCEPTED_WITH_WINDOW } else { ACCEPTED };
    Ok(is_acceptable.then_some(answer))
}

/// 7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// What of a value is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Takes this byte and the white space around it, if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.0 = self.0.trim_ascii_start();
        match self.0.split_first() {
            Some((first, after)) if *first == byte => {
                self.0 = after.trim_ascii_start();
                true
            }
            _ => false,
        }
    }

    fn token(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.0.iter().take_while(|byte| is_token(**byte)).count();
        let (token, after) = self.0.split_at(len);
        self.0 = after.trim_ascii_start();
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    /// A token, or one in quotes: "When using the quoted-string syntax variant, the value after quoted-string unescaping MUST
    /// conform to the 'token' ABNF."
    fn value(&mut self) -> Result<Vec<u8>, Malformed> {
        let Some((b'"', mut quoted)) = self.0.split_first() else { return self.token().map(<[u8]>::to_vec) };
        let mut value = Vec::new();
        loop {
            let (byte, after) = match quoted {
                [b'"', after @ ..] => {
                    self.0 = after.trim_ascii_start();
                    return if value.is_empty() { Err(Malformed) } else { Ok(value) };
                }
                [b'\\', byte, after @ ..] | [byte, after @ ..] => (*byte, after),
                [] => return Err(Malformed),
            };
            if !is_token(byte) {
                return Err(Malformed);
            }
            value.push(byte);
            quoted = after;
        }
    }
}

/// RFC 2616, 2.2: "any CHAR except CTLs or separators".
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(values: &[&str]) -> Result<Option<&'static str>, Malformed> {
        negotiate_deflate(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn offers_that_are_accepted() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=8",
            "permessage-deflate; client_max_window_bits=\"15\"",
            "permessage-deflate ; server_no_context_takeover ;client_no_context_takeover",
            "\tpermessage-deflate; client_max_window_bits = \"1\\0\" ,",
            ", ,permessage-deflate,,",
            "x-webkit-deflate-frame, permessage-deflate",
            "mux; max-channels=4; flow-control, permessage-deflate; client_max_window_bits",
        ] {
            assert_eq!(negotiate(&[offer]), Ok(Some(ACCEPTED)), "{offer}");
        }
        assert_eq!(negotiate(&["bzip; level=\"9\"", "permessage-deflate"]), Ok(Some(ACCEPTED)));
    }

    #[test]
    fn a_window_that_is_asked_for_is_answered() {
        assert_eq!(negotiate(&["permessage-deflate; server_max_window_bits=15"]), Ok(Some(ACCEPTED_WITH_WINDOW)));
        let smaller_first = "permessage-deflate; server_max_window_bits=10, permessage-deflate; client_max_window_bits";
        assert_eq!(negotiate(&[smaller_first]), Ok(Some(ACCEPTED)), "the first that can be agreed to");
        let both = ["permessage-deflate; server_max_window_bits=\"15\"", "permessage-deflate"];
        assert_eq!(negotiate(&both), Ok(Some(ACCEPTED_WITH_WINDOW)), "the client's first choice");
    }

    #[test]
    fn offers_that_are_declined() {
        for offer in [
            "",
            " , ",
            "permessage-bzip2",
            "Permessage-Deflate2",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=14",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; client_max_window_bits=x",
            "permessage-deflate; client_max_window_bits=110",
            "permessage-deflate; client_no_context_takeover=true",
            "permessage-deflate; server_no_context_takeover=\"1\"",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
            "permessage-deflate; level=9",
        ] {
            assert_eq!(negotiate(&[offer]), Ok(None), "{offer}");
        }
    }

    #[test]
    fn what_is_no_list_of_extensions_is_malformed() {
        for value in [
            ";",
            "permessage-deflate;",
            "permessage-deflate; =1",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=\"",
            "permessage-deflate; client_max_window_bits=\"1",
            "permessage-deflate; client_max_window_bits=\"\"",
            "permessage-deflate; client_max_window_bits=\"1 5\"",
            "permessage-deflate; client_max_window_bits=\"1\\",
            "permessage-deflate client_max_window_bits",
            "permessage-deflate, \u{e4}",
            "permessage-deflate; a=1 2",
            "(permessage-deflate)",
        ] {
            assert_eq!(negotiate(&[value]), Err(Malformed), "{value}");
        }
        assert_eq!(negotiate(&["permessage-deflate", ";"]), Err(Malformed), "though there was an offer before");
    }
}
