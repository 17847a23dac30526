//! A family of commands as data, and random scripts from it.
//!
//! A template is a command line in which these stand for a choice:
//!
//! ```text
//! <pool>        one of the words of a pool of that name
//! (a | b c)     one of the alternatives
//! [a b]         that or nothing
//! {a ; b c}     any of these, in any order: options
//! (a b)+        one to three times
//! <1..9>        no choice: the numbers in turn; <1..9,a> each with an a behind it, <1..9,=> each twice
//! ```
//!
//! In front of the command, `3*` makes it three times as likely, and these say how its reply is compared:
//!
//! ```text
//! ~sort         the order of the elements means nothing
//! ~shape        random elements: only the kinds and lengths are compared
//! ~take         random elements that are removed: the same, and then the key (the first word) is made equal
//! ~near         a time: within a few seconds
//! ~skip         not compared at all
//! ```
//!
//! A `!` after that keeps the line from being damaged (see below). A pool whose name begins with `_` has no part in damages.
//!
//! Pools are small, so that keys and members collide; a word is written with `\xNN` for bytes, `\s` for a space and
//! `\e` for nothing at all. Now and then a line is damaged: a word is left out, doubled, or replaced by one of another
//! pool.

use bytes::Bytes;
use store::random::Random;

/// A family of commands.
pub struct Family {
    /// What it is called in a failure.
    pub name: &'static str,
    /// Commands that each script begins with: keys of other types, large values. Words as in templates.
    pub setup: &'static [&'static str],
    /// The words that templates choose from. [`COMMON`] is added.
    pub pools: &'static [(&'static str, &'static str)],
    /// The templates.
    pub commands: &'static [&'static str],
    /// How many scripts are run if the environment does not say.
    pub scripts: usize,
}

/// Pools that every family has.
pub const COMMON: &[(&str, &str)] = &[
    ("key", "a a a b b b c c d wrong:string wrong:list wrong:hash wrong:set wrong:zset \\e \\x00\\xff"),
    (
        "value",
        "x y hello \\e 10 -5 3.5 0 \\x00\\x01\\xfe\\xff a\\sb 9223372036854775807 the-quick-brown-fox-jumps-over-the-lazy-dog-again-and-again-and-again",
    ),
    (
        "int",
        "0 1 2 3 -1 -2 5 10 100 -100 9223372036854775807 -9223372036854775808 9223372036854775808 -0 +1 01 1.5 abc \\e \\s1",
    ),
    ("small", "0 1 2 3 4 5 -1 -2 -3 -5"),
    (
        "float",
        "0 1 -1 0.1 0.2 3.0e3 1e17 1e-17 -0 +1.5 .5 5. 1e20 1e308 -1e308 1e400 -1e400 1e-400 inf -inf +inf infinity INF nan -nan nan(1) 0x1p3 0x10 0x.8p-2 1e 1.2.3 abc \\e \\s1 1\\s 123456789.123456789 3.14159265358979 1\\x00",
    ),
    ("bool", "0 1"),
    ("ttl", "100 1000000 0 -1 abc 9223372036854775807 9999999999999"),
    ("far", "100 100000 1000000"),
    ("junk", "0 abc GET NX XX WITHSCORES LIMIT COUNT -1 \\e MATCH"),
    ("glob", "* a* ?? *[a-c]* x \\e"),
];

/// How a reply is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    Exact,
    Sorted,
    Shape,
    Take,
    Near,
    Skip,
}

/// One line of a script.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub words: Vec<Bytes>,
    pub compare: Compare,
}

/// A family made ready for generation.
pub struct Grammar {
    pub name: &'static str,
    pub setup: Vec<Line>,
    pools: Vec<(&'static str, Vec<Bytes>)>,
    /// Each as often as it is likely.
    commands: Vec<Template>,
    /// How many scripts are run if the environment does not say.
    pub scripts: usize,
}

struct Template {
    times: usize,
    compare: Compare,
    may_damage: bool,
    node: Node,
}

enum Node {
    Word(Bytes),
    Pool(usize),
    Row(Vec<Node>),
    OneOf(Vec<Node>),
    Maybe(Box<Node>),
    Options(Vec<Node>),
    Some(Box<Node>),
    Numbers { last: usize, behind: Option<Bytes> },
}

impl Grammar {
    /// Reads the family's templates. A mistake in them is a panic with the template.
    pub fn new(family: &Family) -> Grammar {
        let pools = family.pools.iter().chain(COMMON);
        let pools = pools.map(|(name, words)| (*name, words.split(' ').map(unescape).collect())).collect();
        let mut grammar =
            Grammar { name: family.name, setup: Vec::new(), pools, commands: Vec::new(), scripts: family.scripts };
        for template in family.commands {
            for _ in 0..grammar.parse(template).times {
                grammar.commands.push(grammar.parse(template));
            }
        }
        let random = Random::new(0);
        for line in family.setup {
            let template = grammar.parse(line);
            let mut words = Vec::new();
            grammar.generate(&template.node, &random, &mut words);
            grammar.setup.push(Line { words, compare: template.compare });
        }
        grammar
    }

    /// A random script of up to `lines_max` lines.
    pub fn script(&self, random: &Random, lines_max: usize) -> Vec<Line> {
        (0..1 + random.below(lines_max)).map(|_| self.line(random)).collect()
    }

    fn line(&self, random: &Random) -> Line {
        let Template { compare, may_damage, node, .. } = &self.commands[random.below(self.commands.len())];
        let mut words = Vec::new();
        self.generate(node, random, &mut words);
        if random.below(16) == 0 && *may_damage {
            self.damage(&mut words, random);
        }
        Line { words, compare: *compare }
    }

    fn generate(&self, node: &Node, random: &Random, out: &mut Vec<Bytes>) {
        match node {
            Node::Word(word) => out.push(word.clone()),
            Node::Pool(pool) => out.push(self.word(*pool, random)),
            Node::Row(nodes) => nodes.iter().for_each(|node| self.generate(node, random, out)),
            Node::OneOf(nodes) => self.generate(&nodes[random.below(nodes.len())], random, out),
            Node::Maybe(node) => {
                if random.below(2) == 0 {
                    self.generate(node, random, out);
                }
            }
            Node::Options(nodes) => {
                let mut left: Vec<&Node> = nodes.iter().collect();
                while !left.is_empty() {
                    let node = left.swap_remove(random.below(left.len()));
                    if random.below(3) == 0 {
                        self.generate(node, random, out);
                    }
                }
            }
            Node::Numbers { last, behind } => {
                for number in (1..=*last).map(|number| Bytes::from(number.to_string())) {
                    out.push(number.clone());
                    out.extend(behind.iter().map(|word| if word == "=" { number.clone() } else { word.clone() }));
                }
            }
            Node::Some(node) => (0..=random.below(3)).for_each(|_| self.generate(node, random, out)),
        }
    }

    fn word(&self, pool: usize, random: &Random) -> Bytes {
        let words = &self.pools[pool].1;
        words[random.below(words.len())].clone()
    }

    /// Leaves a word out, doubles one, adds one, or puts another one in its place; never the command's name.
    fn damage(&self, words: &mut Vec<Bytes>, random: &Random) {
        let pools: Vec<usize> = (0..self.pools.len()).filter(|&pool| !self.pools[pool].0.starts_with('_')).collect();
        let other = self.word(pools[random.below(pools.len())], random);
        let at = 1 + random.below(words.len());
        match random.below(4) {
            0 if at < words.len() => _ = words.remove(at),
            1 if at < words.len() => words.insert(at, words[at].clone()),
            2 if at < words.len() => words[at] = other,
            _ => words.insert(at, other),
        }
    }

    fn parse(&self, template: &str) -> Template {
        let (times, rest) = match template.split_once('*') {
            Some((times, rest)) if times.parse::<usize>().is_ok() => (times.parse().unwrap(), rest.trim_start()),
            _ => (1, template),
        };
        let (compare, rest) = match rest.strip_prefix('~').and_then(|rest| rest.split_once(' ')) {
            None => (Compare::Exact, rest),
            Some((word, rest)) => (compare_of(word, template), rest),
        };
        let (may_damage, rest) = rest.strip_prefix('!').map_or((true, rest), |rest| (false, rest));
        let mut parser = Parser { grammar: self, template, rest: rest.as_bytes() };
        let node = parser.row();
        assert!(parser.rest.is_empty(), "a bracket too much in {template}");
        Template { times, compare, may_damage, node }
    }
}

fn compare_of(word: &str, template: &str) -> Compare {
    match word {
        "sort" => Compare::Sorted,
        "shape" => Compare::Shape,
        "take" => Compare::Take,
        "near" => Compare::Near,
        "skip" => Compare::Skip,
        _ => panic!("~{word} in {template}"),
    }
}

struct Parser<'a> {
    grammar: &'a Grammar,
    template: &'a str,
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn row(&mut self) -> Node {
        let mut nodes = Vec::new();
        loop {
            match self.rest.first() {
                None | Some(b'|' | b';' | b')' | b']' | b'}') => return Node::Row(nodes),
                Some(b' ') => self.rest = &self.rest[1..],
                Some(b'(') => {
                    let alternatives = self.group(b'|', b')');
                    let node = Node::OneOf(alternatives);
                    match self.rest.strip_prefix(b"+") {
                        Some(rest) => {
                            self.rest = rest;
                            nodes.push(Node::Some(Box::new(node)));
                        }
                        None => nodes.push(node),
                    }
                }
                Some(b'[') => {
                    let inner = self.group(b'|', b']');
                    nodes.push(Node::Maybe(Box::new(Node::OneOf(inner))));
                }
                Some(b'{') => {
                    let options = self.group(b';', b'}');
                    nodes.push(Node::Options(options));
                }
                Some(b'<') => {
                    let name = self.until(|b| b == b'>');
                    self.rest = &self.rest[1..];
                    let name = std::str::from_utf8(&name[1..]).unwrap();
                    if let Some(numbers) = name.strip_prefix("1..") {
                        let (last, behind) = numbers.split_once(',').map_or((numbers, None), |(n, w)| (n, Some(w)));
                        let last = last.parse().unwrap();
                        nodes.push(Node::Numbers { last, behind: behind.map(unescape) });
                        continue;
                    }
                    let pool = self.grammar.pools.iter().position(|(pool, _)| *pool == name);
                    nodes.push(Node::Pool(pool.unwrap_or_else(|| panic!("no pool <{name}> in {}", self.template))));
                }
                Some(_) => {
                    let word = self.until(|b| b" |;()[]{}<".contains(&b));
                    nodes.push(Node::Word(unescape(std::str::from_utf8(word).unwrap())));
                }
            }
        }
    }

    fn group(&mut self, separator: u8, close: u8) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            self.rest = &self.rest[1..];
            nodes.push(self.row());
            match self.rest.first() {
                Some(&b) if b == separator => {}
                Some(&b) if b == close => break,
                _ => panic!("a bracket is not closed in {}", self.template),
            }
        }
        self.rest = &self.rest[1..];
        nodes
    }

    fn until(&mut self, stop: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&b| stop(b)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

fn unescape(word: &str) -> Bytes {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        if let Some(hex) = rest.strip_prefix("\\x") {
            bytes.push(u8::from_str_radix(&hex[..2], 16).unwrap());
            rest = &hex[2..];
        } else if let Some(after) = rest.strip_prefix("\\s") {
            bytes.push(b' ');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\\e") {
            rest = after;
        } else {
            bytes.extend_from_slice(first.to_string().as_bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    bytes.into()
}
