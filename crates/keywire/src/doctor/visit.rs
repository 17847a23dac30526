//! Asks servers. What comes out is what they said, nothing judged; a question that is refused is a fact as well.

use super::acl::{CHANNEL, CLUSTER_NEEDS, KEY, NEEDS, Need, SHARDED_NEEDS};
use backend::RedisConfig;
use backend::redis::Client;
use hdrhistogram::Histogram;
use model::Reply;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use upstream::{Address, Role, Topology};

/// A server that does not answer within this is taken for out of reach.
const PATIENCE: Duration = Duration::from_secs(5);
/// Round trips measured.
const PINGS: usize = 200;
/// Writes whose invalidation is timed.
const PUSHES: usize = 100;

/// What was found.
#[derive(Debug, Default)]
pub struct Facts {
    /// Each Sentinel's answer: where it says the master is.
    pub sentinels: Vec<(Address, Result<Option<Address>, String>)>,
    /// Each server that clients' keys may be on.
    pub servers: Vec<Server>,
    /// Slots that the cluster's map gives to nobody.
    pub unserved_slots: Option<u32>,
}

/// One server.
#[derive(Debug)]
pub struct Server {
    /// Where.
    pub address: Address,
    /// What it said, or why it said nothing.
    pub answer: Result<Answers, String>,
}

/// What a server said.
#[derive(Debug, Default)]
pub struct Answers {
    /// The error that the login got.
    pub refused: Option<String>,
    /// Every `name:value` of `INFO`; empty where it is refused.
    pub info: BTreeMap<String, String>,
    /// What `CONFIG GET` told of the parameters asked for.
    pub config: BTreeMap<String, String>,
    /// Keys, by `DBSIZE`.
    pub keys: Option<u64>,
    /// Needs that were refused, with the server's words.
    pub denied: Vec<(&'static Need, String)>,
    /// A round trip, in microseconds: p50 and p99.
    pub ping_us: Option<(u64, u64)>,
    /// From sending a write to its invalidation, in microseconds: p50 and p99.
    pub push_us: Option<(u64, u64)>,
    /// Why no write was timed.
    pub push_refused: Option<String>,
}

/// Asks all servers of a topology.
pub async fn visit(config: &RedisConfig) -> Facts {
    let mut facts = Facts::default();
    match &config.upstream.topology {
        Topology::Standalone(address) => facts.servers.push(server(config, address).await),
        Topology::Sentinel { sentinels, master } => {
            for address in sentinels {
                let answer = within(ask_sentinel(config, address, master)).await;
                facts.sentinels.push((address.clone(), answer));
            }
            let found = facts.sentinels.iter().find_map(|(_, answer)| answer.clone().ok().flatten());
            if let Some(address) = found {
                facts.servers.push(server(config, &address).await);
            }
        }
        Topology::Cluster { seeds } => {
            let mut refusal = None;
            for seed in seeds {
                match within(primaries(config, seed)).await {
                    Ok((primaries, served)) => {
                        facts.unserved_slots = Some(SLOTS - served);
                        for address in primaries {
                            facts.servers.push(server(config, &address).await);
                        }
                        return facts;
                    }
                    Err(error) => refusal = Some((seed.clone(), error)),
                }
            }
            // What a seed says of itself tells why it gave no map.
            if let Some((seed, _)) = refusal {
                facts.servers.push(server(config, &seed).await);
            }
        }
    }
    facts
}

/// Slots of a cluster.
const SLOTS: u32 = 16384;

async fn within<T>(asking: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s; is it Redis, and does it speak TLS or not?", PATIENCE.as_secs())),
    }
}

async fn login(config: &RedisConfig, address: &Address, role: Role) -> std::io::Result<(Client, Reply)> {
    let source = match role {
        Role::Sentinel => &config.sentinel_credentials,
        _ => &config.credentials,
    };
    let credentials = source.load().await?;
    let mut client = Client::connect(address, config.tls.as_ref()).await?;
    let hello = client.hello(credentials.as_ref()).await?;
    Ok((client, hello))
}

async fn ask_sentinel(config: &RedisConfig, address: &Address, master: &str) -> std::io::Result<Option<Address>> {
    let (mut client, hello) = login(config, address, Role::Sentinel).await?;
    if let Reply::Error(text) = hello {
        return Err(std::io::Error::other(String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(match client.call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]).await? {
        Reply::Array(parts) => match &parts[..] {
            [host, port] => tcp(host, port),
            _ => None,
        },
        Reply::Error(text) => return Err(std::io::Error::other(String::from_utf8_lossy(&text).into_owned())),
        _ => None,
    })
}

/// The primaries of the cluster's map, and how many slots they serve.
async fn primaries(config: &RedisConfig, seed: &Address) -> std::io::Result<(Vec<Address>, u32)> {
    let (mut client, _) = login(config, seed, Role::Map).await?;
    let Reply::Array(ranges) = client.call(&["CLUSTER", "SLOTS"]).await? else {
        return Err(std::io::Error::other("it gives no slot map"));
    };
    let (mut found, mut served) = (Vec::new(), 0);
    for range in &ranges {
        let Reply::Array(parts) = range else { continue };
        let [Reply::Int(first), Reply::Int(last), Reply::Array(primary), ..] = &parts[..] else { continue };
        served += u32::try_from(last - first + 1).unwrap_or(0);
        let address = match (&primary[..], seed) {
            ([Reply::Null, Reply::Int(port), ..], Address::Tcp { host, .. }) => {
                Some(Address::Tcp { host: host.clone(), port: u16::try_from(*port).unwrap_or(0) })
            }
            ([host, port, ..], _) => tcp(host, port),
            _ => None,
        };
        found.extend(address.filter(|address| !found.contains(address)));
    }
    Ok((found, served))
}

fn tcp(host: &Reply, port: &Reply) -> Option<Address> {
    let port = match port {
        Reply::Int(port) => u16::try_from(*port).ok()?,
        other => text(other)?.parse().ok()?,
    };
    Some(Address::Tcp { host: text(host)?, port })
}

fn text(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim { text: bytes, .. } => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    }
}

async fn server(config: &RedisConfig, address: &Address) -> Server {
    let asking = async {
        // Each part has its own patience: a slow server is measured, not given up.
        let (mut client, hello) = login(config, address, Role::Commands).await?;
        let mut answers = Answers::default();
        if let Reply::Error(text) = hello {
            answers.refused = Some(String::from_utf8_lossy(&text).into_owned());
        }
        std::io::Result::Ok((client_ready(&mut client, config, &answers).await?.then_some(client), answers))
    };
    let answer = match within(asking).await {
        Ok((Some(mut client), mut answers)) => {
            let is_cluster = matches!(config.upstream.topology, Topology::Cluster { .. });
            match examine(config, address, &mut client, is_cluster, &mut answers).await {
                Ok(()) => Ok(answers),
                Err(error) => Err(error),
            }
        }
        Ok((None, answers)) => Ok(answers),
        Err(error) => Err(error),
    };
    Server { address: address.clone(), answer }
}

/// Whether there is anything to ask: the login worked and the database is there.
async fn client_ready(client: &mut Client, config: &RedisConfig, answers: &Answers) -> std::io::Result<bool> {
    if answers.refused.is_some() {
        return Ok(false);
    }
    if config.upstream.database != 0 {
        client.call(&["SELECT", &config.upstream.database.to_string()]).await?;
    }
    Ok(true)
}

async fn examine(
    config: &RedisConfig,
    address: &Address,
    client: &mut Client,
    is_cluster: bool,
    answers: &mut Answers,
) -> Result<(), String> {
    within(ask_about_itself(client, answers)).await?;
    let name = format!("keywire:doctor:{:08x}", fastrand::u32(..));
    let sharded = if config.upstream.sharded_pubsub { SHARDED_NEEDS } else { &[] };
    let cluster = if is_cluster { CLUSTER_NEEDS } else { &[] };
    let needs: Vec<&'static Need> = NEEDS.iter().chain(cluster).chain(sharded).collect();
    // A key of another node's slot is answered MOVED, which is as good a permission.
    within(try_needs(client, &needs, &name, answers)).await?;
    answers.ping_us = within(time_pings(client)).await.ok();
    let other = within(login(config, address, Role::Commands)).await?;
    let (mut writer, _) = other;
    within(client_ready(&mut writer, config, answers)).await?;
    match within(time_pushes(client, &mut writer, &name)).await {
        Ok(times) => answers.push_us = Some(times),
        Err(error) => answers.push_refused = Some(error),
    }
    Ok(())
}

async fn ask_about_itself(client: &mut Client, answers: &mut Answers) -> std::io::Result<()> {
    if let Some(info) = text(&client.call(&["INFO"]).await?) {
        let lines = info.lines().filter_map(|line| line.split_once(':'));
        answers.info = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    }
    for parameter in [
        "tracking-table-max-keys",
        "client-output-buffer-limit",
        "maxclients",
        "timeout",
        "notify-keyspace-events",
        "maxmemory-clients",
    ] {
        let found = match client.call(&["CONFIG", "GET", parameter]).await? {
            Reply::Map(pairs) => pairs.first().and_then(|(_, value)| text(value)),
            _ => None,
        };
        answers.config.extend(found.map(|value| (parameter.to_owned(), value)));
    }
    if let Reply::Int(keys) = client.call(&["DBSIZE"]).await? {
        answers.keys = u64::try_from(keys).ok();
    }
    Ok(())
}

async fn try_needs(
    client: &mut Client,
    needs: &[&'static Need],
    name: &str,
    answers: &mut Answers,
) -> std::io::Result<()> {
    for need in needs {
        let words: Vec<&str> =
            need.command.iter().map(|word| if [KEY, CHANNEL].contains(word) { name } else { *word }).collect();
        let answers_by_push = need.command[0].ends_with("SUBSCRIBE");
        let error = if answers_by_push {
            client.send(&words).await?;
            match client.next_push().await {
                Ok(_) => None,
                Err(error) if error.to_string().starts_with(|c: char| c.is_ascii_uppercase()) => {
                    Some(error.to_string())
                }
                Err(error) => return Err(error),
            }
        } else {
            client.call(&words).await?.as_error().map(|error| error.to_string())
        };
        let is_denied = |text: &String| {
            text.starts_with("NOPERM") || text.contains("unknown command") || text.contains("unknown subcommand")
        };
        if let Some(text) = error.filter(is_denied) {
            answers.denied.push((need, text));
        }
    }
    Ok(())
}

async fn time_pings(client: &mut Client) -> std::io::Result<(u64, u64)> {
    let mut times = histogram();
    for _ in 0..PINGS {
        let begun = Instant::now();
        client.call(&["PING"]).await?;
        times.saturating_record(micros(begun));
    }
    Ok(percentiles(&times))
}

/// Times writes of one connection until the other is told. The key goes away afterwards.
async fn time_pushes(reader: &mut Client, writer: &mut Client, key: &str) -> std::io::Result<(u64, u64)> {
    fail(reader.call(&["CLIENT", "TRACKING", "ON"]).await?)?;
    let key = &own_key(reader, key).await?;
    let mut times = histogram();
    let mut timed = Ok(());
    for n in 0..PUSHES {
        timed = time_push(reader, writer, key, n, &mut times).await;
        if timed.is_err() {
            break;
        }
    }
    writer.call(&["DEL", key]).await?;
    timed.map(|()| percentiles(&times))
}

/// A name like this one whose slot this node serves.
async fn own_key(reader: &mut Client, name: &str) -> std::io::Result<String> {
    /// One of so many names falls on a node that serves a hundredth of the slots, almost surely.
    const NAMES_MAX: usize = 1000;
    for n in 0..NAMES_MAX {
        let key = format!("{name}:{n}");
        let moved = reader.call(&["GET", &key]).await?.as_error().is_some_and(|e| e.code == "MOVED" || e.code == "ASK");
        if !moved {
            return Ok(key);
        }
    }
    Err(std::io::Error::other("no key falls on this node"))
}

async fn time_push(
    reader: &mut Client,
    writer: &mut Client,
    key: &str,
    n: usize,
    times: &mut Histogram<u64>,
) -> std::io::Result<()> {
    fail(reader.call(&["GET", key]).await?)?;
    let begun = Instant::now();
    // Should the doctor be killed, the key goes away by itself.
    fail(writer.call(&["SET", key, &n.to_string(), "EX", "60"]).await?)?;
    loop {
        if reader.next_push().await?.first() == Some(&Reply::bulk("invalidate")) {
            times.saturating_record(micros(begun));
            return Ok(());
        }
    }
}

fn fail(reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Error(text) => Err(std::io::Error::other(String::from_utf8_lossy(&text).into_owned())),
        _ => Ok(()),
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are a precision it takes")
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn percentiles(times: &Histogram<u64>) -> (u64, u64) {
    (times.value_at_quantile(0.5), times.value_at_quantile(0.99))
}
