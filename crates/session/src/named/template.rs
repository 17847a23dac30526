//! One named query: the words of a command with places for parameters and claims.

use acl::{Claims, escape};
use bytes::Bytes;
use model::error::{ERR, NOPERM};
use model::{Args, Error};

/// The words, and what has to be given for them.
#[derive(Clone, Debug)]
pub struct Template {
    words: Box<[Word]>,
    params: Vec<Param>,
}

#[derive(Clone, Debug)]
struct Word {
    parts: Box<[Part]>,
    reading: Reading,
}

/// How its command reads a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// As it is.
    Plain,
    /// As a glob: what is put in stands for itself all the same.
    Glob,
    /// With an element in place of the first `*`, which nothing escapes: none may be put in.
    Substituted,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Bytes),
    /// A parameter by its place, and what follows it in its word.
    Param(usize, Option<char>),
    /// A claim, and what follows it in its word.
    Claim(Box<str>, Option<char>),
}

#[derive(Clone, Debug)]
struct Param {
    name: Box<str>,
    kind: Kind,
    default: Option<Bytes>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Int(i64, i64),
    Number,
    Name(usize),
    Text(usize),
}

impl Template {
    /// # Errors
    /// What of the words is no template.
    pub fn parse(words: &[Bytes]) -> Result<Template, String> {
        if words.is_empty() {
            return Err("a command is wanted".into());
        }
        let mut params = Vec::new();
        let word = |(at, word)| Ok(Word { parts: parts(word, &mut params)?, reading: reading(words, at) });
        let words = words.iter().enumerate().map(word).collect::<Result<_, String>>()?;
        let optional = params.iter().skip_while(|param: &&Param| param.default.is_none());
        match optional.into_iter().find(|param| param.default.is_none()) {
            Some(param) => Err(format!("the parameter {} needs a default, as those before it have one", param.name)),
            None => Ok(Template { words, params }),
        }
    }

    /// The claims it asks for.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.words.iter().flat_map(|word| &word.parts).filter_map(|part| match part {
            Part::Claim(name, _) => Some(&**name),
            Part::Text(_) | Part::Param(..) => None,
        })
    }

    /// The command for these arguments and claims.
    pub fn fill(&self, given: &[Bytes], claims: &Claims) -> Result<Args, Error> {
        let values = self.values(given).map_err(|what| Error::new(ERR, what))?;
        let fill = |word: &Word| -> Result<Bytes, Error> {
            let mut filled = Vec::new();
            for part in &word.parts {
                match part {
                    Part::Text(text) => filled.extend_from_slice(text),
                    Part::Param(at, delimiter) => {
                        let value = &values[*at];
                        let named = || self.params[*at].name.clone();
                        if let Some(d) = delimiter.filter(|d| contains(value, *d)) {
                            return Err(Error::new(ERR, format!("{}: it must not contain '{d}'", named())));
                        }
                        let what = |what| Error::new(ERR, format!("{}: {what}", named()));
                        word.reading.append(value, &mut filled).map_err(what)?;
                    }
                    Part::Claim(name, delimiter) => {
                        let value = claims.for_name(name, *delimiter).map_err(|what| Error::new(NOPERM, what))?;
                        let what = |what| Error::new(NOPERM, format!("the claim '{name}': {what}"));
                        word.reading.append(value.as_bytes(), &mut filled).map_err(what)?;
                    }
                }
            }
            Ok(filled.into())
        };
        self.words.iter().map(fill).collect()
    }

    /// A command that it might make, to know what kind of command it is.
    pub fn example(&self) -> Args {
        let value = |at: usize| match self.params[at].kind {
            Kind::Int(least, _) => Bytes::from(least.to_string()),
            Kind::Number => Bytes::from_static(b"1"),
            Kind::Name(_) | Kind::Text(_) => Bytes::from_static(b"x"),
        };
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Param(at, _) => value(*at),
            Part::Claim(..) => Bytes::from_static(b"x"),
        };
        self.words.iter().map(|word| Bytes::from(word.parts.iter().map(part).collect::<Vec<_>>().concat())).collect()
    }

    /// Every parameter's value.
    fn values(&self, given: &[Bytes]) -> Result<Vec<Bytes>, String> {
        if given.len() > self.params.len() {
            return Err(format!("{} arguments are too many: {}", given.len(), self.takes()));
        }
        let value = |(at, param): (usize, &Param)| match given.get(at).or(param.default.as_ref()) {
            None => Err(format!("{} is missing: {}", param.name, self.takes())),
            Some(value) if param.kind.takes(value) => Ok(value.clone()),
            Some(_) => Err(format!("{}: {} is wanted", param.name, param.kind.shown())),
        };
        self.params.iter().enumerate().map(value).collect()
    }

    fn takes(&self) -> String {
        let names: Vec<&str> = self.params.iter().map(|param| &*param.name).collect();
        if names.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", names.join(", ")) }
    }
}

impl Reading {
    /// Puts a value into a word that is read so.
    fn append(self, value: &[u8], word: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Reading::Plain => word.extend_from_slice(value),
            Reading::Glob => escape(value, word),
            Reading::Substituted if value.contains(&b'*') => return Err("it must not contain '*'"),
            Reading::Substituted => word.extend_from_slice(value),
        }
        Ok(())
    }
}

/// How a command reads the word at this place.
fn reading(words: &[Bytes], at: usize) -> Reading {
    let is = |at: usize, names: &[&str]| {
        words.get(at).is_some_and(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes())))
    };
    let behind = |names: &[&str]| at > 1 && is(at - 1, names);
    let is_glob = (is(0, &["keys", "psubscribe", "punsubscribe"]) && at > 0)
        || (is(0, &["scan", "hscan", "sscan", "zscan", "clusterscan"]) && behind(&["match"]))
        || (is(0, &["pubsub"]) && is(1, &["channels", "shardchannels"]) && at > 1)
        || (is(0, &["config"]) && is(1, &["get"]) && at > 1)
        || (is(0, &["command"]) && is(1, &["list"]) && behind(&["pattern"]))
        || (is(0, &["function"]) && is(1, &["list"]) && behind(&["libraryname"]));
    match () {
        () if is_glob => Reading::Glob,
        () if is(0, &["sort", "sort_ro"]) && behind(&["by", "get"]) => Reading::Substituted,
        () => Reading::Plain,
    }
}

impl Kind {
    /// `int`, `int:0..99`, `number`, `name`, `name:20`, `text`, `text:500`.
    fn parse(text: &str) -> Option<Kind> {
        let (kind, bounds) = match text.split_once(':') {
            Some((kind, bounds)) => (kind, Some(bounds)),
            None => (text, None),
        };
        let length = |default: usize| bounds.map_or(Some(default), |n| n.parse().ok().filter(|n| *n > 0));
        match (kind, bounds) {
            ("int", None) => Some(Kind::Int(i64::MIN, i64::MAX)),
            ("int", Some(bounds)) => {
                let (least, most) = bounds.split_once("..")?;
                let (least, most) = (least.parse().ok()?, most.parse().ok()?);
                (least <= most).then_some(Kind::Int(least, most))
            }
            ("number", None) => Some(Kind::Number),
            ("name", _) => length(128).map(Kind::Name),
            ("text", _) => length(1024).map(Kind::Text),
            _ => None,
        }
    }

    fn takes(self, value: &[u8]) -> bool {
        let text = std::str::from_utf8(value);
        match self {
            Kind::Int(least, most) => {
                text.is_ok_and(|text| text.parse().is_ok_and(|n: i64| (least..=most).contains(&n)))
            }
            Kind::Number => {
                let plain = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                value.iter().all(plain) && text.is_ok_and(|text| text.parse().is_ok_and(f64::is_finite))
            }
            Kind::Name(most) => {
                let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._".contains(b);
                (1..=most).contains(&value.len()) && value.iter().all(plain)
            }
            Kind::Text(most) => value.len() <= most,
        }
    }

    fn shown(self) -> String {
        match self {
            Kind::Int(i64::MIN, i64::MAX) => "a whole number".to_owned(),
            Kind::Int(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Number => "a number".to_owned(),
            Kind::Name(most) => format!("a name of 1 to {most} letters, digits, '-', '.' or '_'"),
            Kind::Text(most) => format!("a text of at most {most} bytes"),
        }
    }
}

/// The parts of one word; its parameters are added to those of the words before.
fn parts(word: &Bytes, params: &mut Vec<Param>) -> Result<Box<[Part]>, String> {
    let Ok(text) = std::str::from_utf8(word) else { return Ok([Part::Text(word.clone())].into()) };
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(escaped) = rest.strip_prefix('\\').filter(|after| after.starts_with(['{', '}'])) {
            literal.push_str(&escaped[..1]);
            rest = &escaped[1..];
        } else if let Some(inner) = place(rest) {
            rest = &rest[inner.len() + 2..];
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal).into()));
            }
            parts.push(part(inner, end(rest)?, params)?);
        } else {
            literal.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Text(literal.into()));
    }
    Ok(parts.into())
}

/// What stands in the braces at the head of a text, if it looks like a place: JSON and hash tags around a place do not.
fn place(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?;
    let end = inner.find(['{', '}']).filter(|&end| inner.as_bytes()[end] == b'}')?;
    let inner = &inner[..end];
    (inner.starts_with('@') || inner.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(inner)
}

/// The character that follows a place in its word.
fn end(rest: &str) -> Result<Option<char>, String> {
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some('{'), _) if place(rest).is_some() => Err("two places need a character between them".into()),
        (Some('\\'), Some(brace @ ('{' | '}'))) => Ok(Some(brace)),
        (first, _) => Ok(first),
    }
}

/// Whether bytes that may be no text contain a character.
fn contains(value: &[u8], c: char) -> bool {
    let mut utf8 = [0; 4];
    let utf8 = c.encode_utf8(&mut utf8).as_bytes();
    value.windows(utf8.len()).any(|window| window == utf8)
}

fn part(inner: &str, delimiter: Option<char>, params: &mut Vec<Param>) -> Result<Part, String> {
    if let Some(claim) = inner.strip_prefix('@') {
        return Ok(Part::Claim(claim.into(), delimiter));
    }
    let (name, kind) = inner.split_once(':').unwrap_or((inner, ""));
    let known = params.iter().position(|param| *param.name == *name);
    if let (Some(at), "") = (known, kind) {
        return Ok(Part::Param(at, delimiter));
    }
    let (kind, default) = match kind.split_once('=') {
        Some((kind, default)) => (kind, Some(default)),
        None => (kind, None),
    };
    let hint = || {
        format!(
            "{{{inner}}} is no place: write {{{name}:text}}, :name, :int or :number for a parameter, {{@{name}}} for a \
                 claim, \\{{ for a brace"
        )
    };
    let kind = Kind::parse(kind).filter(|_| known.is_none()).ok_or_else(hint)?;
    let default = default.map(|text| Bytes::copy_from_slice(text.as_bytes()));
    if default.as_ref().is_some_and(|default| !kind.takes(default)) {
        return Err(format!("the default of {name} is wrong: {} is wanted", kind.shown()));
    }
    params.push(Param { name: name.into(), kind, default });
    Ok(Part::Param(params.len() - 1, delimiter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template, String> {
        let words: Vec<Bytes> = text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        Template::parse(&words)
    }

    fn filled(text: &str, given: &[&str]) -> Result<String, String> {
        let claims = Claims::new([("sub", "ann"), ("team", "a:b"), ("none", ""), ("star", "*[a]?\\")]);
        let given: Vec<Bytes> = given.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        let words = template(text)?.fill(&given, &claims).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(words.join(&b'|')).unwrap())
    }

    #[test]
    fn places_are_filled_within_their_words() {
        for (text, given, command) in [
            ("GET {k:text}", &["a b"][..], "GET|a b"),
            ("GET {k:text}", &["x ~* {@sub}"], "GET|x ~* {@sub}"),
            ("MGET {k:name}:1 {k}:2", &["a"], "MGET|a:1|a:2"),
            ("SET {a:name} {b:number}", &["k", "-1.5e3"], "SET|k|-1.5e3"),
            ("GET {user:{@sub}}:x", &[], "GET|{user:ann}:x"),
            ("GET \\{tag\\}:{@sub}", &[], "GET|{tag}:ann"),
            ("SET k {\"a\":1}", &[], "SET|k|{\"a\":1}"),
            ("LRANGE l {from:int=0} {to:int=-1}", &["5"], "LRANGE|l|5|-1"),
            ("GET {@team}", &[], "GET|a:b"),
            ("ECHO é{x:text}é", &["ö"], "ECHO|éöé"),
        ] {
            assert_eq!(filled(text, given).as_deref(), Ok(command), "{text}");
        }
    }

    #[test]
    fn what_is_put_into_a_glob_stands_for_itself() {
        for (text, given, command) in [
            ("HSCAN h 0 MATCH {@star}:*", &[][..], r"HSCAN|h|0|MATCH|\*\[a\]\?\\:*"),
            ("scan 0 match {p:text}* COUNT {n:int}", &["a?", "5"], r"scan|0|match|a\?*|COUNT|5"),
            ("KEYS {@star}", &[], r"KEYS|\*\[a\]\?\\"),
            ("PUBSUB CHANNELS room:{r:text}", &["*"], r"PUBSUB|CHANNELS|room:\*"),
            ("PUBSUB NUMSUB room:{r:text}", &["*"], "PUBSUB|NUMSUB|room:*"),
            ("SET {@star} {v:text}", &["*"], r"SET|*[a]?\|*"),
            ("XADD match * match {v:text}", &["*"], "XADD|match|*|match|*"),
            ("SORT l BY w:{@sub}:*", &[], "SORT|l|BY|w:ann:*"),
        ] {
            assert_eq!(filled(text, given).as_deref(), Ok(command), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (text, given, with) in [
            ("GET {k:text}:x", &["a:b"][..], "must not contain ':'"),
            ("GET {@team}:x", &[], "NOPERM the claim 'team' contains ':'"),
            ("GET {@none}", &[], "empty"),
            ("GET {@nosuch}", &[], "missing"),
            ("GET {n:int}", &["1.5"], "a whole number is wanted"),
            ("GET {n:number}", &["inf"], "a number is wanted"),
            ("GET {n:number}", &[""], "a number is wanted"),
            ("GET {n:name:2}", &["abc"], "1 to 2 letters"),
            ("GET {n:text:2}", &["abc"], "at most 2 bytes"),
            ("GET k", &["x"], "too many: it takes none"),
            ("SORT l BY w:{@star}:*", &[], "NOPERM the claim 'star': it must not contain '*'"),
            ("SORT_RO l GET # GET w:{x:text}:*", &["*"], "ERR x: it must not contain '*'"),
        ] {
            let error = filled(text, given).unwrap_err();
            assert!(error.contains(with), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_no_template_is_said() {
        for (text, with) in [
            ("GET {k}", "is no place"),
            ("GET {user:1}", "is no place"),
            ("GET {k:int:9..1}", "is no place"),
            ("GET {k:name} {k:name}", "is no place"),
            ("GET {a:name}{@sub}", "a character between"),
            ("GET {k:int:0..9=10}", "the default of k is wrong"),
            ("SET {k:name=x} {v:text}", "v needs a default"),
        ] {
            assert!(template(text).unwrap_err().contains(with), "{text}");
        }
        assert!(Template::parse(&[]).is_err());
    }
}
