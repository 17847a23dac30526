//! Users: against real servers, by random scripts of several clients (see `support::sessions`), and by example where the
//! store is stricter or a moment matters.

mod support;
mod world;

use bytes::Bytes;
use model::Reply;
use store::Output;
use support::compare::Difference;
use support::grammar::Family;
use support::server::Kind;
use support::sessions::check;
use world::World;

const USERS: Family = Family {
    name: "users",
    setup: &[
        "~skip ACL DELUSER ann bob",
        "ACL LOG RESET",
        "ACL SETUSER ann on >pw ~a* &news +@all",
        "ACL SETUSER bob on nopass %R~b* +@read +@connection +acl +multi +exec",
    ],
    pools: &[
        ("user", "ann ann bob"),
        ("name", "ann bob default nobody"),
        ("password", "pw pw2"),
        ("channel", "news sport n*"),
        ("k", "a a1 b c"),
        (
            "rule",
            "on off nopass resetpass >pw >pw2 <pw ~a* ~* allkeys resetkeys %R~b* %W~c %RW~a &news &n* &* resetchannels \
             +@all -@all +get -get +set +@write -@write +@read +config|get -config +acl -acl +multi +exec +subscribe \
             +select|0 \\x28~b\\s+set\\x29 \\x28~c*\\s+@read\\s&news\\x29 \\x28+get reset clearselectors nosuch +nosuch %~x \
             #30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4 \
             !30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4 #12",
        ),
        ("command", "get set config hget publish subscribe acl select auth mget"),
    ],
    commands: &[
        "6*!AUTH <name> <password>",
        "2*!AUTH <password>",
        "8*!ACL SETUSER <user> (<rule>)+",
        "3*!ACL SETUSER <user> on nopass ~* +@all",
        "2*!ACL DELUSER <user> nobody",
        "3*!ACL GETUSER <name>",
        "2*!ACL LIST",
        "!ACL USERS",
        "3*!ACL WHOAMI",
        "3*!ACL LOG",
        "!ACL LOG (1 | 0 | RESET)",
        "4*!ACL DRYRUN <name> GET <k>",
        "2*!ACL DRYRUN <name> SET <k> 1",
        "2*!ACL DRYRUN <name> COPY <k> <k>",
        "2*!ACL DRYRUN <name> (MGET <k> <k> | PUBLISH <channel> m | PSUBSCRIBE <channel> | CONFIG GET x | CONFIG SET x y | SELECT 0 | SELECT 1)",
        "!ACL DRYRUN <name> <command>",
        "4*!GET <k>",
        "3*!SET <k> 1",
        "2*!MGET <k> <k>",
        "!PUBLISH <channel> m",
        "2*!MULTI",
        "2*!EXEC",
        "!RESET",
        "!CLIENT KILL USER nobody",
        "!PING",
    ],
    scripts: 150,
};

/// Who may hear what. Without transactions, in which Redis answers subscriptions in a way of its own; and nobody takes
/// channels from itself, by which Redis 7.0.15 crashes.
const LISTENERS: Family = Family {
    name: "listeners",
    setup: &[
        "~skip ACL DELUSER ann bob",
        "ACL LOG RESET",
        "ACL SETUSER ann on >pw ~a* &news &n* +@all -acl",
        "ACL SETUSER bob on nopass ~* &* +@all -acl",
    ],
    pools: &[
        ("user", "ann bob"),
        ("channel", "news sport n*"),
        ("rule", "&news &n* &* resetchannels off -publish +publish \\x28&sport\\s+subscribe\\x29 clearselectors"),
    ],
    commands: &[
        "4*!AUTH <user> pw",
        "6*!SUBSCRIBE (<channel>)+",
        "4*!PSUBSCRIBE <channel>",
        "2*!SSUBSCRIBE <channel>",
        "!UNSUBSCRIBE <channel>",
        "6*!ACL SETUSER <user> (<rule>)+",
        "!ACL DELUSER <user>",
        "3*!PUBLISH <channel> m",
        "!ACL WHOAMI",
        "!RESET",
    ],
    scripts: 100,
};

/// The words of a text that are not about commands: Redis 7.0 makes up such words anew each time.
fn without_commands(reply: &Reply) -> Reply {
    let keep = |word: &&str| !word.starts_with(['+', '-']) || word.ends_with(')');
    let word = |word: &str| if word.starts_with(['+', '-']) { ")".to_owned() } else { word.to_owned() };
    match reply {
        Reply::Bulk(text) => match std::str::from_utf8(text) {
            Ok(text) => Reply::bulk(text.split(' ').filter(keep).map(word).collect::<Vec<_>>().join(" ")),
            Err(_) => reply.clone(),
        },
        Reply::Array(items) => Reply::Array(items.iter().map(without_commands).collect()),
        Reply::Set(items) => Reply::Set(items.iter().map(without_commands).collect()),
        Reply::Map(pairs) => {
            Reply::Map(pairs.iter().map(|(name, item)| (name.clone(), without_commands(item))).collect())
        }
        other => other.clone(),
    }
}

/// Entries of the log without times and without what is told of their client's buffers.
fn without_times(reply: &Reply) -> Reply {
    let kept = |name: &Reply| name != &Reply::bulk("age-seconds") && name != &Reply::bulk("client-info");
    match reply {
        Reply::Array(items) if items.first() == Some(&Reply::bulk("count")) => {
            Reply::Array(items.chunks(2).filter(|pair| kept(&pair[0])).flatten().cloned().collect())
        }
        Reply::Array(items) => Reply::Array(items.iter().map(without_times).collect()),
        Reply::Map(pairs) => Reply::Map(pairs.iter().filter(|(name, _)| kept(name)).cloned().collect()),
        other => other.clone(),
    }
}

const KNOWN: &[Difference] = &[
    Difference {
        servers: &[Kind::Redis70],
        reason: "rules about commands are shown as they were given, which Redis does from 7.2 on",
        applies: |_, ours, theirs| without_commands(ours) == without_commands(theirs),
    },
    Difference {
        servers: &[Kind::Redis70],
        reason: "times and the sizes of a client's buffers",
        applies: |_, ours, theirs| without_times(ours) == without_times(theirs),
    },
];

#[test]
fn users_are_those_of_redis() {
    check(&USERS, &[], KNOWN);
}

#[test]
fn who_may_not_hear_a_channel_any_more_is_disconnected_as_by_redis() {
    check(&LISTENERS, &[], KNOWN);
}

#[test]
fn who_is_deleted_is_disconnected_and_its_number_is_not_given_again() {
    let mut world = World::new();
    let [root, ann, other] = [(); 3].map(|()| world.connect());
    world.say(root, "ACL SETUSER ann on nopass ~* &* +@all");
    for client in [ann, other] {
        assert_eq!(world.say(client, "AUTH ann x"), "OK");
    }
    assert_eq!(world.say(ann, "ACL WHOAMI"), "ann");
    assert!(world.say(root, "CLIENT LIST").matches("user=ann").count() == 2);
    let told = world.all(ann, "ACL DELUSER ann");
    let is_close = |output: &Output| matches!(output, Output::Close { .. });
    assert!(matches!(told[0], Output::Reply { client, reply: Reply::Int(1), .. } if client == ann), "{told:?}");
    assert_eq!(told.iter().filter(|output| is_close(output)).count(), 2);
    assert!(!world.store.is_connected(ann) && !world.store.is_connected(other) && world.store.is_connected(root));
}

#[test]
fn who_is_deleted_gets_nothing_of_what_the_same_transaction_does() {
    let mut world = World::new();
    let [root, ann, bob] = [(); 3].map(|()| world.connect());
    for (client, name) in [(ann, "ann"), (bob, "bob")] {
        world.say(root, &format!("ACL SETUSER {name} on nopass ~* &* +@all"));
        world.say(client, &format!("AUTH {name} x"));
    }
    world.all(ann, "BLPOP list 0");
    world.all(bob, "SUBSCRIBE c");
    for line in ["MULTI", "ACL DELUSER ann", "ACL SETUSER bob resetchannels", "LPUSH list secret", "PUBLISH c secret"] {
        world.say(root, line);
    }
    let told = world.all(root, "EXEC");
    let others = told.iter().filter(|output| !matches!(output, Output::Reply { client, .. } if *client == root));
    let closed = |client| Output::Close { client };
    assert_eq!(others.collect::<Vec<_>>(), [&closed(ann), &closed(bob)]);
    assert_eq!(world.say(root, "LPOP list"), "secret");
}

#[test]
fn a_refusal_keeps_little_of_a_large_name() {
    let mut world = World::new();
    let [root, ann] = [(); 2].map(|()| world.connect());
    world.say(root, "ACL SETUSER ann on nopass +client");
    world.say(ann, "AUTH ann x");
    world.say(ann, &format!("CLIENT SETNAME {}", "n".repeat(100_000)));
    world.say(ann, "GET a");
    let log = world.say(root, "ACL LOG");
    assert!(log.contains("name=nnn") && log.len() < 3_000, "{}", log.len());
}

#[test]
fn a_connection_stays_what_it_is_but_for_its_rules() {
    let mut world = World::new();
    let [root, ann] = [(); 2].map(|()| world.connect());
    world.say(root, "ACL SETUSER ann on >pw ~* &* +@all");
    world.say(ann, "AUTH ann pw");
    world.say(root, "ACL SETUSER ann off resetpass");
    assert_eq!(world.say(ann, "SET a 1"), "OK", "who is in stays in, as in Redis");
    assert!(world.say(ann, "AUTH ann pw").starts_with("WRONGPASS"));
    world.say(root, "ACL SETUSER ann -@write");
    let refused = "NOPERM this user has no permissions to run the 'set' command";
    assert_eq!(world.say(ann, "SET a 1"), refused, "at once");
    assert_eq!(world.say(ann, "GET a"), "1");
}

#[test]
fn who_waits_gets_nothing_that_it_may_not_have_any_more() {
    let mut world = World::new();
    let [root, ann] = [(); 2].map(|()| world.connect());
    world.say(root, "ACL SETUSER ann on nopass ~* +@all");
    world.say(ann, "AUTH ann x");
    world.all(ann, "BLPOP list 0");
    world.say(root, "ACL SETUSER ann -blpop");
    let told = world.all(root, "RPUSH list secret");
    let refused = Reply::error("NOPERM this user has no permissions to run the 'blpop' command");
    assert!(told.contains(&Output::Reply { client: ann, reply: refused }), "{told:?}");
    assert_eq!(world.say(root, "LPOP list"), "secret");
}

#[test]
fn what_was_queued_is_checked_when_it_is_run() {
    let mut world = World::new();
    let [root, ann] = [(); 2].map(|()| world.connect());
    world.say(root, "ACL SETUSER ann on nopass ~* &* +@all");
    for line in ["AUTH ann x", "MULTI", "SET a 1", "GET a"] {
        world.say(ann, line);
    }
    world.say(root, "ACL SETUSER ann resetkeys ~b");
    let replies = world.say(ann, "EXEC");
    assert_eq!(replies.matches("no permission to touch the specified keys").count(), 2, "{replies}");
    assert_eq!(world.say(root, "EXISTS a"), "Some(Int(0))");
    let log = world.say(root, "ACL LOG");
    assert!(log.contains("multi") && log.contains("ann"), "{log}");
    assert_eq!(world.store.refusals(), 2);
}

#[test]
fn names_of_keys_are_shown_only_to_who_may_have_all() {
    let mut world = World::new();
    let [root, ann] = [(); 2].map(|()| world.connect());
    world.say(root, "ACL SETUSER ann on nopass ~a* +@all");
    world.say(ann, "AUTH ann x");
    for line in
        ["KEYS *", "SCAN 0", "DBSIZE", "RANDOMKEY", "SORT a BY b*", "PUBSUB CHANNELS", "CLIENT TRACKING ON BCAST"]
    {
        assert!(world.say(ann, line).starts_with("NOPERM "), "{line}");
    }
    world.say(root, "ACL SETUSER ann ~* &*");
    assert_eq!(world.say(ann, "DBSIZE"), "Some(Int(0))");
}

#[test]
fn the_password_of_default_follows_the_setting() {
    let mut world = World::new();
    let root = world.connect();
    world.say(root, "CONFIG SET requirepass first");
    let new = world.connect();
    assert!(world.say(new, "GET a").starts_with("NOAUTH"));
    assert!(!world.store.is_authenticated(new) && world.store.is_authenticated(root));
    assert_eq!(world.say(new, "AUTH first"), "OK");
    world.say(root, "ACL SETUSER default >second");
    world.say(root, "CONFIG SET maxmemory-samples 6");
    assert_eq!((world.say(new, "AUTH default second"), world.say(new, "AUTH first")), ("OK".into(), "OK".into()));
    world.say(root, "CONFIG SET requirepass \"\"");
    world.store.set_by_owner("requirepass", "");
    assert!(world.say(new, "AUTH second").starts_with("ERR AUTH <password> called without any password"));
    world.say(root, "ACL SETUSER default off");
    let late = world.connect();
    assert!(world.say(late, "PING").starts_with("NOAUTH"), "nobody is let in as default");
}

#[test]
fn passwords_are_neither_shown_nor_kept() {
    let mut world = World::new();
    let [root, watcher] = [(); 2].map(|()| world.connect());
    world.say(watcher, "MONITOR");
    let line = "ACL SETUSER ann >hunter2";
    assert!(!format!("{:?}", world.all(root, line)).contains("hunter2"));
    let words: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
    world.store.note_duration(Some(root), &words, 1_000_000, 1);
    for line in ["SLOWLOG GET", "ACL LIST", "ACL GETUSER ann", "ACL LOG"] {
        assert!(!world.say(root, line).contains("hunter2"), "{line}");
    }
    let [a, b] = [(); 2].map(|()| world.say(root, "ACL GENPASS"));
    assert!(a != b && a.len() == 64);
}

#[test]
fn who_takes_a_channel_from_itself_is_answered_and_then_disconnected() {
    let mut world = World::new();
    let root = world.connect();
    world.say(root, "ACL SETUSER ann on nopass ~* &* +@all");
    let [ann, quiet] = [(); 2].map(|()| world.connect());
    for client in [ann, quiet] {
        world.say(client, "HELLO 3 AUTH ann x");
    }
    world.all(ann, "SUBSCRIBE news");
    let told = world.all(ann, "ACL SETUSER ann resetchannels");
    assert!(matches!(told[..], [Output::Reply { client, .. }, Output::Close { .. }] if client == ann), "{told:?}");
    assert!(world.store.is_connected(quiet), "who hears nothing stays");
}

#[test]
fn a_password_may_be_any_bytes() {
    let mut world = World::new();
    let root = world.connect();
    let password: &[u8] = b"p\xff\x00w";
    let mut say = |words: &[&[u8]]| {
        let words: Vec<Bytes> = words.iter().map(|word| Bytes::copy_from_slice(word)).collect();
        world.store.handle_command(root, &words, world.now_ms);
        let mut replies = Vec::new();
        world.store.drain_outputs(|output| replies.push(output));
        format!("{replies:?}")
    };
    let word = |sign: &[u8]| [sign, password].concat();
    let set = say(&[b"ACL", b"SETUSER", b"ann", b"on", b"+@all", &word(b">")]);
    assert!(set.contains("OK"), "{set}");
    assert!(say(&[b"AUTH", b"ann", b"p\xfe\x00w"]).contains("WRONGPASS"));
    assert!(say(&[b"AUTH", b"ann", password]).contains("OK"));
    assert!(say(&[b"ACL", b"SETUSER", b"ann", &word(b"<")]).contains("OK"));
    assert!(say(&[b"AUTH", b"ann", password]).contains("WRONGPASS"));
    assert!(say(&[b"ACL", b"SETUSER", b"ann", b"+\xff"]).contains("Syntax error"), "other words are text");
}
