//! Lanes driven by hand, with a backend made up here: clients on one, topics on the other, mail when the test lets it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use bytes::Bytes;
use lane::{Event, Lane, Output, Setup};
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::command::CommandTable;
use model::{Args, CloseCode, ConnId, FeedId, Format, LaneId, Limits, Reply, Request, Time, Verb};
use std::collections::{BTreeMap, BTreeSet};
use wire::ws::{Decoder, Deflate, Inflater, Message, Role};

#[derive(Default)]
struct Backend {
    values: BTreeMap<Bytes, u64>,
    armed: BTreeMap<Bytes, BTreeSet<LaneId>>,
    subscribers: BTreeMap<ChannelName, BTreeSet<LaneId>>,
}

impl Backend {
    fn handle(&mut self, lane: LaneId, request: BackendRequest) -> Option<BackendEvent> {
        match request {
            BackendRequest::Command { ticket, .. } => return Some(BackendEvent::Reply { ticket, reply: Reply::OK }),
            BackendRequest::Read { watch, keys, .. } => {
                for key in keys.iter() {
                    self.armed.entry(key.clone()).or_default().insert(lane);
                }
                let value = self.values.get(&keys[0]).copied().unwrap_or_default();
                let reply = Some(Reply::bulk(format!("{}#{value}#", "x".repeat(200))));
                return Some(BackendEvent::Value { watch, reply, expires_in: None });
            }
            BackendRequest::Forget { keys } => keys.iter().for_each(|key| drop(self.armed.remove(key))),
            BackendRequest::Subscribe { name } => {
                self.subscribers.entry(name.clone()).or_default().insert(lane);
                return Some(BackendEvent::Subscribed { name });
            }
            BackendRequest::Unsubscribe { name } => drop(self.subscribers.remove(&name)),
            other => panic!("{other:?}"),
        }
        None
    }
}

struct World {
    lanes: Vec<Lane>,
    backend: Backend,
    /// Other outputs of the lanes.
    told: Vec<Output>,
    now: Time,
    last_id: u64,
}

impl World {
    fn new(limits: Limits) -> World {
        let anonymous = ["~* &* +@all".to_owned()];
        let setup = Setup::new(2, "test", limits, CommandTable::redis(), &anonymous, &[]).unwrap();
        let lanes = [0, 1].map(|id| Lane::new(setup.lane(LaneId(id))));
        let (backend, told) = (Backend::default(), Vec::new());
        World { lanes: lanes.into(), backend, told, now: Time::from_millis(1000), last_id: 0 }
    }

    fn handle(&mut self, lane: usize, event: Event) {
        let mut outputs = Vec::new();
        self.lanes[lane].handle(event, self.now, &mut outputs);
        self.obey(lane, outputs);
    }

    fn obey(&mut self, lane: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Backend(request) => {
                    let answer = self.backend.handle(LaneId(lane as u16), request);
                    answer.into_iter().for_each(|event| self.handle(lane, Event::Backend(event)));
                }
                other => self.told.push(other),
            }
        }
    }

    fn ask(&mut self, lane: usize, conn: ConnId, verb: Verb) {
        self.last_id += 1;
        let request = Request { id: Some(self.last_id), verb };
        self.handle(lane, Event::Request { conn, request });
    }

    fn end_turns(&mut self) {
        for lane in 0..self.lanes.len() {
            let mut outputs = Vec::new();
            self.lanes[lane].end_turn(self.now, &mut outputs);
            self.obey(lane, outputs);
        }
    }

    /// Turns until there is nothing left to do.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.end_turns();
            let letters = self.post();
            if letters == 0 && !self.lanes.iter().any(Lane::wants_turn) {
                return;
            }
        }
        panic!("it never ends");
    }

    fn post(&mut self) -> usize {
        let mut count = 0;
        for (from, to) in [(0, 1), (1, 0)] {
            while let Some(mail) = self.lanes[from].next_mail(LaneId(to as u16)) {
                self.handle(to, Event::Mail { from: LaneId(from as u16), mail });
                count += 1;
            }
        }
        count
    }

    fn set(&mut self, key: &Bytes, value: u64) {
        self.backend.values.insert(key.clone(), value);
        for lane in self.backend.armed.remove(key).unwrap_or_default() {
            let keys = vec![key.clone()];
            self.handle(usize::from(lane.0), Event::Backend(BackendEvent::Invalidated { keys }));
        }
    }

    fn publish(&mut self, channel: &Bytes, message: String) {
        let name = ChannelName::Channel(channel.clone());
        for lane in self.backend.subscribers.get(&name).cloned().unwrap_or_default() {
            let (name, channel) = (name.clone(), channel.clone());
            let event = BackendEvent::Message { name, channel, message: message.clone().into() };
            self.handle(usize::from(lane.0), Event::Backend(event));
        }
    }

    fn connect(&mut self, lane: usize) -> ConnId {
        self.lanes[lane].connect(Format::Native, self.now)
    }

    fn text(&mut self, lane: usize, conn: ConnId) -> String {
        let frames = std::iter::from_fn(|| self.lanes[lane].take(conn));
        frames.map(|frame| String::from_utf8_lossy(&frame).into_owned()).collect()
    }

    /// So many topics, feeds and clients there are.
    fn counts(&self) -> [u64; 3] {
        let counters = self.lanes.iter().map(Lane::counters);
        counters.fold([0; 3], |sum, c| [sum[0] + c.live.topics, sum[1] + c.live.feeds, sum[2] + c.clients])
    }
}

/// The first names of this kind whose home is this lane.
fn at_home(lane: u16, kind: &str) -> impl Iterator<Item = Bytes> {
    let names = (0..).map(move |n| Bytes::from(format!("{kind}{n}")));
    names.filter(move |name| model::slot::slot(name) % 2 == lane)
}

fn live(key: &Bytes) -> Verb {
    let command = [Bytes::from_static(b"GET"), key.clone()].into_iter().collect();
    Verb::Live { command, every_ms: Some(0), json: false, have: None }
}

fn feed_of(text: &str) -> FeedId {
    let digits: String = text.split("\"feed\":").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
    FeedId(digits.parse().unwrap())
}

#[test]
fn a_client_hears_of_topics_of_both_lanes_until_it_closes_them() {
    for home in [0, 1] {
        let mut world = World::new(Limits::default());
        let key = at_home(home, "key").next().unwrap();
        let conn = world.connect(0);
        world.ask(0, conn, live(&key));
        world.settle();
        let opened = world.text(0, conn);
        assert!(opened.contains("\"rev\":1") && opened.contains("#0#"), "{opened}");
        world.set(&key, 1);
        world.settle();
        let changed = world.text(0, conn);
        assert!(changed.contains("\"rev\":2") && changed.contains("#1#"), "{changed}");
        world.ask(0, conn, Verb::Close(feed_of(&opened)));
        world.settle();
        assert!(world.text(0, conn).contains("\"result\":\"OK\""));
        assert_eq!(world.counts(), [0, 0, 1]);
        assert!(world.backend.armed.is_empty(), "forgotten upstream");
        world.set(&key, 2);
        world.settle();
        assert_eq!(world.text(0, conn), "");
    }
}

#[test]
fn who_is_gone_before_its_feed_opens_leaves_nothing_behind() {
    let mut world = World::new(Limits::default());
    let (key, channel) = (at_home(1, "key").next().unwrap(), at_home(1, "channel").next().unwrap());
    let conn = world.connect(0);
    world.ask(0, conn, live(&key));
    world.ask(0, conn, Verb::Subscribe(channel));
    world.handle(0, Event::Disconnected { conn });
    let next = world.connect(0);
    assert_eq!(next.slot, conn.slot);
    world.settle();
    assert!(!world.text(0, next).contains("\"feed\":"), "not for the slot's next client");
    assert_eq!(world.counts(), [0, 0, 1]);
    assert!(world.backend.armed.is_empty() && world.backend.subscribers.is_empty());
}

#[test]
fn what_a_full_link_lost_is_made_good_without_another_change() {
    const FEEDS: usize = 40;
    let limits = Limits { link_bytes_max: 4 << 10, ..Limits::default() };
    let mut world = World::new(limits);
    let keys: Vec<Bytes> = at_home(0, "key").take(FEEDS).collect();
    let conn = world.connect(1);
    for key in &keys {
        world.ask(1, conn, live(key));
    }
    world.settle();
    assert_eq!(world.text(1, conn).matches("#0#").count(), FEEDS);
    // The other lane takes no mail meanwhile.
    for value in 1..=3 {
        for key in &keys {
            world.set(key, value);
        }
        world.end_turns();
    }
    assert!(world.lanes[0].counters().link_bytes <= 4 << 10, "a link has a limit");
    world.settle();
    let text = world.text(1, conn);
    let newest: BTreeSet<&str> = text
        .split("\"feed\":")
        .skip(1)
        .filter(|rest| rest.contains("#3#"))
        .map(|rest| rest.split(',').next().unwrap())
        .collect();
    assert_eq!(newest.len(), FEEDS, "each shows the newest");
}

#[test]
fn messages_that_a_full_link_lost_are_counted() {
    const MESSAGES: usize = 500;
    let mut world = World::new(Limits { link_bytes_max: 4 << 10, ..Limits::default() });
    let channel = at_home(0, "channel").next().unwrap();
    let conn = world.connect(1);
    world.ask(1, conn, Verb::Subscribe(channel.clone()));
    world.settle();
    world.text(1, conn);
    for n in 0..MESSAGES {
        world.publish(&channel, format!("m{n}"));
    }
    world.settle();
    let text = world.text(1, conn);
    let missed: usize =
        text.split("\"missed\":").skip(1).map(|n| n.split('}').next().unwrap().parse::<usize>().unwrap()).sum();
    assert!(missed > 0);
    assert_eq!(text.matches("\"message\"").count() + missed, MESSAGES);
    assert!(text.ends_with(&format!("\"m{}\"}}", MESSAGES - 1)), "the newest are the ones that are kept");
}

#[test]
fn a_lane_that_drains_closes_everybody_and_lets_go_of_who_does_not_answer() {
    let limits = Limits { frame_timeout_ms: 1000, ..Limits::default() };
    let mut world = World::new(limits);
    let conns = [world.connect(0), world.connect(0)];
    world.handle(0, Event::Drain { at_most: 1 });
    assert_eq!(world.told.len(), 1);
    world.handle(0, Event::Drain { at_most: 1 });
    world.handle(0, Event::Drain { at_most: usize::MAX });
    let closes = conns.map(|conn| Output::Close { conn, code: CloseCode::GoingAway });
    assert_eq!(std::mem::take(&mut world.told), closes);
    world.handle(0, Event::Disconnected { conn: conns[0] });
    world.now = world.now + std::time::Duration::from_millis(1000);
    world.handle(0, Event::Timeout);
    assert_eq!(world.told, [Output::Abort { conn: conns[1] }]);
}

#[test]
fn half_a_message_closes_the_client_in_time() {
    let limits = Limits { frame_timeout_ms: 1000, ..Limits::default() };
    let mut world = World::new(limits);
    let conn = world.connect(0);
    world.handle(0, Event::Heard { conn, whole: false, partial: true });
    for _ in 0..4 {
        assert_eq!(world.told, []);
        world.now = world.now + std::time::Duration::from_millis(250);
        world.handle(0, Event::Timeout);
    }
    assert_eq!(world.told, [Output::Close { conn, code: CloseCode::Policy }]);
}

/// Somebody with these rules, by a token of this id.
fn grant(rules: &str, token_id: &str) -> lane::Grant {
    let rules = rules.split(' ').map(str::to_owned).collect::<Vec<_>>();
    lane::Grant {
        user: "ann".into(),
        rules: lane::parse_anonymous(&rules, &CommandTable::redis()).unwrap(),
        token_id: Some(token_id.into()),
        ..lane::Grant::nobody(&CommandTable::redis())
    }
}

impl World {
    fn with_tokens() -> World {
        let setup =
            Setup::new(2, "test", Limits::default(), CommandTable::redis(), &[], &[]).unwrap().with_tokens(true, true);
        let lanes = [0, 1].map(|id| Lane::new(setup.lane(LaneId(id))));
        World { lanes: lanes.into(), ..World::new(Limits::default()) }
    }

    fn connect_as(&mut self, rules: &str) -> ConnId {
        self.lanes[0].connect_as(Some(grant(rules, "t1")), Format::Native, self.now)
    }

    /// Presents a token that gives these rules.
    fn authenticate(&mut self, conn: ConnId, rules: &str, token_id: &str) {
        self.ask(0, conn, Verb::Auth("t".into()));
        let Some(Output::Authenticate { id, .. }) = self.told.pop() else { panic!("{:?}", self.told) };
        self.handle(0, Event::Authenticated { conn, id, result: Ok(Box::new(grant(rules, token_id))) });
    }

    fn revoke(&mut self, token_id: &str) {
        let revoked = std::sync::Arc::new(lane::Revoked::new([(&*format!("token:{token_id}"), "")]));
        self.handle(0, Event::Revoked(revoked));
    }
}

#[test]
fn feeds_of_both_lanes_go_where_new_rules_forbid_them_and_stay_where_not() {
    for home in [0, 1] {
        let mut world = World::with_tokens();
        world.revoke("none");
        let mut keys = at_home(home, "key");
        let (kept, lost) = (keys.next().unwrap(), keys.next().unwrap());
        let conn = world.connect_as("~* +@all");
        let other = world.connect_as("~* +@all");
        world.ask(0, conn, live(&kept));
        world.ask(0, conn, live(&lost));
        world.ask(0, other, live(&lost));
        world.settle();
        world.text(0, conn);
        let (kept_name, lost_name) = (std::str::from_utf8(&kept).unwrap().to_owned(), feed_of(&world.text(0, other)));
        world.authenticate(conn, &format!("~{kept_name} +get"), "t2");
        world.settle();
        let told = world.text(0, conn);
        assert!(told.contains("\"result\":{\"user\":\"ann\",\"expires\":null}"), "{told}");
        assert!(told.contains(&format!("\"feed\":{},\"closed\":{{\"code\":\"NOPERM\"", lost_name.0)), "{told}");
        for key in [&kept, &lost] {
            world.set(key, 5);
        }
        world.settle();
        let told = world.text(0, conn);
        assert_eq!(told.matches("#5#").count(), 1, "{told}");
        assert!(world.text(0, other).contains("#5#"), "who is allowed still hears it");
        assert!(world.told.iter().all(|output| matches!(output, Output::Resume { .. })), "{:?}", world.told);
    }
}

#[test]
fn who_is_revoked_is_closed_and_not_let_in_again() {
    let mut world = World::with_tokens();
    let refusal = |world: &World, id| world.lanes[0].check_grant(&grant("+get", id)).map_err(|error| error.code);
    assert_eq!(refusal(&world, "t1"), Err("UNAVAILABLE".into()), "before it is known who is revoked");
    world.revoke("t9");
    assert_eq!(refusal(&world, "t1"), Ok(()));
    let conn = world.connect_as("~* +@all");
    let anonymous = world.connect(0);
    world.revoke("t1");
    assert_eq!(world.told, [Output::Close { conn, code: CloseCode::Ended }]);
    assert_eq!(refusal(&world, "t1"), Err("NOAUTH".into()));
    world.told.clear();
    world.text(0, anonymous);
    world.authenticate(anonymous, "~* +@all", "t1");
    assert!(world.text(0, anonymous).contains("\"error\":{\"code\":\"NOAUTH\",\"message\":\"the token is revoked\"}"));
}

/// Asks `count` commands whose replies the backend does not give yet; returns their tickets.
fn asked(lane: &mut Lane, conn: ConnId, count: u64, now: Time) -> Vec<model::Ticket> {
    let mut outputs = Vec::new();
    for id in 1..=count {
        let command = [Bytes::from_static(b"GET"), Bytes::from_static(b"k")].into_iter().collect();
        lane.handle(
            Event::Request { conn, request: Request { id: Some(id), verb: Verb::Command(command) } },
            now,
            &mut outputs,
        );
    }
    let tickets = outputs.into_iter().map(|output| match output {
        Output::Backend(BackendRequest::Command { ticket, .. }) => ticket,
        other => panic!("{other:?}"),
    });
    tickets.collect()
}

#[test]
fn large_replies_that_nobody_could_foresee_are_refused_one_by_one_and_the_connection_stays() {
    for format in [Format::Native, Format::Raw] {
        let limits = Limits { outbox_bytes_max: 64 << 10, value_bytes_max: 30 << 10, ..Limits::default() };
        let mut world = World::new(limits);
        let (now, conn) = (world.now, world.lanes[0].connect(format, world.now));
        let mut tickets = asked(&mut world.lanes[0], conn, 40, now);
        if format == Format::Raw {
            // Replies without an id wait behind the one that is late.
            tickets.rotate_left(1);
        }
        for ticket in tickets {
            let reply = Reply::bulk("x".repeat(11 << 10));
            world.handle(0, Event::Backend(BackendEvent::Reply { ticket, reply }));
        }
        world.end_turns();
        assert!(world.told.iter().all(|told| !matches!(told, Output::Close { .. })), "{:?}", world.told);
        assert!(!world.lanes[0].wants_input(conn), "nothing more is read before the client reads");
        let text = world.text(0, conn);
        let (whole, refused) = (text.matches(&"x".repeat(11 << 10)).count(), text.matches("TOOMANY").count());
        assert_eq!(
            (whole, refused),
            (5, 35),
            "{format:?}: what fits beside what is kept for errors, and an error for each other"
        );
        assert!(world.lanes[0].wants_input(conn));
        let [ticket] = asked(&mut world.lanes[0], conn, 1, now)[..] else { panic!("one was asked") };
        world.handle(0, Event::Backend(BackendEvent::Reply { ticket, reply: Reply::OK }));
        assert!(world.text(0, conn).contains("OK"));
    }
}

#[test]
fn what_fifty_clients_hear_is_compressed_once() {
    let anonymous = ["~* &* +@all".to_owned()];
    let setup = Setup::new(2, "test", Limits::default(), CommandTable::redis(), &anonymous, &[]).unwrap();
    let setup = setup.with_deflate(Deflate { min_bytes: 100, level: 6 });
    let lanes = [0, 1].map(|id| Lane::new(setup.lane(LaneId(id))));
    let mut world = World { lanes: lanes.into(), ..World::new(Limits::default()) };
    let key = at_home(1, "key").next().unwrap();
    let formats = [Format::Native, Format::NativeDeflated, Format::RawDeflated, Format::Sse];
    let mut clients = Vec::new();
    for number in 0..100 {
        let (lane, format) = (number % 2, formats[number / 2 % 2]);
        let format = if number < 2 { formats[2 + number] } else { format };
        clients.push((lane, format, world.lanes[lane].connect(format, world.now)));
        world.ask(lane, clients[number].2, live(&key));
    }
    world.settle();
    clients.iter().for_each(|(lane, _, conn)| while world.lanes[*lane].take(*conn).is_some() {});
    let before = world.lanes.iter().map(Lane::counters).collect::<Vec<_>>();
    world.set(&key, 7);
    world.settle();
    let after = world.lanes.iter().map(Lane::counters).collect::<Vec<_>>();
    let compressions = |counters: &[lane::Counters]| counters.iter().map(|c| c.deflate.compressions).sum::<u64>();
    // One for /ws and one for /raw, which say it in other words; both on the feed's home lane.
    assert_eq!(compressions(&after) - compressions(&before), 2);
    assert_eq!(after[0].deflate, before[0].deflate);
    for (lane, format, conn) in clients {
        let frame = world.lanes[lane].take(conn).unwrap();
        assert_eq!(world.lanes[lane].take(conn), None);
        let first = match format {
            Format::Sse => b'e',
            _ if format.is_deflated() => 0xc1,
            _ => 0x81,
        };
        assert_eq!(frame[0], first, "{format:?}");
        if format != Format::Sse {
            let (mut bytes, mut decoder, mut inflater) = (frame.to_vec(), Decoder::new(Role::Client), Inflater::new());
            let mut input = &mut bytes[..];
            let message = decoder.decode_inflating(&mut input, 1 << 20, Some(&mut inflater)).unwrap();
            let Some(Message::Text(text)) = message else { panic!("a text") };
            assert!(text.contains(&format!("{}#7#", "x".repeat(200))), "{text}");
        }
    }
}

#[test]
fn replies_are_compressed_where_it_was_agreed_and_small_ones_are_not() {
    let mut world = World::new(Limits::default());
    let conn = world.lanes[0].connect(Format::NativeDeflated, world.now);
    world.lanes[0].take(conn).unwrap();
    let ping = |len: usize| Verb::Ping(format!("\"{}\"", "p".repeat(len)).into());
    let mut first_byte = |len| {
        world.ask(0, conn, ping(len));
        world.lanes[0].take(conn).unwrap()[0]
    };
    // {"id":1,"result":"…"}
    assert_eq!((first_byte(1024 - 21), first_byte(1024 - 20)), (0x81, 0xc1));
    assert_eq!(world.lanes[0].counters().deflate.compressions, 1);
}

#[test]
fn rules_that_change_hold_for_who_is_there_and_ask_who_has_a_token_to_come_again() {
    let mut world = World::with_tokens();
    world.revoke("none");
    let conn = world.connect_as("~* +@all");
    let key = at_home(0, "key").next().unwrap();
    world.ask(0, conn, live(&key));
    world.settle();
    let setup = |anonymous: &str, deny: &str| {
        let (anonymous, deny) = ([anonymous.to_owned()], [deny.to_owned()]);
        Setup::new(2, "test", Limits::default(), CommandTable::redis(), &anonymous, &deny)
            .unwrap()
            .with_tokens(true, true)
    };
    let set = |world: &mut World, setup: Setup| {
        let mut outputs = Vec::new();
        for lane in 0..2 {
            world.lanes[lane].set_rules(&setup, world.now, &mut outputs);
        }
        world.obey(0, outputs);
        world.settle();
    };
    // What is denied closes feeds, and nothing else.
    world.text(0, conn);
    let anonymous = world.connect(0);
    set(&mut world, setup("~* +@all", "-get"));
    assert!(world.text(0, conn).contains("\"closed\":{\"code\":\"NOPERM\""));
    world.ask(0, anonymous, live(&key));
    world.settle();
    assert!(world.text(0, anonymous).contains("NOPERM"), "who has no token, too");
    let is_close = |output: &&Output| matches!(output, Output::Close { .. });
    assert_eq!(world.told.iter().filter(is_close).count(), 0);
    // What tokens gave before holds no more: neither on its way nor, soon, here.
    set(&mut world, setup("~* +@all", "-get").of_generation(1));
    let of_generation = |generation| lane::Grant { generation, ..grant("+get", "t1") };
    let check = |world: &World, generation| world.lanes[0].check_grant(&of_generation(generation)).map_err(|e| e.code);
    assert_eq!(check(&world, 0), Err("UNAVAILABLE".into()));
    assert_eq!((check(&world, 1), check(&world, lane::Grant::ALWAYS)), (Ok(()), Ok(())));
    world.now = world.now + std::time::Duration::from_secs(3);
    world.handle(0, Event::Timeout);
    let closed: Vec<&Output> = world.told.iter().filter(is_close).collect();
    assert_eq!(closed, [&Output::Close { conn, code: CloseCode::TokenExpired }], "and not who has none");
}

#[test]
fn what_the_backend_takes_long_for_is_counted_and_told() {
    let ms = std::time::Duration::from_millis;
    for (slow, took, expected) in [(Some(ms(100)), 100, 1), (Some(ms(100)), 99, 0), (None, 5000, 0)] {
        let mut world = World::new(Limits::default());
        let conn = world.connect(0);
        world.lanes[0].set_slow(slow);
        let mut outputs = Vec::new();
        let key = at_home(0, "key").next().unwrap();
        let command: Args = ["GET".into(), key.clone()].into();
        for (id, verb) in [(1, live(&key)), (2, Verb::Command(command))] {
            let request = Request { id: Some(id), verb };
            world.lanes[0].handle(Event::Request { conn, request }, world.now, &mut outputs);
        }
        world.now = world.now + ms(took);
        let asked = outputs.into_iter().filter_map(|output| match output {
            Output::Backend(request) => Some(request),
            _ => None,
        });
        for request in asked {
            let event = match request {
                BackendRequest::Command { ticket, .. } => BackendEvent::Reply { ticket, reply: Reply::OK },
                BackendRequest::Read { watch, .. } => {
                    BackendEvent::Value { watch, reply: Some(Reply::Null), expires_in: None }
                }
                _ => continue,
            };
            world.handle(0, Event::Backend(event));
        }
        let counters = world.lanes[0].counters();
        assert_eq!((counters.slow_commands, counters.slow_reads), (expected, expected));
        let told: Vec<_> = world.lanes[0].take_notices().into_iter().map(|notice| (notice.conn, notice.what)).collect();
        let took = lane::What::TookLong { command: "get".to_owned(), took: ms(took) };
        let all = [(None, took.clone()), (Some(conn), took)];
        assert_eq!(told, &all[..2 * expected as usize]);
    }
}

#[test]
fn commands_that_may_answer_much_wait_for_the_answers_of_others_and_writes_do_not() {
    let mut world = World::new(Limits::default());
    let (now, conn) = (world.now, world.lanes[0].connect(Format::Native, world.now));
    let answer = |world: &mut World, tickets: Vec<model::Ticket>| {
        for ticket in tickets {
            world.handle(0, Event::Backend(BackendEvent::Reply { ticket, reply: Reply::OK }));
        }
        world.text(0, conn);
    };
    // Small answers one by one, until nothing large is expected any more.
    for _ in 0..300 {
        let tickets = asked(&mut world.lanes[0], conn, 1, now);
        answer(&mut world, tickets);
    }
    let tickets = asked(&mut world.lanes[0], conn, 63, now);
    assert!(world.lanes[0].wants_input(conn));
    answer(&mut world, tickets);
    let tickets = asked(&mut world.lanes[0], conn, 64, now);
    assert!(!world.lanes[0].wants_input(conn), "64 are under way");
    answer(&mut world, tickets);
    let mut outputs = Vec::new();
    for id in 1..=200 {
        let command = ["SET", "k", "v"].map(|word| Bytes::from_static(word.as_bytes())).into_iter().collect();
        let request = Request { id: Some(id), verb: Verb::Command(command) };
        world.lanes[0].handle(Event::Request { conn, request }, now, &mut outputs);
    }
    assert!(world.lanes[0].wants_input(conn), "writes answer little");
}
