//! The files on a disk that is stopped before each of its operations, or fails: what was acknowledged is there afterwards.

use super::simulated::{Simulated, Survives};
use super::*;
use bytes::Bytes;
use model::Reply;
use store::Config;

/// A store with its files on a simulated disk, and its clock.
struct World {
    disk: Simulated,
    store: Store,
    files: Files,
    now: Moment,
}

/// So many writes of a script; what they did can be told from what is there.
const WRITES: usize = 60;
/// Before this one a rewrite is asked for.
const REWRITE_AT: usize = 20;

fn words(line: &str) -> Vec<Bytes> {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

impl World {
    fn open(disk: &Simulated, fsync: &str) -> Result<World, OpenError> {
        let mut store = Store::new(Config { seed: 1, databases: 2, ..Config::default() });
        store.set_by_owner("appendfsync", fsync);
        let (mut files, _) = Files::load(Arc::new(disk.clone()), &mut store, 1_000_000)?;
        files.start_inline();
        Ok(World { disk: disk.clone(), store, files, now: Moment { time: Time(1), unix_ms: 1_000_000 } })
    }

    fn new(fsync: &str) -> World {
        World::open(&Simulated::default(), fsync).unwrap()
    }

    fn pass(&mut self, ms: u64) {
        self.now.time = self.now.time + Duration::from_millis(ms);
        self.now.unix_ms += ms;
    }

    fn run(&mut self, line: &str) -> Reply {
        self.store.execute(&words(line), self.now.unix_ms)
    }

    /// One turn with this command; its answer if it may be told.
    fn turn(&mut self, line: &str) -> Option<Reply> {
        self.files.work(&mut self.store, self.now);
        let reply = self.run(line);
        self.files.commit(&mut self.store, self.now).then_some(reply)
    }

    fn idle(&mut self) {
        self.files.work(&mut self.store, self.now);
        self.files.commit(&mut self.store, self.now);
    }

    /// Writes the script up to its end or until the disk stops; how many writes were acknowledged, and how many of those were
    /// so at the last sync.
    fn write(&mut self) -> (usize, usize) {
        let (mut acknowledged, mut synced) = (0, 0);
        for n in 1..=WRITES {
            if n == REWRITE_AT {
                self.files.rewrite();
            }
            self.pass(100);
            self.files.work(&mut self.store, self.now);
            // Bits of several kinds, in one unit.
            let lines = [
                format!("SET n {n}"),
                format!("RPUSH list {n}"),
                format!("SET key:{} {n}", n % 7),
                format!("DEL key:{}", n * 3 % 7),
            ]
            .map(|line| model::Args::from(words(&line)));
            let reply = self.store.transaction(&lines, self.now.unix_ms);
            let is_done = matches!(reply, Reply::Array(_));
            if !self.files.commit(&mut self.store, self.now) || !is_done {
                break;
            }
            acknowledged = n;
            if self.files.synced == self.files.written && self.files.buffer.is_empty() {
                synced = n;
            }
        }
        (acknowledged, synced)
    }

    /// How many writes of the script are there: all of those up to one, whole.
    fn found(&mut self) -> usize {
        let n = match self.run("GET n") {
            Reply::Bulk(n) => String::from_utf8_lossy(&n).parse().unwrap(),
            _ => 0,
        };
        let list = Reply::Array((1..=n).map(|n| Reply::bulk(n.to_string())).collect());
        assert_eq!(self.run("LRANGE list 0 -1"), list);
        let mut keys = [None; 7];
        for n in 1..=n {
            keys[n % 7] = Some(n);
            keys[n * 3 % 7] = None;
        }
        for (key, value) in keys.iter().enumerate() {
            let expected = value.map_or(Reply::Null, |n| Reply::bulk(n.to_string()));
            assert_eq!(self.run(&format!("GET key:{key}")), expected, "key:{key} after {n} writes");
        }
        n
    }
}

const SURVIVALS: [Survives; 6] = [
    Survives::Nothing,
    Survives::Everything,
    Survives::Eighths(1),
    Survives::Eighths(4),
    Survives::Eighths(6),
    Survives::Eighths(7),
];

/// Stops the disk before each of its operations, and looks what the next start finds.
fn crash_everywhere(fsync: &str, check: impl Fn(usize, usize, usize, Survives)) {
    let mut whole = World::new(fsync);
    assert_eq!(whole.write().0, WRITES);
    assert_eq!(whole.store.persistence_mut().rewrites, 1, "the script has a whole rewrite in it");
    let operations = whole.disk.operations();
    assert!(operations > 80, "{operations} operations");
    for stop in 0..=operations {
        let disk = Simulated::default();
        disk.stop_at(stop);
        let (acknowledged, synced) = World::open(&disk, fsync).map_or((0, 0), |mut world| world.write());
        for survives in SURVIVALS {
            let after = disk.after_crash(survives);
            let mut again = World::open(&after, fsync)
                .unwrap_or_else(|error| panic!("{fsync}, stopped at {stop}, {survives:?}: {error}"));
            let found = again.found();
            check(found, acknowledged, synced, survives);
            // And it goes on from there.
            assert!(again.turn("SET more 1").is_some());
            again.files.rewrite();
            (0..5).for_each(|_| again.idle());
            again.files.stop(&mut again.store, again.now);
            let mut third = World::open(&after.after_crash(Survives::Nothing), fsync).unwrap();
            assert_eq!((third.found(), third.run("GET more")), (found, Reply::bulk("1")));
        }
    }
}

#[test]
fn with_always_nothing_acknowledged_is_lost_wherever_it_crashes() {
    crash_everywhere("always", |found, acknowledged, _, survives| {
        assert!(
            found >= acknowledged && found <= acknowledged + 1,
            "{acknowledged} acknowledged, {found} found, {survives:?}"
        );
    });
}

#[test]
fn with_everysec_all_up_to_the_last_sync_is_there_wherever_it_crashes() {
    crash_everywhere("everysec", |found, acknowledged, synced, survives| {
        assert!((synced..=acknowledged + 1).contains(&found), "{synced} synced, {found} found, {survives:?}");
        if let Survives::Everything = survives {
            // But for what the disk refused: a turn's writes, with those that waited for a sync in the turn before.
            assert!(
                found + 2 >= acknowledged,
                "{acknowledged} acknowledged, {found} found though only the process ended"
            );
        }
    });
}

#[test]
fn everysec_syncs_once_a_second_and_only_if_there_is_something() {
    let mut world = World::new("everysec");
    world.pass(5000);
    world.idle();
    assert_eq!(world.files.next_timeout(world.store.settings(), world.now), None, "nothing to sync");
    world.turn("SET a 1");
    assert!(world.files.synced < world.files.written);
    let due = world.files.next_timeout(world.store.settings(), world.now).expect("a sync is due");
    assert!(due <= world.now.time + SYNC_INTERVAL);
    world.idle();
    world.idle();
    assert_eq!(world.files.synced, world.files.written);
    world.turn("SET a 2");
    world.pass(500);
    world.idle();
    assert!(world.files.synced < world.files.written, "not within a second");
    world.pass(500);
    world.idle();
    world.idle();
    assert_eq!(world.files.synced, world.files.written);
}

#[test]
fn a_slow_sync_holds_writes_back_for_two_seconds_and_no_longer() {
    let mut world = World::new("everysec");
    world.turn("SET a 1");
    // A sync that does not end.
    world.files.syncing.under_way = 1;
    let written = world.files.written;
    for _ in 0..19 {
        assert!(world.turn("INCR a").is_some(), "who writes does not wait");
        world.pass(100);
    }
    assert_eq!(world.files.written, written);
    let Reply::Verbatim { text, .. } = world.run("INFO persistence") else { panic!("INFO is verbatim") };
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("aof_pending_bio_fsync:1") && !text.contains("aof_buffer_length:0\r\n"), "{text}");
    world.pass(200);
    world.turn("INCR a");
    assert!(world.files.written > written && world.files.buffer.is_empty());
    assert_eq!(world.files.syncing.delayed, 1);
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_and_loses_nothing() {
    for fsync in ["always", "everysec"] {
        let mut world = World::new(fsync);
        world.turn("SET a 1");
        // In the middle of a command.
        world.disk.set_room(Some(11));
        let told = world.turn("SET b 2");
        assert_eq!(told.is_some(), fsync == "everysec", "with always, who wrote is told nothing");
        let refused = world.turn("SET c 3").expect("a refusal is told");
        assert_eq!(refused, Reply::error("MISCONF Errors writing to the AOF file: No space left on device"));
        assert_eq!(world.turn("PING"), Some(refused), "Redis refuses it too");
        assert_eq!(world.turn("GET a"), Some(Reply::bulk("1")), "reads go on");
        world.pass(1000);
        world.idle();
        assert!(matches!(world.turn("SET c 3"), Some(Reply::Error(_))));
        world.disk.set_room(None);
        world.pass(1000);
        world.idle();
        assert_eq!(world.turn("SET c 3"), Some(Reply::OK));
        world.files.stop(&mut world.store, world.now);
        let mut again = World::open(&world.disk.after_crash(Survives::Nothing), fsync).unwrap();
        for (key, value) in [("a", "1"), ("b", "2"), ("c", "3")] {
            assert_eq!(again.run(&format!("GET {key}")), Reply::bulk(value), "{fsync}");
        }
    }
}

#[test]
fn after_a_failed_sync_the_log_is_written_anew() {
    for fsync in ["always", "everysec"] {
        let mut world = World::new(fsync);
        world.turn("SET a 1");
        world.pass(1000);
        world.idle();
        world.idle();
        world.disk.set_syncs_fail(true);
        let told = world.turn("SET b 2");
        world.pass(1000);
        (0..3).for_each(|_| world.idle());
        assert_eq!(told.is_some(), fsync == "everysec");
        assert!(matches!(world.turn("SET c 3"), Some(Reply::Error(_))));
        world.disk.set_syncs_fail(false);
        for _ in 0..40 {
            world.pass(200);
            world.idle();
        }
        assert_eq!(world.turn("SET c 3"), Some(Reply::OK), "{fsync}");
        world.files.stop(&mut world.store, world.now);
        let mut again = World::open(&world.disk.after_crash(Survives::Nothing), fsync).unwrap();
        for (key, value) in [("a", "1"), ("b", "2"), ("c", "3")] {
            assert_eq!(again.run(&format!("GET {key}")), Reply::bulk(value), "{fsync}");
        }
    }
}

#[test]
fn a_log_that_has_doubled_is_rewritten_by_itself() {
    let mut world = World::new("no");
    world.store.set_by_owner("auto-aof-rewrite-min-size", "4000");
    for n in 0..200 {
        world.turn(&format!("SET key {n}"));
    }
    let persistence = world.store.persistence_mut();
    assert!(persistence.rewrites >= 1 && persistence.log_bytes < 4200, "{persistence:?}");
    world.store.set_by_owner("auto-aof-rewrite-percentage", "0");
    let before = world.store.persistence_mut().rewrites;
    for n in 0..500 {
        world.turn(&format!("SET key {n}"));
    }
    assert_eq!(world.store.persistence_mut().rewrites, before);
}

#[test]
fn a_rewrite_that_fails_changes_nothing_and_is_tried_again_later() {
    let mut world = World::new("always");
    for n in 0..100 {
        world.turn(&format!("SET key:{n} {}", "x".repeat(100)));
    }
    world.files.rewrite();
    world.files.work(&mut world.store, world.now);
    world.disk.set_room(Some(600));
    for _ in 0..10 {
        world.idle();
    }
    world.disk.set_room(None);
    let persistence = world.store.persistence_mut();
    assert_eq!((persistence.rewrites, persistence.rewrite_failures, persistence.is_rewriting), (0, 1, false));
    assert_eq!(world.turn("SET after 1"), Some(Reply::OK));
    let mut again = World::open(&world.disk.after_crash(Survives::Nothing), "always").unwrap();
    assert_eq!((again.store.keys(0), again.run("GET after")), (101, Reply::bulk("1")));
    world.files.rewrite();
    (0..10).for_each(|_| world.idle());
    let persistence = world.store.persistence_mut();
    assert_eq!((persistence.rewrites, persistence.rewrite_failures), (1, 0));
}

#[test]
fn what_expired_before_the_end_or_meanwhile_is_not_there_again() {
    let mut world = World::new("always");
    world.turn("SET soon 1 PX 100");
    world.turn("SET later 1 PX 10000");
    world.turn("SET kept 1");
    world.pass(150);
    world.store.handle_timeout(world.now.unix_ms, 10);
    world.idle();
    let mut again = World::open(&world.disk.after_crash(Survives::Nothing), "always").unwrap();
    assert_eq!(again.run("OBJECT IDLETIME kept"), Reply::Int(0), "what was loaded counts as used now");
    again.now = world.now;
    again.pass(9900);
    assert_eq!(again.run("MGET soon later kept"), Reply::Array(vec![Reply::Null, Reply::Null, Reply::bulk("1")]));
}

fn opening(files: &[(&str, &str)]) -> Result<World, OpenError> {
    let disk = Simulated::default();
    files.iter().for_each(|(name, text)| put(&disk, name, text.as_bytes()));
    World::open(&disk, "always")
}

const SET: &str = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";

#[test]
fn what_cannot_be_loaded_is_refused_with_its_place_and_a_remedy() {
    let manifest = "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n";
    let (base, incr) = ("appendonly.aof.1.base.aof", "appendonly.aof.1.incr.aof");
    let cut = &SET[..20];
    let garbage = format!("{SET}rubbish");
    for (files, expected) in [
        (vec![(MANIFEST_NAME, manifest), (base, SET)], "appendonly.aof.1.incr.aof is missing"),
        (vec![(MANIFEST_NAME, "nonsense\n")], "restore it from a backup"),
        (vec![(incr, SET)], "holds appendonly.aof.1.incr.aof but no appendonly.aof.manifest"),
        (vec![(MANIFEST_NAME, manifest), (base, "REDIS0011\u{fa}"), (incr, "")], "CONFIG SET aof-use-rdb-preamble no"),
        (vec![(MANIFEST_NAME, manifest), (base, cut), (incr, SET)], "at byte 0, and is not the last file"),
        (vec![(MANIFEST_NAME, manifest), (base, SET), (incr, &garbage)], "bad log at byte 27: a command was expected"),
        (vec![(MANIFEST_NAME, manifest), (base, SET), (incr, &garbage)], "truncate -s 27"),
    ] {
        let error = opening(&files).err().unwrap_or_else(|| panic!("{files:?} was loaded")).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

const MANIFEST_NAME: &str = keeper::MANIFEST;

#[test]
fn a_tail_that_was_cut_off_is_removed_also_before_an_empty_file() {
    let manifest = "file a seq 1 type i\nfile b seq 2 type i\n";
    let cut = format!("{SET}{}", &SET[..9]);
    for files in [vec![("a", SET), ("b", &*cut)], vec![("a", &*cut), ("b", "")]] {
        let mut all = vec![(MANIFEST_NAME, manifest)];
        all.extend(files);
        let mut world = opening(&all).unwrap();
        assert_eq!(world.run("GET a"), Reply::bulk("1"));
        assert_eq!(world.disk.content("a"), SET.as_bytes());
        world.turn("SET b 2");
        assert!(World::open(&world.disk.after_crash(Survives::Nothing), "always").is_ok());
    }
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(Config::default());
    let held = Files::open(folder.path(), &mut store, 1).unwrap();
    let error =
        Files::open(folder.path(), &mut Store::new(Config::default()), 1).err().expect("it is locked").to_string();
    assert!(
        error.contains("is in use by another keywire") && error.contains(&std::process::id().to_string()),
        "{error}"
    );
    drop(held);
    assert!(Files::open(folder.path(), &mut Store::new(Config::default()), 1).is_ok());
}

#[test]
fn the_single_file_of_an_older_redis_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("appendonly.aof"), SET).unwrap();
    for _ in 0..2 {
        let mut store = Store::new(Config::default());
        let (files, found) = Files::open(folder.path(), &mut store, 1).unwrap();
        assert_eq!((found.commands, store.keys(0)), (1, 1));
        assert!(!folder.path().join("appendonly.aof").exists());
        drop(files);
    }
    std::fs::write(folder.path().join("appendonly.aof"), "REDIS0009").unwrap();
    assert!(matches!(Files::open(folder.path(), &mut Store::new(Config::default()), 1), Err(OpenError::Rdb { .. })));
}
