//! `POST /command`: connections that carry out one pipeline and are gone, as `crates/doors` drives them.
//!
//! Replies carry no id, so they must come in the order of the commands.

use crate::checks::Check;
use crate::world::{Job, World};
use lane::Event;
use model::{ConnId, Format, LaneId, Request, Time, Verb};
use std::collections::VecDeque;

/// One pipeline that waits for replies.
pub struct Post {
    lane: LaneId,
    conn: ConnId,
    /// What each command, in order, is answered with.
    expected: VecDeque<String>,
}

impl World {
    /// A program posts a few commands to a lane.
    pub fn post_commands(&mut self) {
        if self.is_settling {
            return;
        }
        let open = self.plan.lanes - u16::from(self.plan.restricted_lane.is_some());
        let lane = LaneId(self.rng.u16(0..open));
        let shell = &mut self.shells[usize::from(lane.0)];
        let conn = shell.lane.connect(Format::Http, self.now);
        self.next_socket += 1;
        let id = self.next_socket;
        shell.sockets.insert(conn, id);
        let expected: VecDeque<String> = (0..self.rng.u64(1..5)).map(|n| format!("post {id}.{n}")).collect();
        for (at, text) in (0..).zip(&expected) {
            let command = ["ECHO", text].map(|word| bytes::Bytes::copy_from_slice(word.as_bytes())).into();
            let request = Request { id: Some(at), verb: Verb::Command(command) };
            self.tell_lane(lane, Event::Request { conn, request });
        }
        self.posts.insert(id, Post { lane, conn, expected });
        let next = Time(self.now.0 + self.rng.u64(5000..200_000));
        self.post(next, Job::Post);
    }

    /// Takes the replies that are there. Returns whether this is a connection of this kind.
    pub fn take_replies(&mut self, id: u64) -> bool {
        let Some(post) = self.posts.get_mut(&id) else { return false };
        while let Some(reply) = self.shells[usize::from(post.lane.0)].lane.take(post.conn) {
            let text = String::from_utf8_lossy(&reply).into_owned();
            let expected = post.expected.pop_front();
            let is_answer = expected.as_ref().is_some_and(|expected| text == format!("{{\"result\":\"{expected}\"}}"));
            // A rate that is exceeded and a backend that is out of reach are said.
            let is_refused = text.contains("\"UNAVAILABLE\"") || text.contains("\"TOOMANY\"");
            self.checks.require(is_answer || is_refused, Check::Answers, || format!("{expected:?} was posted: {text}"));
        }
        if post.expected.is_empty() {
            self.checks.count("posts answered", 1);
            self.end_post(id);
        }
        true
    }

    /// The pipeline is over: it was answered, or the lane closed the connection, which the door answers with an error.
    pub fn end_post(&mut self, id: u64) {
        let Some(Post { lane, conn, .. }) = self.posts.remove(&id) else { return };
        self.shells[usize::from(lane.0)].sockets.remove(&conn);
        self.tell_lane(lane, Event::Disconnected { conn });
    }

    /// Every pipeline was answered.
    pub fn check_posts(&mut self) {
        for (id, post) in &self.posts {
            self.checks.broken(Check::Answers, format!("post {id} still waits for {:?}", post.expected));
        }
    }
}
