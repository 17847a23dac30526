//! What clients do to one another and to themselves: waits that end, kills, pauses, replies held back, passwords.

mod world;

use bytes::Bytes;
use model::Reply;
use store::{ClientId, Output, OwnerRequest, Persistence};
use world::World;

fn reply(client: ClientId, reply: Reply) -> Output {
    Output::Reply { client, reply }
}

/// The null where an array would have come.
fn null_array(client: ClientId) -> Output {
    reply(client, Reply::NullArray)
}

fn error(client: ClientId, text: &str) -> Output {
    reply(client, Reply::error(text))
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let mut world = World::new();
    let (a, b) = (world.connect(), world.connect());
    assert_eq!(world.all(a, "BLPOP l 0.05"), []);
    assert_eq!((world.store.is_waiting(a), world.store.next_timeout_ms()), (true, Some(world.now_ms + 50)));
    assert_eq!(world.pass(49), []);
    assert_eq!(world.pass(1), [null_array(a)]);
    assert_eq!((world.store.is_waiting(a), world.store.next_timeout_ms()), (false, None));
    assert_eq!(world.all(b, "RPUSH l x"), [reply(b, Reply::Int(1))], "nobody waits any more");
}

#[test]
fn who_waits_longest_is_served_first_and_who_left_is_not() {
    let mut world = World::new();
    let [a, b, c, d] = [(); 4].map(|()| world.connect());
    for client in [a, b, c] {
        world.all(client, "BRPOP l 0");
    }
    world.store.disconnect(a);
    let pair = |element: &str| Reply::Array(vec![Reply::bulk("l"), Reply::bulk(element)]);
    let served = [reply(d, Reply::Int(3)), reply(b, pair("z")), reply(c, pair("y"))];
    assert_eq!(world.all(d, "RPUSH l x y z"), served);
    assert_eq!(world.store.execute(&["LLEN".into(), "l".into()], 0), Reply::Int(1));
}

#[test]
fn a_wait_can_be_ended_by_others() {
    let mut world = World::new();
    let (a, b) = (world.connect(), world.connect());
    world.all(a, "BLPOP l 0");
    assert_eq!(world.all(b, &format!("CLIENT UNBLOCK {a}")), [reply(b, Reply::Int(1)), null_array(a)]);
    assert_eq!(world.all(b, &format!("CLIENT UNBLOCK {a}")), [reply(b, Reply::Int(0))]);
    world.all(a, "BLPOP l 0");
    let ended = error(a, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    assert_eq!(world.all(b, &format!("CLIENT UNBLOCK {a} ERROR")), [reply(b, Reply::Int(1)), ended]);
    world.all(a, "BLPOP l 0");
    assert_eq!(
        world.all(b, &format!("CLIENT KILL ID {a}")),
        [reply(b, Reply::Int(1)), Output::Close { client: a }],
        "a client that waits is killed too"
    );
    assert!(!world.store.is_connected(a));
    assert_eq!(world.all(b, "RPUSH l x"), [reply(b, Reply::Int(1))]);
    assert_eq!(world.all(a, "PING"), [], "who is gone says nothing");
}

#[test]
fn who_quits_or_kills_itself_is_answered_first() {
    let mut world = World::new();
    let (a, b) = (world.connect(), world.connect());
    assert_eq!(world.all(a, "QUIT"), [reply(a, Reply::OK), Output::Close { client: a }]);
    let line = format!("CLIENT KILL ID {b} SKIPME no");
    assert_eq!(world.all(b, &line), [reply(b, Reply::Int(1)), Output::Close { client: b }]);
}

#[test]
fn replies_are_held_back_if_asked() {
    let mut world = World::new();
    let a = world.connect();
    assert_eq!(world.all(a, "CLIENT REPLY SKIP"), []);
    assert_eq!(world.all(a, "PING"), []);
    assert_eq!(world.all(a, "ECHO x"), [reply(a, Reply::bulk("x"))]);
    assert_eq!(world.all(a, "CLIENT REPLY OFF"), []);
    assert_eq!(world.all(a, "SET k v"), []);
    assert_eq!(world.all(a, "CLIENT REPLY ON"), [reply(a, Reply::OK)]);
    assert_eq!(world.all(a, "GET k"), [reply(a, Reply::bulk("v"))]);
}

#[test]
fn a_pause_holds_back_writes_or_all_and_lets_them_go_in_order() {
    let mut world = World::new();
    let [a, b, c] = [(); 3].map(|()| world.connect());
    assert_eq!(world.all(a, "CLIENT PAUSE 100 WRITE"), [reply(a, Reply::OK)]);
    assert_eq!(world.all(b, "SET k 1"), []);
    assert_eq!(world.all(c, "APPEND k 2"), []);
    assert_eq!(world.all(a, "GET k"), [reply(a, Reply::Null)]);
    assert_eq!(world.pass(99), []);
    assert_eq!(world.pass(1), [reply(b, Reply::OK), reply(c, Reply::Int(2))]);
    world.all(a, "CLIENT PAUSE 100");
    assert_eq!(world.all(b, "GET k"), []);
    world.store.disconnect(b);
    assert_eq!(world.all(a, "CLIENT UNPAUSE"), [reply(a, Reply::OK)]);
    assert_eq!(world.all(c, "GET k"), [reply(c, Reply::bulk("12"))]);
}

#[test]
fn a_password_is_asked_for() {
    let mut world = World::new();
    world.store.set_by_owner("requirepass", "secret");
    let a = world.connect();
    assert_eq!(world.all(a, "GET k"), [error(a, "NOAUTH Authentication required.")]);
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(world.all(a, "AUTH secre"), [error(a, wrong)]);
    assert_eq!(world.all(a, "AUTH other secret"), [error(a, wrong)]);
    assert_eq!(world.all(a, "AUTH secret"), [reply(a, Reply::OK)]);
    assert_eq!(world.all(a, "GET k"), [reply(a, Reply::Null)]);
    world.all(a, "RESET");
    assert_eq!(world.all(a, "GET k"), [error(a, "NOAUTH Authentication required.")]);
    let hello = world.all(a, "HELLO 3 AUTH default secret SETNAME me");
    assert_eq!(hello[0], Output::Protocol { client: a, resp: 3 });
    assert!(matches!(&hello[1], Output::Reply { reply: Reply::Map(facts), .. } if facts.len() == 7));
    assert_eq!(world.all(a, "CLIENT GETNAME"), [reply(a, Reply::bulk("me"))]);
}

#[test]
fn who_monitors_sees_what_others_do_but_no_passwords() {
    let mut world = World::new();
    let (a, b) = (world.connect(), world.connect());
    world.all(a, "MONITOR");
    let line = |db: usize, words: &str| {
        let words: String = words.split(' ').map(|word| format!(" \"{word}\"")).collect();
        Output::Line { client: a, text: format!("1000.000000 [{db} 127.0.0.1:5000]{words}").into() }
    };
    assert_eq!(world.all(b, "SET k v"), [reply(b, Reply::OK), line(0, "SET k v")]);
    let redacted = line(0, "AUTH (redacted) (redacted)");
    assert_eq!(world.all(b, "AUTH default secret"), [reply(b, Reply::OK), redacted]);
    assert_eq!(world.all(b, "CONFIG GET maxmemory").len(), 1, "what administrators do is not shown");
    assert_eq!(world.all(b, "SELECT 3"), [reply(b, Reply::OK), line(3, "SELECT 3")], "it was carried out");
}

#[test]
fn who_monitors_sees_transactions_from_the_inside_and_waits_once() {
    let mut world = World::new();
    let (a, b, c) = (world.connect(), world.connect(), world.connect());
    world.all(a, "MONITOR");
    let shown = |outputs: Vec<Output>| -> Vec<String> {
        let line = |output| if let Output::Line { text, .. } = output { Some(text) } else { None };
        let words = |text: Bytes| String::from_utf8_lossy(&text).split_once("] ").unwrap().1.to_owned();
        outputs.into_iter().filter_map(line).map(words).collect()
    };
    assert_eq!(shown(world.all(b, "MULTI")), ["\"MULTI\""]);
    assert_eq!(shown(world.all(b, "INCR n")), [""; 0]);
    assert_eq!(shown(world.all(b, "EXEC")), ["\"INCR\" \"n\"", "\"EXEC\""]);
    assert_eq!(shown(world.all(b, "BLPOP l 0")), ["\"BLPOP\" \"l\" \"0\""]);
    assert_eq!(shown(world.all(c, "RPUSH l x")), ["\"RPUSH\" \"l\" \"x\""]);
}

#[test]
fn what_only_the_owner_can_do_is_asked_of_it() {
    let mut world = World::new();
    let a = world.connect();
    let outputs = world.all(a, "BGREWRITEAOF");
    assert!(matches!(&outputs[..], [Output::Reply { reply: Reply::Error(_), .. }]), "{outputs:?}");
    world.store.set_persistence(Persistence { is_on: true, ..Persistence::default() });
    assert_eq!(world.all(a, "BGREWRITEAOF")[1], Output::Request(OwnerRequest::RewriteLog));
    let shutdown = OwnerRequest::Shutdown { save: Some(false), force: false };
    assert_eq!(world.all(a, "SHUTDOWN NOSAVE"), [Output::Request(shutdown)]);
    assert_eq!(world.all(a, "SHUTDOWN SAVE NOSAVE"), [error(a, "ERR syntax error")]);
}

#[test]
fn a_full_table_of_tracked_keys_tells_the_oldest_away() {
    let mut world = World::new();
    let a = world.connect();
    world.all(a, "HELLO 3");
    world.all(a, "CONFIG SET tracking-table-max-keys 2");
    world.all(a, "CLIENT TRACKING ON");
    world.all(a, "MGET x y");
    let away = |key: &str| {
        let message = vec![Reply::bulk("invalidate"), Reply::Array(vec![Reply::bulk(key)])];
        Output::Push { client: a, message }
    };
    assert_eq!(world.all(a, "GET z"), [reply(a, Reply::Null), away("x")]);
}

#[test]
fn slow_commands_are_remembered_as_the_owner_measures_them() {
    let mut world = World::new();
    let a = world.connect();
    let line = ["GET".into(), "k".into()];
    world.store.note_duration(Some(a), &line, 9_999, 2000);
    world.store.note_duration(Some(a), &line, 10_000, 2000);
    assert_eq!(world.all(a, "SLOWLOG LEN"), [reply(a, Reply::Int(1))]);
    world.all(a, "CONFIG SET slowlog-max-len 1");
    world.store.note_duration(None, &line, 20_000, 3000);
    assert_eq!(world.all(a, "SLOWLOG LEN"), [reply(a, Reply::Int(1))]);
    world.store.note_duration(None, &["AUTH".into(), "secret".into()], 20_000, 3000);
    assert!(!format!("{:?}", world.all(a, "SLOWLOG GET")).contains("secret"));
}

#[test]
fn a_transaction_is_bound_by_the_limit_of_memory() {
    const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";
    let abort = format!("EXECABORT Transaction discarded because of: {OOM}");
    let queued = || Reply::Simple("QUEUED".into());
    let mut world = World::new();
    let (a, b) = (world.connect(), world.connect());
    let used = world.store.memory();
    let limit = format!("CONFIG SET maxmemory {}", used + 1000);
    assert_eq!(world.all(b, &limit), [reply(b, Reply::OK)]);

    world.all(a, "MULTI");
    assert_eq!(world.all(a, &format!("SET k {}", "x".repeat(2000))), [reply(a, queued())]);
    assert!(world.store.memory() > used + 2000, "what is queued counts");
    assert_eq!(world.all(a, "GET k"), [error(a, OOM)], "nothing more is queued");
    assert_eq!(world.all(b, "SET k x"), [error(b, OOM)]);
    assert_eq!(world.all(a, "EXEC"), [error(a, &abort)]);
    assert_eq!(world.store.memory(), used);
    for end in ["DISCARD", "RESET"] {
        world.all(a, "MULTI");
        world.all(a, &format!("SET k {}", "x".repeat(2000)));
        world.all(a, end);
        assert_eq!(world.store.memory(), used, "{end}");
    }
    world.all(a, "MULTI");
    world.all(a, &format!("SET k {}", "x".repeat(2000)));
    world.store.disconnect(a);
    assert_eq!((world.store.memory(), world.store.keys(0)), (used, 0));

    // Memory ran out between the queue and EXEC.
    let (a, c) = (world.connect(), world.connect());
    for (client, line) in [(a, "SET k x"), (c, "GET k")] {
        world.all(client, "MULTI");
        assert_eq!(world.all(client, line), [reply(client, queued())]);
    }
    world.all(b, "CONFIG SET maxmemory 1");
    assert_eq!(world.all(a, "EXEC"), [error(a, &abort)]);
    assert_eq!(world.all(c, "EXEC"), [reply(c, Reply::Array(vec![Reply::Null]))], "a read needs none");
}

#[test]
fn many_keys_that_are_waited_for_and_watched_cost_no_more_each_than_few() {
    const KEYS: usize = 20_000;
    let mut world = World::new();
    let (a, b, c) = (world.connect(), world.connect(), world.connect());
    let keys: String = (0..KEYS).map(|n| format!(" k{n}")).collect();
    world.all(a, &format!("BLPOP{keys} 0"));
    world.all(b, &format!("WATCH{keys}"));
    for _ in 0..20 {
        world.all(c, "SWAPDB 0 1");
    }
    assert!(world.store.is_waiting(a));
    world.all(c, "RPUSH k19999 x");
    assert!(!world.store.is_waiting(a));
    let Output::Reply { reply: Reply::Verbatim { text, .. } | Reply::Bulk(text), .. } =
        &world.all(c, &format!("CLIENT LIST ID {c} 99 {b}"))[0]
    else {
        panic!("a text")
    };
    let text = String::from_utf8_lossy(text);
    let ids: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids, [format!("id={c}"), format!("id={b}")]);
    assert!(text.contains(&format!("watch={KEYS}")));
}

#[test]
fn a_command_that_waits_is_skipped_too() {
    let mut world = World::new();
    let (a, b) = (world.connect(), world.connect());
    world.all(a, "CLIENT REPLY SKIP");
    assert_eq!(world.all(a, "BLPOP l 0"), []);
    assert_eq!(world.all(b, "RPUSH l x"), [reply(b, Reply::Int(1))]);
    assert!(!world.store.is_waiting(a));
    assert_eq!(world.all(a, "LLEN l"), [reply(a, Reply::Int(0))], "only one is skipped");
}

#[test]
fn what_is_read_without_touch_is_not_used() {
    let mut world = World::new();
    let a = world.connect();
    world.all(a, "SET k v");
    world.pass(50_000);
    let idle = |world: &mut World| world.all(a, "OBJECT IDLETIME k");
    world.all(a, "CLIENT NO-TOUCH ON");
    world.all(a, "GET k");
    assert_eq!(idle(&mut world), [reply(a, Reply::Int(50))]);
    world.all(a, "TOUCH k");
    assert_eq!(idle(&mut world), [reply(a, Reply::Int(0))], "TOUCH is for that");
    world.pass(50_000);
    world.all(a, "CLIENT NO-TOUCH OFF");
    world.all(a, "GET k");
    assert_eq!(idle(&mut world), [reply(a, Reply::Int(0))]);
}

#[test]
fn what_a_pause_held_back_is_answered_with_the_null_that_it_would_have_had() {
    let mut world = World::new();
    let [a, b, c] = [(); 3].map(|()| world.connect());
    world.all(c, "CLIENT PAUSE 100");
    world.all(a, "GET none");
    world.all(b, "LPOP none 2");
    assert_eq!(world.all(c, "CLIENT UNPAUSE"), [reply(c, Reply::OK), reply(a, Reply::Null), null_array(b)]);
}
