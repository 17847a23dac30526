//! From settings to a running server: the only place that knows all parts by name.

use crate::auth;
use crate::banner::Banner;
use crate::demo;
use crate::logs;
use crate::redis;
use crate::reload::Reloader;
use crate::resp;
use crate::settings::{Deflate, Drain, Settings, Sources};
use anyhow::Context;
use backend::{Embedded, Redis};
use doors::{Admin, Doors, Endpoint, Listener, TlsFiles};
use lane::Setup;
use model::command::CommandTable;
use runtime::{Lanes, Node, NodeConfig};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What a lane's mailbox takes before its senders keep their letters.
const MAILBOX_BYTES_MAX: usize = 4 << 20;

/// Serves until a signal says to end. `sources` are read again when they change.
///
/// # Errors
/// An address that cannot be listened on, or an operating system that gives no threads.
pub fn serve(settings: &Settings, sources: Sources, demo: bool) -> anyhow::Result<()> {
    let level = logs::init(&settings.log);
    raise_open_files();
    let listeners = bind(settings)?;
    let endpoints: Vec<Endpoint> = listeners.iter().map(Listener::endpoint).collect();
    let resp_listeners = resp::bind(settings, demo)?;
    let resp_listening = resp::addresses(&resp_listeners)?;
    let node = start_node(settings, &resp_listening)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the event loop")?;
    let gate = {
        let _entered = runtime.enter();
        auth::open(settings)?
    };
    let (tell, config) = watch::channel(Arc::new(doors(settings, demo, gate.clone())?));
    node.lanes().set_slow(settings.log.slow());
    let doors = Doors::new(node.lanes(), config);
    let ended = runtime.block_on(async {
        // Before anybody is told that the server is there: a signal must not find it deaf.
        let mut signals = Signals::new()?;
        if !settings.auth.revoked_key.is_empty() {
            auth::watch_revoked(&node.lanes(), &settings.auth.revoked_key);
        }
        let accepting: Vec<_> = listeners.into_iter().map(|l| tokio::spawn(l.run(doors.clone()))).collect();
        if !resp_listeners.is_empty() {
            doors::serve_resp(resp_listeners, &node.lanes(), resp::config(settings));
        }
        if demo {
            demo::start(&node.lanes(), &doors);
        }
        let (drain, current) = watch::channel(settings.operation.drain.clone());
        let lanes = node.lanes();
        let reloader = Reloader {
            settings: settings.clone(),
            sources,
            demo,
            gate,
            lanes: lanes.clone(),
            doors: tell,
            drain,
            generation: 0,
            level,
        };
        let reloading = tokio::spawn(reloader.run());
        print_banner(settings, &endpoints, &resp_listening, demo);
        let signal = tokio::select! {
            signal = signals.ended() => signal,
            () = lanes.end_wanted() => "SHUTDOWN",
        };
        let drain = current.borrow().clone();
        tracing::info!(signal, clients = lanes.connections(), "draining");
        tokio::select! {
            () = say_goodbye(&lanes, &drain) => {}
            signal = signals.ended() => tracing::info!(signal, "ending at once"),
        }
        reloading.abort();
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        anyhow::Ok(signal)
    });
    node.stop();
    tracing::info!(signal = ended?, "stopped");
    Ok(())
}

/// What the doors are made with.
///
/// # Errors
/// A file that cannot be read, though it could when the settings were checked.
pub fn doors(settings: &Settings, demo: bool, gate: Arc<::auth::Gate>) -> anyhow::Result<doors::Config> {
    let (transport, operation) = (&settings.transport, &settings.operation);
    let tls = tls_files(settings).map(|files| files.read()).transpose().map_err(anyhow::Error::msg)?;
    let proxies: Result<Vec<doors::Network>, String> = transport.trusted_proxies.iter().map(|p| p.parse()).collect();
    Ok(doors::Config {
        prefix: settings.prefix.clone(),
        origins: settings.origins.clone(),
        hosts: transport.hosts.clone(),
        trusted_proxies: proxies.map_err(anyhow::Error::msg)?,
        tls,
        limits: settings.limits.clone(),
        deflate: transport.deflate.enabled,
        demo,
        gate,
        admin: match operation.admin.access.as_str() {
            "secret" => Admin::Secret(operation.admin.secret().map_err(|(_, what)| anyhow::Error::msg(what))?),
            "loopback" => Admin::Loopback,
            _ => Admin::Off,
        },
    })
}

/// The files of TLS, if it is spoken.
pub fn tls_files(settings: &Settings) -> Option<TlsFiles> {
    let tls = &settings.transport.tls;
    let (certificate, key) = tls.certificate.clone().zip(tls.key.clone())?;
    Some(TlsFiles { certificate, key, client_ca: tls.client_ca.clone() })
}

/// Says what is wrong with settings that only the modules behind them understand.
pub fn check(settings: &Settings) -> Vec<(&'static str, String)> {
    let table = CommandTable::redis();
    let anonymous = lane::parse_anonymous(&settings.anonymous_rules(), &table).err();
    let deny = lane::parse_deny(&settings.deny_commands, &table).err();
    let named = |name, error: Option<_>| error.map(|e: lane::RuleError| (name, e.to_string()));
    let rules = named("anonymous", anonymous).into_iter().chain(named("deny_commands", deny));
    let tls = tls_files(settings).and_then(|files| files.read().err()).map(|what| ("tls.certificate", what));
    let secret =
        if settings.operation.admin.access == "secret" { settings.operation.admin.secret().err() } else { None };
    rules.chain(redis::check(settings)).chain(auth::check(settings)).chain(tls).chain(secret).collect()
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
            _ = async { Signals::new().context("signals")?.ended().await; anyhow::Ok(()) } => Ok(()),
        }
    })
}

fn bind(settings: &Settings) -> anyhow::Result<Vec<Listener>> {
    let transport = &settings.transport;
    let mode = u32::from_str_radix(&transport.listen_unix_mode, 8).context("listen_unix_mode")?;
    let tcp =
        |address: &SocketAddr, tls| doors::bind(*address, tls).with_context(|| format!("cannot listen on {address}"));
    let unix =
        |path: &String| doors::bind_unix(path.as_ref(), mode).with_context(|| format!("cannot listen on {path}"));
    let plain = settings.listen.iter().map(|address| tcp(address, false));
    let tls = transport.listen_tls.iter().map(|address| tcp(address, true));
    plain.chain(tls).chain(transport.listen_unix.iter().map(unix)).collect()
}

/// What the lanes are made with.
///
/// # Errors
/// What `check` would have found.
pub fn setup(settings: &Settings) -> anyhow::Result<Setup> {
    let lanes = u16::try_from(settings.lanes).context("lanes")?;
    let (anonymous, deny) = (settings.anonymous_rules(), &settings.deny_commands);
    let table = CommandTable::redis();
    let setup = Setup::new(lanes, &settings.node, settings.limits.clone(), table, &anonymous, deny)?;
    let queries = auth::queries(settings).map_err(|wrong| anyhow::anyhow!("queries: {}", wrong[0].1))?;
    let awaits_revoked = settings.auth.is_configured() && !settings.auth.revoked_key.is_empty();
    let setup = setup.with_queries(queries).with_tokens(settings.auth.takes_tokens(), awaits_revoked);
    let Deflate { min_bytes, level, .. } = settings.transport.deflate;
    Ok(setup.with_deflate(wire::ws::Deflate { min_bytes, level }))
}

fn start_node(settings: &Settings, resp: &[SocketAddr]) -> anyhow::Result<Node> {
    let setup = setup(settings)?;
    let redis = redis::config(settings)?;
    let embedded = if redis.is_some() { None } else { Some(store(settings, setup.lanes(), resp)?) };
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
    // What has more bytes than this is over the limit as JSON in any case; the same is taken of a Redis' replies.
    let lane_bytes_max = 2 * settings.limits.value_bytes_max + 1024;
    embedded.limit_replies(lane_bytes_max, settings.resp.resp_reply_bytes_max);
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

fn print_banner(settings: &Settings, listening: &[Endpoint], resp: &[SocketAddr], demo: bool) {
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

/// The signals that end the server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one, and names it.
    async fn ended(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Tells that the server goes: first to load balancers, then to every client (close code 1001), one after another; and
/// gives the last ones a moment to take it.
async fn say_goodbye(lanes: &Lanes, drain: &Drain) {
    lanes.leave();
    if drain.notice_ms > 0 {
        tokio::time::sleep(Duration::from_millis(drain.notice_ms)).await;
    }
    lanes.drain(Duration::from_millis(drain.window_ms)).await;
    let deadline = tokio::time::Instant::now() + Duration::from_millis(drain.goodbye_ms);
    while lanes.connections() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if lanes.connections() > 0 {
        tracing::info!(clients = lanes.connections(), "ending, though these have not closed");
    }
}
