//! From settings to a running server: the only place that knows all parts by name.

use crate::auth;
use crate::banner::Banner;
use crate::demo;
use crate::redis;
use crate::resp;
use crate::settings::Settings;
use anyhow::Context;
use backend::{Embedded, Redis};
use doors::Listener;
use lane::Setup;
use model::command::CommandTable;
use runtime::{Lanes, Node, NodeConfig};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What a lane's mailbox takes before its senders keep their letters.
const MAILBOX_BYTES_MAX: usize = 4 << 20;
/// How long clients get to take their close frames when the server ends.
const GOODBYE: Duration = Duration::from_millis(500);

/// Serves until a signal says to end.
///
/// # Errors
/// An address that cannot be listened on, or an operating system that gives no threads.
pub fn serve(settings: &Settings, demo: bool) -> anyhow::Result<()> {
    raise_open_files();
    let listeners: Vec<Listener> = settings.listen.iter().map(|address| bind(*address)).collect::<Result<_, _>>()?;
    let listening: Vec<SocketAddr> = listeners.iter().map(Listener::address).collect();
    let resp_listeners = resp::bind(settings, demo)?;
    let resp_listening: Vec<SocketAddr> = resp_listeners.iter().map(Listener::address).collect();
    let node = start_node(settings, &resp_listening)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the event loop")?;
    let gate = {
        let _entered = runtime.enter();
        auth::open(settings)?
    };
    let doors = Arc::new(doors::Config {
        prefix: settings.prefix.clone(),
        origins: settings.origins.clone(),
        limits: settings.limits.clone(),
        demo,
        gate,
    });
    let ended = runtime.block_on(async {
        if !settings.auth.revoked_key.is_empty() {
            auth::watch_revoked(&node.lanes(), &settings.auth.revoked_key);
        }
        let accepting: Vec<_> =
            listeners.into_iter().map(|l| tokio::spawn(l.run(node.lanes(), doors.clone()))).collect();
        if !resp_listeners.is_empty() {
            doors::serve_resp(resp_listeners, &node.lanes(), resp::config(settings));
        }
        if demo {
            demo::start(&node.lanes());
        }
        print_banner(settings, &listening, &resp_listening, demo);
        let lanes = node.lanes();
        let signal = tokio::select! {
            signal = ended() => signal,
            () = lanes.end_wanted() => Ok("SHUTDOWN"),
        };
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        say_goodbye(&node.lanes()).await;
        signal
    });
    node.stop();
    tracing::info!(signal = ended?, "stopped");
    Ok(())
}

/// Says what is wrong with settings that only the modules behind them understand.
pub fn check(settings: &Settings) -> Vec<(&'static str, String)> {
    let table = CommandTable::redis();
    let anonymous = lane::parse_anonymous(&settings.anonymous_rules(), &table).err();
    let deny = lane::parse_deny(&settings.deny_commands, &table).err();
    let named = |name, error: Option<_>| error.map(|e: lane::RuleError| (name, e.to_string()));
    let rules = named("anonymous", anonymous).into_iter().chain(named("deny_commands", deny));
    rules.chain(redis::check(settings)).chain(auth::check(settings)).collect()
}

/// Serves `keywire echo` until a signal says to end.
///
/// # Errors
/// An address that cannot be listened on.
pub fn echo(address: SocketAddr) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    println!("echo on ws://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default())?;
    runtime.block_on(async {
        tokio::select! {
            result = doors::echo::run(listener) => result.context("cannot accept"),
            signal = ended() => signal.map(drop).context("signals"),
        }
    })
}

fn bind(address: SocketAddr) -> anyhow::Result<Listener> {
    doors::bind(address).with_context(|| format!("cannot listen on {address}"))
}

fn start_node(settings: &Settings, resp: &[SocketAddr]) -> anyhow::Result<Node> {
    let lanes = u16::try_from(settings.lanes).context("lanes")?;
    let (anonymous, deny) = (settings.anonymous_rules(), &settings.deny_commands);
    let table = CommandTable::redis();
    let setup = Setup::new(lanes, &settings.node, settings.limits.clone(), table, &anonymous, deny)?;
    let queries = auth::queries(settings).map_err(|wrong| anyhow::anyhow!("queries: {}", wrong[0].1))?;
    let awaits_revoked = settings.auth.is_configured() && !settings.auth.revoked_key.is_empty();
    let setup = setup.with_queries(queries).with_tokens(settings.auth.takes_tokens(), awaits_revoked);
    let redis = redis::config(settings)?;
    let embedded = if redis.is_some() { None } else { Some(store(settings, lanes, resp)?) };
    let backend = move || match (redis, embedded) {
        (Some(config), _) => Box::new(Redis::new(config)) as Box<dyn runtime::Backend>,
        (None, embedded) => Box::new(embedded.expect("there is the embedded store where there is no Redis")),
    };
    runtime::start(NodeConfig { setup, mailbox_bytes_max: MAILBOX_BYTES_MAX, backend }).context("the lanes' threads")
}

/// The embedded store, with what its directory holds.
fn store(settings: &Settings, lanes: u16, resp: &[SocketAddr]) -> anyhow::Result<Embedded> {
    let mut embedded = Embedded::new(fastrand::u64(..), lanes);
    let redis_settings = resp::redis_settings(settings, resp)?;
    embedded.set(redis_settings.iter().map(|(name, value)| (*name, value.as_str())));
    match &settings.store.data {
        Some(data) => embedded.open(data)?,
        None => tracing::info!(
            "nothing is kept: the store is in memory only, and is gone when this ends; --data DIR keeps it"
        ),
    }
    Ok(embedded)
}

/// Every client is a file: takes as many as this process may have.
fn raise_open_files() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

fn print_banner(settings: &Settings, listening: &[SocketAddr], resp: &[SocketAddr], demo: bool) {
    let kept = match &settings.store.data {
        _ if !settings.servers.redis.is_empty() => None,
        Some(data) => Some(format!("{} (fsync {})", data.display(), settings.store.fsync)),
        None => Some("nothing is kept: in memory only; --data DIR keeps it".to_owned()),
    };
    let banner = Banner {
        listening,
        resp,
        prefix: &settings.prefix,
        node: &settings.node,
        lanes: settings.lanes,
        backend: &redis::backend_name(settings),
        kept: kept.as_deref(),
        demo,
        anonymous: &settings.anonymous_rules(),
    };
    let mut out = std::io::stdout().lock();
    // A closed standard output is no reason not to serve.
    let _ = out.write_all(banner.text(out.is_terminal()).as_bytes()).and_then(|()| out.flush());
}

/// Waits for a signal to end, and names it.
async fn ended() -> std::io::Result<&'static str> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => Ok("SIGINT"),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

/// Tells every client that the server goes (close code 1001), and gives them a moment to take it.
async fn say_goodbye(lanes: &Lanes) {
    lanes.drain().await;
    let deadline = tokio::time::Instant::now() + GOODBYE;
    while lanes.connections() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
