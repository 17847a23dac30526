//! One stream that grows, is trimmed, deleted and made again; followers at its end, behind it, late and slow.

use explore::{World, explore};
use live::{Config, ListenerId, Live, Open, OpenerId, Output};
use model::backend::{BackendEvent, BackendRequest};
use model::request::{From, Opening};
use model::stream::StreamRange;
use model::{Entry, EntryId, FeedEvent, FeedId, FeedKey, Pace, Time, Topic, WatchId};
use std::collections::{BTreeSet, VecDeque};

/// What happens in a world, in any order that is possible.
#[derive(Clone, Debug, Default)]
struct Script {
    /// What is done to the stream, in this order.
    writes: VecDeque<Write>,
    followers: Vec<Follower>,
    /// Entries that one read brings at most.
    range: usize,
    /// The backend is lost once and found again.
    outage: bool,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug)]
enum Write {
    /// An entry of this id.
    Add(u64),
    /// The oldest entry goes.
    Trim,
    /// The entry of this id goes.
    Remove(u64),
    /// The stream goes.
    Del,
}
use Write::{Add, Del, Remove, Trim};

/// A fault planted to see that it is found.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    LoseInvalidation,
    LoseEntries,
    RepeatEntries,
    LoseGap,
    LoseReset,
    /// Those behind are said to be at the end.
    AlwaysAtEnd,
}

#[derive(Clone, Debug)]
struct Follower {
    from: From,
    fresh: bool,
    /// So many times it falls behind.
    slow: usize,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    New,
    /// Asked when the stream's last id was this.
    Waiting(EntryId),
    Hearing(Hearing),
    Refused(String),
    Closed(String),
}

#[derive(Clone, Debug)]
struct Hearing {
    feed: FeedId,
    /// It has everything up to here.
    place: EntryId,
    at: At,
    /// It was told of a gap at its place.
    gap: bool,
    /// Entries it has not got and was not told of.
    missing: Vec<EntryId>,
    stale: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum At {
    End,
    Behind,
    /// It has asked for more.
    Asking,
}

fn follower(from: From) -> Follower {
    Follower { from, fresh: false, slow: 0, state: State::New }
}

fn after(ms: u64) -> From {
    From::After(id(ms))
}

fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

impl Follower {
    fn slow(self) -> Follower {
        Follower { slow: 1, ..self }
    }

    fn fresh(self) -> Follower {
        Follower { fresh: true, ..self }
    }
}

/// What the backend has to tell, with the number of the moment at which it became so.
#[derive(Clone, Debug)]
enum News {
    Range(WatchId, Option<StreamRange>),
    Invalidated,
    Control(BackendEvent),
}

#[derive(Clone, Debug)]
struct Small {
    live: Live,
    now: Time,
    script: Script,
    entries: Vec<EntryId>,
    last: EntryId,
    removed_up_to: EntryId,
    added: u64,
    /// Every entry there ever was, and those that went with a whole stream.
    history: Vec<EntryId>,
    deleted: BTreeSet<EntryId>,
    dels: usize,
    armed: bool,
    reachable: bool,
    not_ready_max: usize,
    requests: VecDeque<BackendRequest>,
    news: Vec<News>,
    ended: BTreeSet<FeedId>,
}

#[derive(Clone, Debug)]
enum Choice {
    Write,
    Open(usize),
    FallBehind(usize),
    Ask(usize),
    Execute,
    Deliver(usize),
    Time,
    Lose,
    Find,
}

fn small(script: Script) -> Small {
    let range_bytes = script.range;
    Small {
        live: Live::new(Config { range_bytes, ..Config::default() }),
        now: Time::from_millis(1_000_000),
        script,
        entries: Vec::new(),
        last: EntryId::MIN,
        removed_up_to: EntryId::MIN,
        added: 0,
        history: Vec::new(),
        deleted: BTreeSet::new(),
        dels: 0,
        armed: false,
        reachable: true,
        not_ready_max: 2,
        requests: VecDeque::new(),
        news: Vec::new(),
        ended: BTreeSet::new(),
    }
}

/// With this many entries from the beginning.
fn grown(script: Script, entries: u64) -> Small {
    let mut world = small(script);
    (1..=entries).for_each(|ms| world.apply(Add(ms)));
    world
}

impl World for Small {
    type Choice = Choice;

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        choices.extend((!self.script.writes.is_empty()).then_some(Choice::Write));
        for (i, follower) in self.script.followers.iter().enumerate() {
            match &follower.state {
                State::New => choices.push(Choice::Open(i)),
                State::Hearing(h) if h.at == At::End && follower.slow > 0 => choices.push(Choice::FallBehind(i)),
                State::Hearing(h) if h.at == At::Behind => choices.push(Choice::Ask(i)),
                _ => {}
            }
        }
        let answers = self.reachable || self.not_ready_max > 0;
        choices.extend((answers && !self.requests.is_empty()).then_some(Choice::Execute));
        choices.extend((0..self.news.len()).filter(|&i| self.may_deliver(i)).map(Choice::Deliver));
        choices.extend(self.live.next_timeout().map(|_| Choice::Time));
        choices.extend((self.script.outage && self.reachable).then_some(Choice::Lose));
        choices.extend((!self.reachable).then_some(Choice::Find));
        choices
    }

    fn take(&mut self, choice: &Choice) -> Result<(), String> {
        let mut out = Vec::new();
        match *choice {
            Choice::Write => {
                let write = self.script.writes.pop_front().unwrap();
                self.apply(write);
            }
            Choice::Open(i) => {
                let follower = &mut self.script.followers[i];
                follower.state = State::Waiting(self.last);
                let key = FeedKey { topic: Topic::Stream("s".into()), json: false, pace: Pace::at_least(0) };
                let (from, fresh) = (Some(follower.from), follower.fresh);
                let open = Open { opener: OpenerId(i as u64), key, have: None, from, fresh };
                self.live.handle_open(open, self.now, &mut out);
            }
            Choice::FallBehind(i) => {
                self.script.followers[i].slow -= 1;
                self.hearing(i).at = At::Behind;
            }
            Choice::Ask(i) => {
                let hearing = self.hearing(i);
                hearing.at = At::Asking;
                let (feed, place) = (hearing.feed, hearing.place);
                self.live.handle_catch_up(feed, ListenerId(i as u64), place, self.now, &mut out);
            }
            Choice::Execute => self.execute(),
            Choice::Deliver(i) => self.deliver(i, &mut out),
            Choice::Time => {
                self.now = self.live.next_timeout().unwrap();
                self.live.handle_timeout(self.now, &mut out);
            }
            Choice::Lose => {
                (self.reachable, self.script.outage, self.armed) = (false, false, false);
                self.news.push(News::Control(BackendEvent::Stale(true)));
            }
            Choice::Find => {
                self.reachable = true;
                self.news.push(News::Control(BackendEvent::InvalidatedAll));
                self.news.push(News::Control(BackendEvent::Stale(false)));
            }
        }
        out.into_iter().try_for_each(|output| self.put(output))
    }

    fn check_rest(&self) -> Result<(), String> {
        for (i, follower) in self.script.followers.iter().enumerate() {
            let wrong = match &follower.state {
                State::Hearing(h) => h.at != At::End || h.place != self.last || h.stale || !h.missing.is_empty(),
                State::Refused(code) => match code.as_str() {
                    "RESET" => matches!(follower.from, From::After(id) if id <= EntryId::MIN),
                    "UNAVAILABLE" => self.not_ready_max == 2 && self.reachable && self.script.outage,
                    _ => true,
                },
                State::Closed(code) => code != "RESET" || self.dels == 0,
                _ => true,
            };
            if wrong {
                return Err(format!("follower {i} is {:?}", follower.state));
            }
        }
        let counters = self.live.counters();
        if counters.waiting != 0 || counters.reads_in_flight != 0 {
            return Err(format!("counted wrongly: {counters:?}"));
        }
        Ok(())
    }
}

impl Small {
    fn hearing(&mut self, i: usize) -> &mut Hearing {
        match &mut self.script.followers[i].state {
            State::Hearing(hearing) => hearing,
            other => panic!("follower {i} is {other:?}"),
        }
    }

    fn apply(&mut self, write: Write) {
        match write {
            Add(ms) => {
                self.entries.push(id(ms));
                self.history.push(id(ms));
                (self.last, self.added) = (id(ms), self.added + 1);
            }
            Trim => self.removed_up_to = self.removed_up_to.max(self.entries.remove(0)),
            Remove(ms) => {
                self.entries.retain(|&entry| entry != id(ms));
                self.removed_up_to = self.removed_up_to.max(id(ms));
            }
            Del => {
                self.deleted.extend(std::mem::take(&mut self.entries));
                (self.last, self.removed_up_to, self.added) = (EntryId::MIN, EntryId::MIN, 0);
                self.dels += 1;
            }
        }
        if std::mem::take(&mut self.armed) {
            self.news.push(News::Invalidated);
        }
    }

    fn execute(&mut self) {
        let request = self.requests.pop_front().unwrap();
        let BackendRequest::Range { watch, after, bytes_max, .. } = request else { return self.armed = false };
        if !self.reachable {
            self.not_ready_max -= 1;
            return self.news.push(News::Range(watch, None));
        }
        self.armed = true;
        let above: Vec<EntryId> = match after {
            Some(after) => self.entries.iter().copied().filter(|&id| id > after).collect(),
            None => Vec::new(),
        };
        let range = StreamRange {
            entries: above.iter().take(bytes_max).map(|&id| Entry { id, fields: vec![] }).collect(),
            more: above.len() > bytes_max,
            last_id: self.last,
            removed_up_to: self.removed_up_to,
            entries_added: self.added,
        };
        self.news.push(News::Range(watch, Some(range)));
    }

    /// A change is told after the answers to the reads before it; answers may overtake one another.
    fn may_deliver(&self, i: usize) -> bool {
        let comes_first = |before: &News| match (before, &self.news[i]) {
            (News::Range(..), News::Invalidated) | (News::Control(_), News::Control(_)) => true,
            (News::Range(..), News::Control(event)) => *event == BackendEvent::InvalidatedAll,
            _ => false,
        };
        !self.news[..i].iter().any(comes_first)
    }

    fn deliver(&mut self, i: usize, out: &mut Vec<Output>) {
        let event = match self.news.remove(i) {
            News::Range(watch, range) => BackendEvent::Range { watch, range: range.map(Ok) },
            News::Invalidated if self.script.fault == Some(Fault::LoseInvalidation) => {
                self.script.fault = None;
                return;
            }
            News::Invalidated => BackendEvent::Invalidated { keys: vec!["s".into()] },
            News::Control(event) => event,
        };
        self.live.handle_backend(event, self.now, out);
    }

    fn put(&mut self, output: Output) -> Result<(), String> {
        match output {
            Output::Backend(request) => self.requests.push_back(request),
            Output::Opened { opener, feed, state, stale, at_end } => {
                return self.opened(opener.0 as usize, feed, state, stale, at_end);
            }
            Output::Refused { opener, error } => {
                self.script.followers[opener.0 as usize].state = State::Refused(error.code.into());
            }
            Output::Event { feed, event } => {
                for i in self.heard_by(feed) {
                    self.hear(i, &event, false)?;
                }
            }
            Output::EventTo { listener, event, .. } => self.hear(listener.0 as usize, &event, true)?,
            Output::CaughtUp { listener, position, at_end, .. } => {
                self.reach(listener.0 as usize, position, &[])?;
                let at_end = at_end || self.script.fault == Some(Fault::AlwaysAtEnd);
                self.hearing(listener.0 as usize).at = if at_end { At::End } else { At::Behind };
            }
            Output::Ended { feed } => {
                self.ended.insert(feed);
                if !self.heard_by(feed).is_empty() && self.script.fault != Some(Fault::LoseReset) {
                    return Err("ended without being closed".into());
                }
            }
        }
        Ok(())
    }

    fn heard_by(&self, feed: FeedId) -> Vec<usize> {
        let hears = |i: &usize| matches!(&self.script.followers[*i].state, State::Hearing(h) if h.feed == feed);
        (0..self.script.followers.len()).filter(hears).collect()
    }

    fn opened(&mut self, i: usize, feed: FeedId, state: Opening, stale: bool, at_end: bool) -> Result<(), String> {
        let follower = &mut self.script.followers[i];
        let State::Waiting(asked_at) = follower.state else { return Err("opened twice".into()) };
        let Opening::Stream { from } = state else { return Err(format!("opened with {state:?}")) };
        let is_wrong = match follower.from {
            From::After(id) => id != from,
            // What was added before it asked is not new.
            From::End => follower.fresh && !stale && self.dels == 0 && from < asked_at,
        };
        if is_wrong || self.ended.contains(&feed) {
            return Err(format!("follower {i} opened {feed} at {from}, asked at {asked_at}"));
        }
        let at = if at_end { At::End } else { At::Behind };
        follower.state = State::Hearing(Hearing { feed, place: from, at, gap: false, missing: Vec::new(), stale });
        Ok(())
    }

    fn hear(&mut self, i: usize, event: &FeedEvent, is_to_one: bool) -> Result<(), String> {
        let fault = self.script.fault;
        match event {
            FeedEvent::Entries(_) | FeedEvent::Gap { .. } if !is_to_one && self.hearing(i).at != At::End => Ok(()),
            FeedEvent::Entries(entries) => {
                let times = match fault {
                    Some(Fault::LoseEntries) => 0,
                    Some(Fault::RepeatEntries) => 2,
                    _ => 1,
                };
                let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
                (0..times).try_for_each(|_| self.reach(i, *ids.last().ok_or("no entries")?, &ids))
            }
            FeedEvent::Gap { .. } if fault == Some(Fault::LoseGap) => Ok(()),
            FeedEvent::Gap { after, .. } => {
                let hearing = self.hearing(i);
                if *after != hearing.place {
                    return Err(format!("gap after {after}, but the place is {}", hearing.place));
                }
                hearing.gap = true;
                hearing.missing.clear();
                Ok(())
            }
            FeedEvent::Stale(stale) => {
                let hearing = self.hearing(i);
                if std::mem::replace(&mut hearing.stale, *stale) == *stale {
                    return Err(format!("told twice that stale is {stale}"));
                }
                Ok(())
            }
            FeedEvent::Closed(_) if fault == Some(Fault::LoseReset) => Ok(()),
            FeedEvent::Closed(error) => {
                self.script.followers[i].state = State::Closed(error.code.clone().into());
                Ok(())
            }
            other => Err(format!("unexpected {other:?}")),
        }
    }

    /// The follower comes to this place with these entries: none twice, none silently left out.
    fn reach(&mut self, i: usize, place: EntryId, ids: &[EntryId]) -> Result<(), String> {
        let (history, deleted) = (self.history.clone(), self.deleted.clone());
        let hearing = self.hearing(i);
        let before = hearing.place;
        if ids.iter().any(|&id| id <= before) || !ids.is_sorted_by(|a, b| a < b) || place < before {
            return Err(format!("follower {i} at {before} got {ids:?}"));
        }
        let is_left_out = |id: &EntryId| before < *id && *id <= place && !ids.contains(id);
        let left_out: Vec<EntryId> = history.into_iter().filter(is_left_out).collect();
        if !hearing.gap {
            // What went with a whole stream can show later only, and not at all to one who had nothing of it.
            let (with_stream, trimmed): (Vec<EntryId>, Vec<EntryId>) =
                left_out.into_iter().partition(|id| deleted.contains(id));
            if !trimmed.is_empty() {
                return Err(format!("follower {i} got {ids:?} at {before} and never {trimmed:?}"));
            }
            if before != EntryId::MIN {
                hearing.missing.extend(with_stream);
            }
        }
        if place > before {
            hearing.gap = false;
        }
        hearing.place = place;
        Ok(())
    }
}

#[track_caller]
fn check(world: Small) {
    match explore(world) {
        Ok(states) => println!("{states} states"),
        Err(wrong) => panic!("{wrong}"),
    }
}

#[track_caller]
fn must_fail(world: Small) {
    assert!(explore(world).is_err(), "the planted fault was not found");
}

#[test]
fn one_at_the_end() {
    let followers = vec![follower(From::End)];
    check(grown(Script { writes: [Add(2), Add(3), Add(4)].into(), followers, range: 1, ..Script::default() }, 1));
}

#[test]
fn one_from_the_beginning_in_parts() {
    let followers = vec![follower(after(0))];
    check(grown(Script { writes: [Add(4), Add(5)].into(), followers, range: 2, ..Script::default() }, 3));
}

#[test]
fn one_at_the_end_and_one_behind() {
    let followers = vec![follower(From::End), follower(after(0))];
    check(grown(Script { writes: [Add(3), Add(4)].into(), followers, range: 1, ..Script::default() }, 2));
}

#[test]
fn one_that_is_slow_and_one_that_comes_late() {
    let followers = vec![follower(From::End).slow(), follower(From::End).fresh()];
    check(grown(Script { writes: [Add(2), Add(3)].into(), followers, range: 2, ..Script::default() }, 1));
}

#[test]
fn trimmed_under_one_behind_and_one_at_the_end() {
    let followers = vec![follower(From::End), follower(after(0))];
    let writes = [Add(3), Trim, Trim, Trim, Add(4)].into();
    check(grown(Script { writes, followers, range: 1, ..Script::default() }, 2));
}

#[test]
fn an_entry_in_the_middle_is_removed() {
    let followers = vec![follower(From::End).slow()];
    let writes = [Add(2), Add(3), Add(4), Remove(3)].into();
    check(grown(Script { writes, followers, range: 2, ..Script::default() }, 1));
}

#[test]
fn deleted_and_made_again() {
    let followers = vec![follower(From::End), follower(after(1))];
    let writes = [Add(3), Del, Add(4), Add(5)].into();
    check(grown(Script { writes, followers, range: 2, ..Script::default() }, 2));
}

#[test]
fn deleted_and_made_again_with_lower_ids() {
    let followers = vec![follower(From::End), follower(after(2))];
    check(grown(Script { writes: [Add(3), Del, Add(1)].into(), followers, range: 2, ..Script::default() }, 2));
}

#[test]
fn made_while_it_is_followed() {
    let followers = vec![follower(From::End), follower(after(0)), follower(after(0))];
    check(small(Script { writes: [Add(1), Add(2)].into(), followers, range: 2, ..Script::default() }));
}

#[test]
fn the_backend_is_lost_and_found() {
    let followers = vec![follower(From::End), follower(after(0))];
    let writes = [Add(2), Add(3)].into();
    check(grown(Script { writes, followers, range: 2, outage: true, ..Script::default() }, 1));
}

/// A world in which each of the faults would show.
fn faulty(fault: Fault) -> Small {
    let followers = vec![follower(From::End), follower(after(0))];
    let writes = match fault {
        Fault::LoseGap => [Add(3), Trim, Trim, Trim, Add(4)].into(),
        Fault::LoseReset => [Del].into(),
        _ => [Add(3), Add(4)].into(),
    };
    grown(Script { writes, followers, range: 1, fault: Some(fault), ..Script::default() }, 2)
}

#[test]
fn planted_faults_are_found() {
    must_fail(faulty(Fault::LoseInvalidation));
    must_fail(faulty(Fault::LoseEntries));
    must_fail(faulty(Fault::RepeatEntries));
    must_fail(faulty(Fault::LoseGap));
    must_fail(faulty(Fault::LoseReset));
    must_fail(faulty(Fault::AlwaysAtEnd));
}
