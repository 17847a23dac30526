//! A store and its clients, without sockets: what each is sent, at a time of the test's own.

#![allow(dead_code, reason = "each test file uses what it needs")]

use bytes::Bytes;
use model::Reply;
use store::{ClientId, Config, Output, Peer, Store};

pub struct World {
    pub store: Store,
    pub now_ms: u64,
}

impl World {
    pub fn new() -> World {
        World { store: Store::new(Config::default()), now_ms: 1_000_000 }
    }

    pub fn connect(&mut self) -> ClientId {
        let peer = Peer { address: "127.0.0.1:5000".into(), local_address: "127.0.0.1:6379".into(), fd: 8 };
        self.store.connect(peer, self.now_ms)
    }

    /// What all clients are sent after a command.
    pub fn all(&mut self, client: ClientId, line: &str) -> Vec<Output> {
        let words: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        self.store.handle_command(client, &words, self.now_ms);
        self.outputs()
    }

    /// The first reply, as a text.
    pub fn say(&mut self, client: ClientId, line: &str) -> String {
        let outputs = self.all(client, line);
        let reply = outputs.into_iter().find_map(|output| match output {
            Output::Reply { reply, .. } => Some(reply),
            _ => None,
        });
        match reply {
            Some(Reply::Simple(text) | Reply::Error(text) | Reply::Bulk(text)) => String::from_utf8_lossy(&text).into(),
            other => format!("{other:?}"),
        }
    }

    pub fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.store.drain_outputs(|output| outputs.push(output));
        outputs
    }

    pub fn pass(&mut self, ms: u64) -> Vec<Output> {
        self.now_ms += ms;
        self.store.handle_timeout(self.now_ms, 100);
        self.outputs()
    }
}
