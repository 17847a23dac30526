//! A small Redis: strings with expiry, channels, the tracking table with its one-shot pushes, several connections. It does
//! one command of one connection at a time, when it is told to.

use crate::LinkId;
use crate::interface::Role;
use bytes::Bytes;
use model::reply::Frame;
use model::{Args, Reply};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Clone, Debug, Default)]
pub struct Double {
    pub keys: BTreeMap<String, String>,
    pub ttl_ms: BTreeMap<String, i64>,
    pub conns: BTreeMap<LinkId, Conn>,
    pub tracked: BTreeMap<String, BTreeSet<LinkId>>,
    /// Every text published, in order.
    pub published: Vec<(String, String)>,
    /// Planted faults.
    pub noloop: bool,
    pub loses_null_pushes: bool,
    /// Answers instead of the keyed commands' own.
    pub error: Option<String>,
    /// In a cluster: which of the servers owns all slots, which one this is, and the map's epoch.
    pub cluster: Option<(u16, u16, u32)>,
    /// At most so many keys are tracked; 0: any number.
    pub table_max: usize,
}

#[derive(Clone, Debug)]
pub struct Conn {
    pub role: Role,
    /// Commands that arrived and are not done.
    pub inbox: VecDeque<Args>,
    /// Frames on their way to the machine.
    pub outbox: VecDeque<Frame>,
    tracking: bool,
    channels: BTreeSet<String>,
    queued: Option<Vec<Args>>,
}

pub fn words(command: &[Bytes]) -> Vec<String> {
    command.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

impl Double {
    pub fn accept(&mut self, link: LinkId, role: Role) {
        let conn = Conn {
            role,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            tracking: false,
            channels: BTreeSet::new(),
            queued: None,
        };
        self.conns.insert(link, conn);
    }

    /// The connection ends; what it was sent and has not done is lost.
    pub fn hang_up(&mut self, link: LinkId) {
        self.conns.remove(&link);
        self.tracked.values_mut().for_each(|links| links.retain(|known| *known != link));
    }

    pub fn send(&mut self, link: LinkId, command: Args) {
        if let Some(conn) = self.conns.get_mut(&link) {
            conn.inbox.push_back(command);
        }
    }

    /// Does the connection's next command.
    pub fn step(&mut self, link: LinkId) {
        let Some(command) = self.conns.get_mut(&link).and_then(|conn| conn.inbox.pop_front()) else { return };
        let line = words(&command);
        let verb = line[0].to_uppercase();
        let conn = self.conns.get_mut(&link).unwrap();
        match (&*verb, &mut conn.queued) {
            ("MULTI", _) => {
                conn.queued = Some(Vec::new());
                return self.reply(link, Reply::OK);
            }
            ("EXEC", queued) => {
                let commands = queued.take().unwrap();
                let (mut replies, mut changed) = (Vec::new(), Vec::new());
                for command in commands {
                    let (reply, keys) = self.run(link, &words(&command));
                    replies.push(reply.unwrap());
                    changed.extend(keys);
                }
                self.reply(link, Reply::Array(replies));
                return self.changed(link, changed);
            }
            (_, Some(queued)) => {
                queued.push(command);
                return self.reply(link, Reply::Simple("QUEUED".into()));
            }
            _ => {}
        }
        let (reply, changed) = self.run(link, &line);
        if let Some(reply) = reply {
            self.reply(link, reply);
        }
        self.changed(link, changed);
    }

    /// Its keys go to another server: who tracks them is told, who tracks what is missing is not.
    pub fn migrate(&mut self, to: &mut Double) {
        let keys = std::mem::take(&mut self.keys);
        self.changed(LinkId(0), keys.keys().cloned().map(Some).collect());
        to.keys.extend(keys);
    }

    /// Someone who is not the gateway writes.
    pub fn write(&mut self, line: &str) {
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (_, changed) = self.run(LinkId(0), &line);
        self.changed(LinkId(0), changed);
    }

    fn run(&mut self, link: LinkId, line: &[String]) -> (Option<Reply>, Vec<Option<String>>) {
        let arg = |at: usize| line.get(at).cloned().unwrap_or_default();
        let key = arg(1);
        let keyed = matches!(&*line[0].to_uppercase(), "GET" | "SET" | "PTTL" | "MGET" | "STRLEN");
        if let Some(error) = self.error.clone().filter(|_| keyed) {
            return (Some(Reply::error(error)), vec![]);
        }
        if let Some((owner, this, _)) = self.cluster.filter(|(owner, this, _)| keyed && owner != this) {
            assert_ne!(owner, this);
            return (Some(Reply::error(format!("MOVED {} n:{owner}", model::slot::slot(key.as_bytes())))), vec![]);
        }
        let reply = match &*line[0].to_uppercase() {
            "HELLO" => {
                let pair = |name: &str, value: &str| (Reply::bulk(name), Reply::bulk(value));
                Reply::Map(vec![pair("server", "redis"), pair("version", "7.0.15")])
            }
            "CLIENT" if arg(1) == "TRACKING" => {
                self.conns.get_mut(&link).unwrap().tracking = true;
                Reply::OK
            }
            "CLIENT" => Reply::Map(vec![(Reply::bulk("flags"), Reply::Set(vec![Reply::bulk("on")]))]),
            "ROLE" => Reply::Array(vec![Reply::bulk("master"), Reply::Int(0), Reply::Array(vec![])]),
            "PING" => Reply::Simple("PONG".into()),
            "GET" => {
                self.track(link, &key);
                self.keys.get(&key).map_or(Reply::Null, Reply::bulk)
            }
            "STRLEN" => {
                self.track(link, &key);
                Reply::Int(self.keys.get(&key).map_or(0, String::len) as i64)
            }
            "PTTL" => {
                self.track(link, &key);
                Reply::Int(self.ttl_ms.get(&key).copied().unwrap_or(-1))
            }
            "SET" => {
                self.keys.insert(key.clone(), arg(2));
                return (Some(Reply::OK), vec![Some(key)]);
            }
            "FLUSHALL" => {
                self.keys.clear();
                return (Some(Reply::OK), vec![None]);
            }
            "SUBSCRIBE" => {
                self.conns.get_mut(&link).unwrap().channels.insert(key.clone());
                self.push(link, vec![Reply::bulk("subscribe"), Reply::bulk(&key), Reply::Int(1)]);
                return (None, vec![]);
            }
            "UNSUBSCRIBE" => {
                self.conns.get_mut(&link).unwrap().channels.remove(&key);
                self.push(link, vec![Reply::bulk("unsubscribe"), Reply::bulk(&key), Reply::Int(0)]);
                return (None, vec![]);
            }
            "PUBLISH" => {
                self.published.push((key.clone(), arg(2)));
                let hears = |conn: &&mut Conn| conn.channels.contains(&key);
                let message = ["message", &key, &arg(2)].map(Reply::bulk).to_vec();
                let conns = self.conns.values_mut().filter(hears);
                conns.for_each(|conn| conn.outbox.push_back(Frame::Push(message.clone())));
                Reply::Int(1)
            }
            "CLUSTER" if arg(1) == "INFO" => {
                let epoch = self.cluster.map_or(0, |(_, _, epoch)| epoch);
                Reply::bulk(format!("cluster_state:ok\r\ncluster_current_epoch:{epoch}\r\n"))
            }
            "CLUSTER" => {
                let owner = self.cluster.map_or(0, |(owner, _, _)| owner);
                let primary = Reply::Array(vec![Reply::bulk("n"), Reply::Int(owner.into())]);
                Reply::Array(vec![Reply::Array(vec![Reply::Int(0), Reply::Int(16383), primary])])
            }
            "CONFIG" => Reply::Map(vec![(Reply::bulk(arg(2)), Reply::bulk(self.table_max.to_string()))]),
            "INFO" => Reply::bulk(format!("# Stats\r\ntracking_total_keys:{}\r\n", self.tracked_count())),
            other => Reply::error(format!("ERR unknown command '{other}'")),
        };
        (Some(reply), vec![])
    }

    fn tracked_count(&self) -> usize {
        self.tracked.values().filter(|links| !links.is_empty()).count()
    }

    fn track(&mut self, link: LinkId, key: &str) {
        if !self.conns.get(&link).is_some_and(|conn| conn.tracking) {
            return;
        }
        self.tracked.entry(key.to_owned()).or_default().insert(link);
        if self.table_max > 0 && self.tracked_count() > self.table_max {
            let is_other = |(name, links): &(&String, &BTreeSet<LinkId>)| *name != key && !links.is_empty();
            let victim = self.tracked.iter().find(is_other).map(|(name, _)| name.clone()).unwrap();
            self.changed(LinkId(0), vec![Some(victim)]);
        }
    }

    /// Tells who tracks; none: of everything.
    fn changed(&mut self, by: LinkId, keys: Vec<Option<String>>) {
        let (noloop, loses_null_pushes) = (self.noloop && by != LinkId(0), self.loses_null_pushes);
        for key in keys {
            let Some(key) = key else {
                self.tracked.clear();
                let links: Vec<LinkId> = self.conns.iter().filter(|(_, c)| c.tracking).map(|(id, _)| *id).collect();
                for link in links.into_iter().filter(|_| !loses_null_pushes) {
                    self.push(link, vec![Reply::bulk("invalidate"), Reply::Null]);
                }
                continue;
            };
            let links = self.tracked.remove(&key).unwrap_or_default();
            // As NOLOOP does: who writes through the gateway is not told, and the key leaves the table.
            for link in links.into_iter().filter(|_| !noloop) {
                self.push(link, vec![Reply::bulk("invalidate"), Reply::Array(vec![Reply::bulk(&key)])]);
            }
        }
    }

    fn push(&mut self, link: LinkId, push: Vec<Reply>) {
        if let Some(conn) = self.conns.get_mut(&link) {
            conn.outbox.push_back(Frame::Push(push));
        }
    }

    fn reply(&mut self, link: LinkId, reply: Reply) {
        if let Some(conn) = self.conns.get_mut(&link) {
            conn.outbox.push_back(Frame::Reply(reply));
        }
    }
}
