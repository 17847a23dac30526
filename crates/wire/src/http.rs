//! `POST /command`: one command and its reply, or a pipeline, whose replies the door puts into an array.
//!
//! A body that is not right in every part is refused as a whole, before anything of it is carried out.

use crate::args::{self, bad};
use crate::json;
use model::{Args, Error, Response};

/// What a body asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// `["GET","key"]`: answered by one object.
    Command(Args),
    /// `[["GET","a"],["GET","b"]]`: answered by an array of as many objects. Never empty.
    Pipeline(Vec<Args>),
}

/// Reads a body: a command, or an array of at most `batch_max` commands (`TOOMANY` above, `BADREQUEST` for the rest).
pub fn decode(body: &[u8], batch_max: usize) -> Result<Body, Error> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| bad("the body is not UTF-8"))?;
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let Some(inner) = text.strip_prefix('[') else {
        return Err(bad("the body is a command as a JSON array, or an array of commands"));
    };
    if inner.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('[') {
        args::commands(text, "the pipeline", batch_max).map(Body::Pipeline)
    } else {
        args::command(text, "the command").map(Body::Command)
    }
}

/// Appends the reply to one command: `{"result":…}` or `{"error":{"code":"…","message":"…"}}`. Says whether there is one:
/// openings and greetings have no place in an HTTP reply.
pub fn encode_response(response: &Response, out: &mut Vec<u8>) -> bool {
    match response {
        Response::Result { value, .. } => {
            out.extend_from_slice(b"{\"result\":");
            json::write(value, out);
        }
        Response::Pong { json, .. } => {
            out.extend_from_slice(b"{\"result\":");
            out.extend_from_slice(json.as_bytes());
        }
        Response::Error { error, .. } => {
            out.extend_from_slice(b"{\"error\":");
            json::error(error, out);
        }
        Response::Opened { .. } | Response::Hello(_) => return false,
    }
    out.push(b'}');
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Value;
    use model::error::{BADREQUEST, TOOMANY};

    fn command(words: &[&'static str]) -> Args {
        words.iter().map(|&w| bytes::Bytes::from(w)).collect()
    }

    #[test]
    fn a_command_or_a_pipeline() {
        assert_eq!(decode(br#" ["GET","k", 1.0]"#, 9), Ok(Body::Command(command(&["GET", "k", "1.0"]))));
        assert_eq!(decode(br#"[ ["PING"] ]"#, 9), Ok(Body::Pipeline(vec![command(&["PING"])])));
        let two = Body::Pipeline(vec![command(&["GET", "a"]), command(&["GET", "b"])]);
        assert_eq!(decode(br#"[["GET","a"],["GET","b"]]"#, 2), Ok(two));
    }

    #[test]
    fn other_bodies_are_refused_whole() {
        let bodies: [&[u8]; 11] = [
            b"",
            b"GET k",
            b"{}",
            b"[]",
            b"[[]]",
            br#"["GET","k""#,
            br#"["GET",["k"]]"#,
            br#"[["GET","k"],"PING"]"#,
            br#"[["GET","k"],["GET",null]]"#,
            b"[\"\xff\"]",
            br#"["PING"] x"#,
        ];
        for body in bodies {
            assert_eq!(decode(body, 9).unwrap_err().code, BADREQUEST, "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(decode(br#"[["A"],["B"],["C"]]"#, 2).unwrap_err().code, TOOMANY);
    }

    #[test]
    fn replies() {
        let result = Response::Result { id: 0, value: Value::Str("v".into()) };
        let error = Response::Error { id: None, error: Error::new("ERR", "no") };
        let mut out = Vec::new();
        assert!(encode_response(&result, &mut out));
        assert_eq!(out, br#"{"result":"v"}"#);
        out.clear();
        assert!(encode_response(&error, &mut out));
        assert_eq!(out, br#"{"error":{"code":"ERR","message":"no"}}"#);
    }
}
