//! What a client does of its own: it writes, opens and closes feeds, talks nonsense, stalls, and hangs up.

use super::{Act, Asked, Client, Desk};
use crate::copy::{FeedCopy, Phase, Source};
use crate::history::{Shown, mark_of};
use crate::reader::{close_frame, text_frame};
use crate::words;
use fastrand::Rng;
use model::Format;
use serde_json::{Value as Json, json};

impl Client {
    /// The client does something.
    pub fn act(&mut self, desk: &mut Desk<'_>) {
        let is_plain = self.format != Format::Native;
        // Every third client has a good connection, and reads what it gets.
        let is_placid = self.number.is_multiple_of(3);
        match desk.rng.u8(0..100) {
            0..8 if is_placid => {}
            0..3 => desk.acts.push(Act::HangUp),
            3..7 => desk.acts.push(Act::Stall(desk.rng.u64(1000..900_000))),
            _ if is_plain || !self.is_greeted => {}
            7 => {
                self.is_leaving = true;
                let mut frame = Vec::new();
                close_frame(&mut frame);
                desk.acts.push(Act::Send(frame));
            }
            8..11 => self.open_wanted(desk),
            11..20 => self.want_more(desk),
            20..25 => self.close_some(desk),
            25..28 => self.open_again(desk),
            28..30 => self.talk_nonsense(desk),
            30..38 => {
                let text = self.author.mark();
                self.ask(Asked::Echo(text.clone()), json!({ "command": ["ECHO", text] }), desk);
            }
            38..42 => {
                let text = self.author.mark();
                self.ask(Asked::Echo(text.clone()), json!({ "ping": text }), desk);
            }
            42..46 => self.transact(desk),
            46..60 => {
                let command = self.author.publish(desk.rng);
                self.write(command, desk);
            }
            60..66 => {
                let command = self.author.add_entry(desk.rng);
                self.write(command, desk);
            }
            66..69 => self.write_unanswered(desk),
            _ => {
                let command = self.author.write(desk.rng);
                self.write(command, desk);
            }
        }
    }

    /// A command without an id: answered only if it is refused.
    fn write_unanswered(&mut self, desk: &mut Desk<'_>) {
        let command = self.author.write(desk.rng);
        let is_forbidden = self.forbids(&command);
        if is_forbidden && self.is_rated {
            return;
        }
        self.nonsense += u32::from(is_forbidden);
        send(&json!({ "command": command }).to_string(), desk);
    }

    fn write(&mut self, command: Vec<String>, desk: &mut Desk<'_>) {
        // A message changes no data: who opens a query after it need not see anything.
        let marks = if command[0] == "PUBLISH" { Vec::new() } else { marks(&command) };
        let asked = if self.forbids(&command) { Asked::Forbidden } else { Asked::Write(marks) };
        self.ask(asked, json!({ "command": command }), desk);
    }

    fn transact(&mut self, desk: &mut Desk<'_>) {
        let mut commands: Vec<Vec<String>> = (0..desk.rng.u8(1..4)).map(|_| self.author.write(desk.rng)).collect();
        // A stream deleted and made again within one millisecond may have the same ids: nobody could tell.
        commands.retain(|command| !words::STREAMS.contains(&command[1].as_str()) || command[0] == "XADD");
        let asked = match commands.iter().any(|command| self.forbids(command)) {
            true => Asked::Forbidden,
            false => Asked::Transaction(commands.len(), commands.iter().flat_map(|command| marks(command)).collect()),
        };
        if !commands.is_empty() {
            self.ask(asked, json!({ "commands": commands, "atomic": true }), desk);
        }
    }

    fn talk_nonsense(&mut self, desk: &mut Desk<'_>) {
        let texts =
            ["{", "[]", "7", r#"{"live":["GET"],"subscribe":"c"}"#, r#"{"id":-1,"ping":1}"#, r#"{"nonsense":1}"#];
        self.nonsense += u32::from(!self.is_rated);
        send(texts[desk.rng.usize(0..texts.len())], desk);
    }

    fn want_more(&mut self, desk: &mut Desk<'_>) {
        if self.copies.len() >= 8 {
            return self.reopen(desk);
        }
        let source = self.choose(desk.rng);
        if self.copies.iter().any(|copy| copy.source == source) {
            return;
        }
        self.copies.push(FeedCopy::new(source));
        self.open_wanted(desk);
    }

    /// Something to hear.
    pub fn choose(&self, rng: &mut Rng) -> Source {
        let name = |rng: &mut Rng, names: &[&str]| names[rng.usize(0..names.len())].to_owned();
        match rng.u8(0..10) {
            0 | 1 => Source::Channel(name(rng, &words::CHANNELS)),
            2 if self.format != Format::Raw => Source::Pattern(name(rng, &words::PATTERNS)),
            3 | 4 => Source::Stream(name(rng, &words::STREAMS)),
            _ => {
                let (command, every, json) = words::query(rng);
                let every = every.or((self.format != Format::Native).then_some(16));
                // Without a pace it is 16: the same feed, which a client keeps one copy of.
                Source::Query {
                    command,
                    every: every.filter(|&every| every != 16),
                    json: json && self.format != Format::Raw,
                }
            }
        }
    }

    fn reopen(&mut self, desk: &mut Desk<'_>) {
        let idle = self.copies.iter_mut().find(|copy| copy.phase == Phase::Idle);
        if let Some(copy) = idle {
            copy.phase = Phase::Wanted;
            self.open_wanted(desk);
        }
    }

    /// Opens every feed that is wanted.
    pub fn open_wanted(&mut self, desk: &mut Desk<'_>) {
        for at in 0..self.copies.len() {
            if self.copies[at].phase == Phase::Wanted && self.is_greeted && self.format == Format::Native {
                self.copies[at].phase = Phase::Opening;
                self.open(at, false, desk);
            }
        }
    }

    fn open_again(&mut self, desk: &mut Desk<'_>) {
        let open: Vec<usize> =
            (0..self.copies.len()).filter(|&at| matches!(self.copies[at].phase, Phase::Open(_))).collect();
        if !open.is_empty() {
            self.open(open[desk.rng.usize(0..open.len())], true, desk);
        }
    }

    fn open(&mut self, at: usize, again: bool, desk: &mut Desk<'_>) {
        let copy = &self.copies[at];
        let (request, names) = match &copy.source {
            Source::Query { command, every, json } => {
                desk.acts.push(Act::Want(command.clone()));
                let mut request = json!({ "live": command });
                if let Some(every) = every {
                    request["every"] = (*every).into();
                }
                if *json {
                    request["json"] = true.into();
                }
                // While frames or another answer may come, nobody knows what will be held when this answer comes.
                let is_settled = !again && !self.asked.values().any(|asked| asked.opens(at));
                if let (Some(tag), Some(Shown::Value(_)), true) = (&copy.tag, &copy.shown, is_settled) {
                    request["have"] = tag.as_str().into();
                }
                (request, command.clone())
            }
            Source::Channel(name) => (json!({ "subscribe": name }), vec![name.clone()]),
            Source::Pattern(name) => (json!({ "psubscribe": name }), vec![name.clone()]),
            Source::Stream(name) => {
                let from = match copy.place {
                    Some(place) => json!(place.to_string()),
                    None if desk.rng.bool() => json!("0"),
                    None => json!("$"),
                };
                (json!({ "follow": name, "from": from }), vec![name.clone()])
            }
        };
        let asked = match self.forbids(&names) {
            true => Asked::Forbidden,
            false => Asked::Open { copy: at, floor: self.floor, again, from: copy.place },
        };
        self.ask(asked, request, desk);
    }

    fn close_some(&mut self, desk: &mut Desk<'_>) {
        let open = self.copies.iter().enumerate().filter_map(|(at, copy)| match copy.phase {
            Phase::Open(feed) => Some((at, feed)),
            _ => None,
        });
        let open: Vec<(usize, u64)> = open.collect();
        if !open.is_empty() {
            let (copy, feed) = open[desk.rng.usize(0..open.len())];
            self.ask(Asked::Close { copy, feed }, json!({ "close": feed }), desk);
        }
    }

    /// Whether its rules forbid a command or name.
    fn forbids(&self, names: &[String]) -> bool {
        let is_secret = |name: &String| !words::is_public(name);
        // A pattern must be allowed literally; what names no key needs all of them.
        let needs_all = names[0] == "DBSIZE" || (names.len() == 1 && names[0].starts_with('*'));
        self.is_restricted && (needs_all || words::names(names).any(is_secret))
    }

    fn ask(&mut self, asked: Asked, mut request: Json, desk: &mut Desk<'_>) {
        self.next_id += 1;
        request["id"] = self.next_id.into();
        self.asked.insert(self.next_id, asked);
        let is_batch = desk.rng.u8(0..10) == 0;
        send(&if is_batch { json!([request]) } else { request }.to_string(), desk);
    }
}

fn send(text: &str, desk: &mut Desk<'_>) {
    let mut frame = Vec::new();
    text_frame(text, &mut frame);
    desk.acts.push(Act::Send(frame));
}

fn marks(command: &[String]) -> Vec<String> {
    command.iter().filter(|word| word.starts_with("m:")).map(|word| mark_of(word).to_owned()).collect()
}
