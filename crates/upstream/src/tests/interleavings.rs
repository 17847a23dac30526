//! Every interleaving of small worlds, and the faults that they must find.

use super::double::Double;
use super::world::Act::{Command, Cut, Forget, Move, Subscribe, Unsubscribe, Watch, Write};
use super::world::{Act, Fault, Small};
use crate::interface::Role;
use explore::{explore, walk};

#[track_caller]
fn check(actors: Vec<Vec<Act>>) {
    match explore(Small::new(Fault::None, actors)) {
        Ok(states) => println!("{states} states"),
        Err(wrong) => panic!("{wrong}"),
    }
}

#[track_caller]
fn finds(fault: Fault, actors: Vec<Vec<Act>>) {
    let found = explore(Small::new(fault, actors));
    assert!(found.is_err(), "{fault:?} is not found in {found:?} states");
}

fn written_while_read() -> Vec<Vec<Act>> {
    vec![vec![Watch(0, "k")], vec![Write("SET k 1"), Write("SET k 2"), Write("SET k 3")]]
}

#[test]
fn a_key_that_is_written_while_it_is_read() {
    check(written_while_read());
    finds(Fault::ArmAtSend, written_while_read());
}

fn cut_while_read() -> Vec<Vec<Act>> {
    vec![vec![Watch(0, "k")], vec![Write("SET k 1"), Write("SET k 2")], vec![Cut(Role::Tracking), Cut(Role::Tracking)]]
}

#[test]
fn a_connection_that_is_cut_while_it_reads() {
    check(cut_while_read());
    finds(Fault::NoReread, cut_while_read());
}

fn two_lanes() -> Vec<Vec<Act>> {
    vec![vec![Watch(0, "k")], vec![Watch(1, "k")], vec![Write("SET k 1"), Write("SET k 2")]]
}

#[test]
fn two_lanes_of_one_key() {
    check(two_lanes());
    finds(Fault::OneLane, two_lanes());
    check(vec![vec![Watch(0, "k"), Forget(0, "k")], vec![Watch(1, "k")], vec![Write("SET k 1"), Write("SET k 2")]]);
    check(vec![vec![Watch(0, "k"), Forget(0, "k"), Watch(0, "k")], vec![Write("SET k 1"), Write("SET k 2")]]);
}

fn flushed() -> Vec<Vec<Act>> {
    vec![vec![Watch(0, "k")], vec![Write("SET k 1"), Write("FLUSHALL")]]
}

#[test]
fn everything_is_flushed_while_it_is_read() {
    check(flushed());
    let server = Double { loses_null_pushes: true, ..Double::default() };
    assert!(explore(Small::with(server, Fault::None, flushed())).is_err(), "a null push that is not told is not found");
}

fn written_by_a_client() -> Vec<Vec<Act>> {
    vec![vec![Watch(0, "k")], vec![Command(0, "SET k 1")], vec![Write("SET k 2")]]
}

#[test]
fn a_key_that_the_gateways_own_clients_write() {
    check(written_by_a_client());
    let server = Double { noloop: true, ..Double::default() };
    assert!(explore(Small::with(server, Fault::None, written_by_a_client())).is_err(), "NOLOOP is not found");
}

fn commands_cut() -> Vec<Vec<Act>> {
    vec![
        vec![Command(0, "SET k 1"), Command(0, "MULTI SET k 2; SET j 1"), Command(0, "GET k")],
        vec![Command(1, "SET k 3")],
        vec![Cut(Role::Commands)],
    ]
}

#[test]
fn commands_whose_connection_is_cut_are_answered_once() {
    check(commands_cut());
    finds(Fault::NoUnavailable, commands_cut());
}

fn channel_cut() -> Vec<Vec<Act>> {
    vec![
        vec![Subscribe(0, "c"), Unsubscribe(0, "c"), Subscribe(0, "c")],
        vec![Write("PUBLISH c 1"), Write("PUBLISH c 2")],
        vec![Cut(Role::PubSub)],
    ]
}

#[test]
fn a_channel_whose_connection_is_cut_loses_nothing_silently() {
    check(channel_cut());
    finds(Fault::NoInterrupted, channel_cut());
    check(vec![
        vec![Subscribe(0, "c"), Subscribe(0, "d")],
        vec![Subscribe(1, "c")],
        vec![Write("PUBLISH c 1"), Write("PUBLISH d 1")],
        vec![Cut(Role::PubSub)],
    ]);
}

fn moved_while_read() -> Vec<Vec<Act>> {
    vec![vec![Watch(0, "k")], vec![Move, Write("SET k 1")]]
}

#[test]
fn a_key_that_was_missing_when_its_slot_moved() {
    for actors in [
        moved_while_read(),
        vec![vec![Watch(0, "k"), Forget(0, "k"), Watch(1, "k")], vec![Write("SET k 1"), Move]],
        vec![vec![Watch(0, "k")], vec![Move, Write("SET k 1")], vec![Cut(Role::Tracking)]],
        vec![vec![Command(0, "SET k 1"), Command(0, "MULTI SET k 2; GET k")], vec![Move]],
    ] {
        match explore(Small::cluster(Fault::None, actors)) {
            Ok(states) => println!("{states} states"),
            Err(wrong) => panic!("{wrong}"),
        }
    }
    let found = explore(Small::cluster(Fault::NoMoved, moved_while_read()));
    assert!(found.is_err(), "not found in {found:?} states");
}

/// Larger worlds, of which chance picks some ways.
#[test]
fn larger_worlds_by_chance() {
    let actors = || {
        vec![
            vec![Watch(0, "a"), Watch(0, "b"), Forget(0, "a"), Watch(0, "a"), Command(0, "SET a 9")],
            vec![Watch(1, "a"), Command(1, "MULTI SET a 7; SET b 7"), Forget(1, "a"), Watch(1, "b")],
            vec![Write("SET a 1"), Write("SET b 1"), Write("FLUSHALL"), Write("SET a 2"), Write("SET b 2")],
        ]
    };
    let standalone = || {
        let mut all = actors();
        all.push(vec![Cut(Role::Tracking), Cut(Role::Commands), Cut(Role::PubSub), Cut(Role::Tracking)]);
        all.push(vec![Subscribe(0, "c"), Subscribe(1, "c"), Unsubscribe(0, "c"), Subscribe(0, "c"), Subscribe(0, "d")]);
        all.push(vec![Write("PUBLISH c 1"), Write("PUBLISH d 1"), Write("PUBLISH c 2"), Write("PUBLISH d 2")]);
        all
    };
    let cluster = || {
        let mut all = actors();
        all.push(vec![Cut(Role::Tracking), Move, Cut(Role::Commands), Move, Cut(Role::Tracking)]);
        all
    };
    for seed in 0..300 {
        for world in [Small::new(Fault::None, standalone()), Small::cluster(Fault::None, cluster())] {
            walk(world, seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        }
    }
    let is_found = |fault| (0..300).any(|seed| walk(Small::new(fault, standalone()), seed).is_err());
    for fault in [Fault::ArmAtSend, Fault::NoReread, Fault::NoInterrupted, Fault::OneLane, Fault::NoUnavailable] {
        assert!(is_found(fault), "{fault:?}");
    }
}
