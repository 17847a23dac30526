//! Reading requests: the protocol's table of verbs and options, and its rule for bad input.
//!
//! A request is read in two steps. First its members are found, each as a piece of the text, which also shows that the
//! whole is JSON; then the pieces are read as what the verb wants. So a request with any mistake in it is still answered
//! with its `id`, wherever in the object that stands. Neither step recurses.

use crate::args::{self, bad};

use model::feed::Tag;
use model::request::From;
use model::value::INT_MAX;
use model::{EntryId, Error, FeedId, Request, Verb};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::{SmallVec, smallvec};
use std::fmt;

/// The requests of one text frame in order: one, or those of a batch.
pub type Decoded = SmallVec<[Result<Request, BadRequest>; 1]>;

/// What cannot be carried out, to be answered with its error.
#[derive(Clone, PartialEq, Debug)]
pub struct BadRequest {
    /// The request's id, if it could be read.
    pub id: Option<u64>,
    /// `BADREQUEST`, or `TOOMANY` for more than `batch_max` at once.
    pub error: Error,
}

/// The requests in a client's text: an object, or an array of at most `batch_max` objects (as many commands may also be
/// in one `commands`). A text that is not one of these gives one [`BadRequest`] without an id. Never empty.
pub fn decode(text: &str, batch_max: usize) -> Decoded {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    match text.as_bytes().first() {
        Some(b'{') => smallvec![object(text, batch_max)],
        Some(b'[') => batch(text, batch_max).unwrap_or_else(|error| smallvec![Err(BadRequest { id: None, error })]),
        _ => smallvec![Err(BadRequest { id: None, error: bad(SHAPE) })],
    }
}

const SHAPE: &str = "a request is a JSON object, or an array of them";

fn batch(text: &str, batch_max: usize) -> Result<Decoded, Error> {
    let elements = args::elements(text, batch_max).map_err(not_json)?;
    args::check_count(&elements, batch_max, "requests")?;
    if elements.is_empty() {
        return Err(bad("an empty batch"));
    }
    Ok(elements.iter().map(|json| object(json, batch_max)).collect())
}

fn object(json: &str, batch_max: usize) -> Result<Request, BadRequest> {
    if !json.starts_with('{') {
        return Err(BadRequest { id: None, error: bad(SHAPE) });
    }
    let members: Members<'_> = serde_json::from_str(json).map_err(|e| BadRequest { id: None, error: not_json(e) })?;
    let id = members.id();
    let request = id.clone().and_then(|id| Ok(Request { id, verb: members.verb(id, batch_max)? }));
    request.map_err(|error| BadRequest { id: id.ok().flatten(), error })
}

fn not_json(error: serde_json::Error) -> Error {
    bad(format!("not JSON: {error}"))
}

/// The members a request can have. The verbs come first: their number is below [`Member::Id`]'s.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    Command,
    Commands,
    Live,
    Subscribe,
    Psubscribe,
    Follow,
    Close,
    Auth,
    Ping,
    Id,
    Atomic,
    Every,
    Json,
    Have,
    From,
}

impl Member {
    const ALL: [(Member, &str); 15] = [
        (Member::Command, "command"),
        (Member::Commands, "commands"),
        (Member::Live, "live"),
        (Member::Subscribe, "subscribe"),
        (Member::Psubscribe, "psubscribe"),
        (Member::Follow, "follow"),
        (Member::Close, "close"),
        (Member::Auth, "auth"),
        (Member::Ping, "ping"),
        (Member::Id, "id"),
        (Member::Atomic, "atomic"),
        (Member::Every, "every"),
        (Member::Json, "json"),
        (Member::Have, "have"),
        (Member::From, "from"),
    ];

    fn parse(name: &str) -> Option<Member> {
        Member::ALL.into_iter().find(|(_, n)| *n == name).map(|(member, _)| member)
    }

    fn name(self) -> &'static str {
        Member::ALL[self as usize].1
    }

    fn is_verb(self) -> bool {
        (self as usize) < Member::Id as usize
    }

    /// Whether a request with this verb may have the option.
    fn takes(self, option: Member) -> bool {
        match option {
            Member::Id => true,
            Member::Atomic => self == Member::Commands,
            Member::Every | Member::Json | Member::Have => self == Member::Live,
            Member::From => self == Member::Follow,
            _ => false,
        }
    }
}

/// A request's members as pieces of its text, by the number of the [`Member`].
#[derive(Default)]
struct Members<'a> {
    values: [Option<&'a str>; Member::ALL.len()],
    /// The first member that may not be there, whatever the verb is.
    stranger: Option<Stranger>,
}

enum Stranger {
    Unknown(String),
    Repeated(Member),
}

impl<'a> Members<'a> {
    fn get(&self, member: Member) -> Option<&'a str> {
        self.values[member as usize]
    }

    /// The id, `None` if there is none.
    fn id(&self) -> Result<Option<u64>, Error> {
        if let Some(Stranger::Repeated(Member::Id)) = self.stranger {
            return Err(repeated(Member::Id));
        }
        let Some(json) = self.get(Member::Id) else { return Ok(None) };
        match whole_number(json) {
            Some(id) if id <= INT_MAX as u64 => Ok(Some(id)),
            _ => Err(bad("id must be an integer from 0 to 2^53-1")),
        }
    }

    fn verb(&self, id: Option<u64>, batch_max: usize) -> Result<Verb, Error> {
        let (verb, json) = self.the_verb()?;
        if id.is_none() && verb != Member::Command {
            return Err(bad(format!("{} needs an id: only a command may go unanswered", verb.name())));
        }
        Ok(match verb {
            Member::Command => Verb::Command(args::command(json, verb.name())?),
            Member::Commands => self.transaction(json, batch_max)?,
            Member::Live => self.live(json)?,
            Member::Subscribe => Verb::Subscribe(args::name(json, verb.name())?),
            Member::Psubscribe => Verb::Psubscribe(args::name(json, verb.name())?),
            Member::Follow => Verb::Follow { stream: args::name(json, verb.name())?, from: self.from()? },
            Member::Close => Verb::Close(close(json)?),
            Member::Auth => Verb::Auth(string(json, verb)?.into_owned()),
            _ => Verb::Ping(json.into()),
        })
    }

    /// The one verb, with nothing beside it that does not belong there.
    fn the_verb(&self) -> Result<(Member, &'a str), Error> {
        match &self.stranger {
            Some(Stranger::Unknown(name)) => return Err(bad(format!("unknown verb or option {name:?}"))),
            Some(Stranger::Repeated(member)) => return Err(repeated(*member)),
            None => {}
        }
        let present = || Member::ALL.iter().filter_map(|&(member, _)| Some((member, self.get(member)?)));
        let mut verbs = present().filter(|(member, _)| member.is_verb());
        let (verb, json) = verbs.next().ok_or_else(|| bad("a request needs a verb"))?;
        if let Some((second, _)) = verbs.next() {
            return Err(bad(format!("two verbs: {} and {}", verb.name(), second.name())));
        }
        match present().find(|&(member, _)| !member.is_verb() && !verb.takes(member)) {
            Some((option, _)) => Err(bad(format!("{} is not an option of {}", option.name(), verb.name()))),
            None => Ok((verb, json)),
        }
    }

    fn transaction(&self, json: &str, batch_max: usize) -> Result<Verb, Error> {
        if self.get(Member::Atomic) != Some("true") {
            return Err(bad("commands needs \"atomic\":true; for the rest send a batch"));
        }
        args::commands(json, Member::Commands.name(), batch_max).map(Verb::Commands)
    }

    fn live(&self, json: &str) -> Result<Verb, Error> {
        let every = |json| whole_number(json).ok_or_else(|| bad("every must be a whole number of milliseconds"));
        let have = |json| string(json, Member::Have).map(|text| Tag::parse(&text));
        Ok(Verb::Live {
            command: args::command(json, Member::Live.name())?,
            every_ms: self.get(Member::Every).map(every).transpose()?,
            json: match self.get(Member::Json) {
                Some("true") => true,
                Some("false") | None => false,
                Some(_) => return Err(bad("json must be true or false")),
            },
            have: self.get(Member::Have).map(have).transpose()?.flatten(),
        })
    }

    fn from(&self) -> Result<From, Error> {
        let Some(json) = self.get(Member::From) else { return Ok(From::End) };
        let text = string(json, Member::From)?;
        if text == "$" {
            return Ok(From::End);
        }
        let id: EntryId = text.parse().map_err(|_| bad("from must be an entry id, \"0\" or \"$\""))?;
        Ok(From::After(id))
    }
}

fn repeated(member: Member) -> Error {
    bad(format!("{} comes twice", member.name()))
}

fn string(json: &str, member: Member) -> Result<std::borrow::Cow<'_, str>, Error> {
    if json.starts_with('"') { args::text(json) } else { Err(bad(format!("{} must be a string", member.name()))) }
}

fn close(json: &str) -> Result<FeedId, Error> {
    whole_number(json).map(FeedId).ok_or_else(|| bad("close must be a feed's number"))
}

/// A number written without sign, fraction or exponent.
fn whole_number(json: &str) -> Option<u64> {
    if json.bytes().all(|b| b.is_ascii_digit()) { json.parse().ok() } else { None }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(Name(name)) = map.next_key()? {
            let value = map.next_value::<&RawValue>()?.get();
            let stranger = match name {
                Err(unknown) => Some(Stranger::Unknown(unknown)),
                Ok(member) => members.values[member as usize].replace(value).map(|_| Stranger::Repeated(member)),
            };
            // A repeated id counts more than what came before: it decides whether the answer can have one.
            if members.stranger.is_none() || matches!(stranger, Some(Stranger::Repeated(Member::Id))) {
                members.stranger = stranger;
            }
        }
        Ok(members)
    }
}

/// A member's name; of one that is unknown as much as a message needs.
struct Name(Result<Member, String>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        const SHOWN_MAX: usize = 60;
        Ok(Name(Member::parse(name).ok_or_else(|| name[..name.floor_char_boundary(SHOWN_MAX)].to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::error::{BADREQUEST, TOOMANY};

    fn one(text: &str) -> Result<Request, BadRequest> {
        let mut decoded = decode(text, 10);
        assert_eq!(decoded.len(), 1, "{text}");
        decoded.pop().unwrap()
    }

    fn args(args: &[&'static str]) -> model::Args {
        args.iter().map(|&a| Bytes::from(a)).collect()
    }

    #[test]
    fn every_verb_with_its_options() {
        let live = |every_ms, json, have| Verb::Live { command: args(&["GET", "k"]), every_ms, json, have };
        let follow = |from| Verb::Follow { stream: "s".into(), from };
        for (json, verb) in [
            (r#"{"id":1,"command":["GET","k"]}"#, Verb::Command(args(&["GET", "k"]))),
            (
                r#"{"id":1,"commands":[["INCR","a"],["INCR","b",2]],"atomic":true}"#,
                Verb::Commands(vec![args(&["INCR", "a"]), args(&["INCR", "b", "2"])]),
            ),
            (r#"{"id":1,"live":["GET","k"]}"#, live(None, false, None)),
            (
                r#"{"id":1,"live":["GET","k"],"every":50,"json":true,"have":"abcdefghijklmnop"}"#,
                live(Some(50), true, Some(Tag(*b"abcdefghijklmnop"))),
            ),
            (r#"{"id":1,"live":["GET","k"],"json":false,"have":"no tag","every":0}"#, live(Some(0), false, None)),
            (r#"{"id":1,"subscribe":"c"}"#, Verb::Subscribe("c".into())),
            (r#"{"id":1,"subscribe":{"$base64":"/w=="}}"#, Verb::Subscribe(Bytes::from_static(b"\xff"))),
            (r#"{"id":1,"psubscribe":"c*"}"#, Verb::Psubscribe("c*".into())),
            (r#"{"id":1,"follow":"s"}"#, follow(From::End)),
            (r#"{"id":1,"follow":"s","from":"$"}"#, follow(From::End)),
            (r#"{"id":1,"follow":"s","from":"0"}"#, follow(From::After(EntryId::MIN))),
            (r#"{"id":1,"follow":"s","from":"17-3"}"#, follow(From::After(EntryId::new(17, 3)))),
            (r#"{"id":1,"close":17}"#, Verb::Close(FeedId(17))),
            (r#"{"id":1,"auth":"a.b\u002ec"}"#, Verb::Auth("a.b.c".into())),
            (r#" { "ping" : {"a" : [1,  2]} , "id" : 1 } "#, Verb::Ping(r#"{"a" : [1,  2]}"#.into())),
            (r#"{"id":1,"ping":null}"#, Verb::Ping("null".into())),
        ] {
            assert_eq!(one(json), Ok(Request { id: Some(1), verb }), "{json}");
        }
    }

    #[test]
    fn a_command_may_go_without_an_id() {
        assert_eq!(one(r#"{"command":["PING"]}"#).unwrap().id, None);
        assert_eq!(one(r#"{"id":0,"command":["PING"]}"#).unwrap().id, Some(0));
        assert_eq!(one(r#"{"id":9007199254740991,"command":["PING"]}"#).unwrap().id, Some(INT_MAX as u64));
    }

    #[test]
    fn mistakes_are_answered_with_the_id_wherever_it_stands() {
        for json in [
            r#"{"id":7}"#,
            r#"{"nonsense":1,"id":7}"#,
            r#"{"command":["A"],"live":["A"],"id":7}"#,
            r#"{"command":["A"],"command":["A"],"id":7}"#,
            r#"{"command":["A"],"every":5,"id":7}"#,
            r#"{"command":["A"],"more":5,"id":7}"#,
            r#"{"command":[],"id":7}"#,
            r#"{"command":"GET a","id":7}"#,
            r#"{"command":[null],"id":7}"#,
            r#"{"command":["\udc00"],"id":7}"#,
            r#"{"commands":[["A"]],"id":7}"#,
            r#"{"commands":[["A"]],"atomic":false,"id":7}"#,
            r#"{"commands":[["A"]],"atomic":1,"id":7}"#,
            r#"{"commands":[],"atomic":true,"id":7}"#,
            r#"{"commands":["A"],"atomic":true,"id":7}"#,
            r#"{"live":["A"],"every":-1,"id":7}"#,
            r#"{"live":["A"],"every":1.5,"id":7}"#,
            r#"{"live":["A"],"every":"1","id":7}"#,
            r#"{"live":["A"],"json":1,"id":7}"#,
            r#"{"live":["A"],"have":1,"id":7}"#,
            r#"{"live":["A"],"from":"0","id":7}"#,
            r#"{"subscribe":1,"id":7}"#,
            r#"{"psubscribe":["a"],"id":7}"#,
            r#"{"follow":null,"id":7}"#,
            r#"{"follow":"s","from":0,"id":7}"#,
            r#"{"follow":"s","from":"1-","id":7}"#,
            r#"{"close":"17","id":7}"#,
            r#"{"close":-1,"id":7}"#,
            r#"{"close":1e3,"id":7}"#,
            r#"{"auth":1,"id":7}"#,
        ] {
            let bad = one(json).unwrap_err();
            assert_eq!((bad.id, &*bad.error.code), (Some(7), BADREQUEST), "{json}: {}", bad.error);
        }
    }

    #[test]
    fn what_has_no_readable_id_is_answered_without() {
        for json in [
            "",
            "  ",
            "nonsense",
            "null",
            "1",
            "\"text\"",
            "{",
            "{}x",
            r#"{"id":1,"command":["A"]} {}"#,
            r#"{"id":1,"command":["A",]}"#,
            "[",
            "[]",
            "[{}",
            r#"{"id":1,"id":1,"command":["A"]}"#,
            r#"{"x":1,"id":1,"id":1,"command":["A"]}"#,
            r#"{"id":-1,"command":["A"]}"#,
            r#"{"id":1.0,"command":["A"]}"#,
            r#"{"id":9007199254740992,"command":["A"]}"#,
            r#"{"id":null,"command":["A"]}"#,
            r#"{"id":"1","command":["A"]}"#,
            r#"{"live":["A"]}"#,
            r#"{"ping":1}"#,
        ] {
            let bad = one(json).unwrap_err();
            assert_eq!((bad.id, &*bad.error.code), (None, BADREQUEST), "{json}: {}", bad.error);
        }
    }

    #[test]
    fn a_message_names_what_is_wrong() {
        let message = |json| one(json).unwrap_err().error.message.into_owned();
        assert_eq!(message(r#"{"id":1,"get":"k"}"#), "unknown verb or option \"get\"");
        assert_eq!(message(r#"{"id":1,"live":["A"],"ping":1}"#), "two verbs: live and ping");
        assert_eq!(message(r#"{"id":1,"command":["A"],"have":1}"#), "have is not an option of command");
        assert_eq!(message(r#"{"id":1,"live":["A"],"json":true,"json":true}"#), "json comes twice");
        assert!(message(&format!(r#"{{"id":1,"{}":1}}"#, "ä".repeat(1000))).len() < 200);
    }

    #[test]
    fn a_batch_is_answered_one_by_one() {
        let decoded = decode(r#" [{"id":1,"ping":1}, {"id":2}, [{"id":3,"ping":1}], 4, {"id":5,"ping":5}]"#, 5);
        let ids: Vec<_> = decoded
            .iter()
            .map(|r| match r {
                Ok(request) => (true, request.id),
                Err(bad) => (false, bad.id),
            })
            .collect();
        assert_eq!(ids, [(true, Some(1)), (false, Some(2)), (false, None), (false, None), (true, Some(5))]);
    }

    #[test]
    fn a_batch_has_its_limit() {
        let batch = |n: usize| format!("[{}]", vec![r#"{"command":["PING"]}"#; n].join(","));
        assert_eq!(decode(&batch(10), 10).len(), 10);
        let over = one(&batch(11)).unwrap_err();
        assert_eq!((over.id, &*over.error.code), (None, TOOMANY));
        let commands =
            |n: usize| format!(r#"{{"id":1,"atomic":true,"commands":[{}]}}"#, vec![r#"["PING"]"#; n].join(","));
        assert!(one(&commands(10)).is_ok());
        let over = one(&commands(11)).unwrap_err();
        assert_eq!((over.id, &*over.error.code), (Some(1), TOOMANY));
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let deep = "[".repeat(1_000_000);
        let closed = format!("{deep}{}", "]".repeat(1_000_000));
        assert!(one(&deep).is_err());
        assert!(one(&closed).is_err());
        assert!(one(&format!(r#"{{"id":1,"ping":{closed}}}"#)).is_ok());
        assert!(one(&format!(r#"{{"id":1,"command":[{closed}]}}"#)).is_err());
        assert!(one(&"{\"a\":".repeat(300_000)).is_err());
    }

    #[test]
    fn the_table_of_members_is_in_the_order_of_their_numbers() {
        for (i, (member, name)) in Member::ALL.into_iter().enumerate() {
            assert_eq!((member as usize, member.name(), Member::parse(name)), (i, name, Some(member)));
        }
    }
}
