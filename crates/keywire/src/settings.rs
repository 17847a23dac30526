//! The settings of a node, made of the settings of its modules.
//!
//! A setting is one field here (its documentation is what `docs/settings.md` says of it) and one line of
//! [`table`]: name, type, bounds. From that line come the key of the TOML file, the variable `KEYWIRE_…`, the flag
//! `--set`, the output of `keywire check` and the reference page. [`load`] reads all sources in the order of their
//! rank (flag over variable over file over default) and reports every mistake of every source at once, each with the
//! place it stands at. What comes out holds: nothing checks it again.

mod auth;
mod deflate;
mod file;
mod mistakes;
mod operation;
pub mod parse;
mod resp;
mod servers;
mod show;
mod store;
mod table;
mod transport;

#[cfg(test)]
mod docs;

pub use auth::Auth;
pub use deflate::Deflate;
pub use mistakes::{Mistake, Mistakes, Origin};
pub use operation::{Drain, Operation};
pub use parse::Given;
pub use resp::Resp;
pub use servers::Servers;
pub use store::Store;
pub use transport::Transport;

use crate::logs::Log;
use model::Limits;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use table::{SETTINGS, Setting};

/// All settings of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where HTTP and WebSocket are served; empty if `listen_tls` or `listen_unix` is enough. Beyond loopback the server starts only if `anonymous` is set, or there is a way
    /// to tell who a client is (`auth.keys`, `auth.jwks_url`, `auth.forward_url`), so that nobody opens a Redis to the world by
    /// accident.
    pub listen: Vec<SocketAddr>,
    /// Threads that serve connections. Each owns its connections and shares nothing.
    pub lanes: usize,
    /// The node's name in `hello`, in logs and in metrics.
    pub node: String,
    /// Origins whose pages may connect, beside the server's own: `https://app.example.com`. Other browsers' pages
    /// are refused on every door with 403; programs that send no `Origin` are not concerned. `*` lets every page in.
    pub origins: Vec<String>,
    /// What a client without a token may do: rules in Redis' ACL language (`~news:* &news +@read`), or empty for
    /// nothing. Not set: nothing where there is a way to tell who a client is (`auth`); else everything on a server that
    /// listens on loopback only, and no start beyond it.
    pub anonymous: Option<Vec<String>>,
    /// ACL rules laid over every client's own: a command they take away (`-@admin`) and do not give back (`+info`)
    /// is refused with `NOPERM`, whatever the client's rules say.
    pub deny_commands: Vec<String>,
    /// A path that stands before every endpoint's: with `/live`, WebSocket is at `/live/ws`.
    pub prefix: String,
    /// How long Redis may be out of reach, or owe an answer, before the feeds that depend on it are told `stale`. The
    /// embedded store answers at once.
    pub stale_after_ms: u64,
    /// A Redis as the backend.
    pub servers: Servers,
    /// The embedded store, without a Redis.
    pub store: Store,
    /// The port on which the embedded store is a Redis.
    pub resp: Resp,
    /// Whom to believe, and what that gives.
    pub auth: Auth,
    /// Named queries: a table of names and command lines with places for parameters and claims,
    /// `top = "ZRANGE board 0 {last:int:0..99} REV"`, called as `["@top", 9]`; see [auth.md](auth.md). Whoever has the rule
    /// `+@named` may use them, whatever keys and commands they stand for.
    pub queries: BTreeMap<String, String>,
    /// How clients reach the server, beside plain TCP.
    pub transport: Transport,
    /// How the server ends, and who may look inside.
    pub operation: Operation,
    /// What happens at each limit is said with it.
    pub limits: Limits,
    /// The log, on standard error.
    pub log: Log,
}

/// One lane per core but one: the kernel's network work, and whoever writes to Redis on this machine, need a core too.
/// Measured on two cores: one lane delivers as much per CPU second as the bare loop, two contend with it.
fn default_lanes() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores - 1).clamp(1, table::LANES_MAX)
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 7700))],
            lanes: default_lanes(),
            node: String::new(),
            origins: Vec::new(),
            anonymous: None,
            deny_commands: ["-@admin", "-@dangerous", "+info"].map(String::from).to_vec(),
            prefix: String::new(),
            stale_after_ms: 2000,
            servers: Servers::default(),
            store: Store::default(),
            resp: Resp::default(),
            auth: Auth::default(),
            queries: BTreeMap::new(),
            transport: Transport::default(),
            operation: Operation::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

impl Settings {
    /// Whether every listener can be reached from this machine only.
    pub fn loopback_only(&self) -> bool {
        self.addresses().all(|address| address.ip().is_loopback())
    }

    fn addresses(&self) -> impl Iterator<Item = &SocketAddr> {
        self.listen.iter().chain(&self.transport.listen_tls)
    }

    /// The rules of a client without a token: those that were set; else nothing where one could have a token, and
    /// everything where not (only ever on loopback).
    pub fn anonymous_rules(&self) -> Vec<String> {
        let everything = || ["~*", "&*", "+@all"].map(String::from).to_vec();
        let unset = || if self.auth.is_configured() { Vec::new() } else { everything() };
        self.anonymous.clone().unwrap_or_else(unset)
    }
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`; without it `KEYWIRE_CONFIG` names one, or there is none.
    pub file: Option<PathBuf>,
    /// Environment variables; only names that begin with `KEYWIRE_` are looked at.
    pub env: Vec<(String, String)>,
    /// Flags, in the order given.
    pub flags: Vec<Flag>,
}

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As the user wrote it, for messages: `--lanes`, `--set limits.feeds_max=…`.
    pub shown: String,
    /// The setting's name.
    pub name: String,
    /// The value.
    pub given: Given,
}

/// A further check of whole settings, for what this module cannot know: names of settings and what is wrong.
pub type Check = dyn Fn(&Settings) -> Vec<(&'static str, String)>;

/// Settings that hold, and where each came from.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The settings.
    pub settings: Settings,
    /// By index in [`SETTINGS`].
    origins: Vec<Origin>,
}

impl Effective {
    /// The settings as a TOML file that gives them again; a comment says where each came from.
    pub fn to_toml(&self) -> String {
        show::toml(self)
    }
}

impl Effective {
    /// Whether somebody gave this setting a value.
    pub fn is_given(&self, name: &str) -> bool {
        self.origins[index_of(name)] != Origin::Default
    }
}

impl Sources {
    /// The settings file, if there is one.
    pub fn config_file(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| split_config(&self.env).0)
    }
}

/// Names of the settings that differ.
pub fn differences(a: &Settings, b: &Settings) -> Vec<&'static str> {
    let differ = |setting: &&Setting| !setting.field.is_same(a, b);
    SETTINGS.iter().filter(differ).map(|setting| setting.name).collect()
}

/// A setting's value, as somebody wrote it, without what is secret of it.
pub fn public_text(name: &str, text: &str) -> String {
    let known = SETTINGS.iter().position(|s| s.name == name).or_else(|| entry_of_table(name).map(|(index, _)| index));
    known.map_or_else(|| text.to_owned(), |index| SETTINGS[index].field.public_text(text))
}

/// Whether a running server takes a new value of the setting.
pub fn is_reloadable(name: &str) -> bool {
    const RELOADABLE: [&str; 13] = [
        "origins",
        "hosts",
        "trusted_proxies",
        "anonymous",
        "deny_commands",
        "queries",
        "auth.",
        "tls.",
        "drain.",
        "admin.",
        "log.level",
        "log.slow_ms",
        "limits.",
    ];
    // The watch over who is revoked begins when the server does.
    name != "auth.revoked_key" && RELOADABLE.iter().any(|of| name == *of || (of.ends_with('.') && name.starts_with(of)))
}

/// The names of all settings.
#[cfg(test)]
pub fn names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.name)
}

/// The same settings but for this one.
#[cfg(test)]
pub fn varied(name: &str, before: &Settings) -> Settings {
    let field = &SETTINGS[index_of(name)].field;
    let values = [
        "7",
        "9",
        "9000",
        "9001",
        "a.example",
        "b.example",
        "http://a.example",
        "http://b.example",
        "https://a.example/k",
        "https://b.example/k",
        "10.0.0.0/8",
        "10.0.0.0/9",
        "HS256 text:a",
        "HS256 text:b",
        "required",
        "optional",
        "debug",
        "info",
        "loopback",
        "off",
        "json",
        "text",
        "1,2",
        "1,3",
        "-@all",
        "-@write",
        "true",
        "false",
    ];
    let varied = |text: &&str| {
        let mut settings = before.clone();
        let given = Given::Text(text.to_string());
        let assigned = match field.is_table() {
            true => field.assign_entry(&mut settings, "x", given),
            false => field.assign(&mut settings, given),
        };
        (assigned.is_ok() && !field.is_same(&settings, before)).then_some(settings)
    };
    values.iter().find_map(varied).unwrap_or_else(|| panic!("no value here makes {name} another"))
}

/// Reads all sources. All mistakes come together, those that `checks` find too.
pub fn load(sources: &Sources, checks: &[&Check]) -> Result<Effective, Mistakes> {
    let mut loading = Loading::new();
    let (_, env) = split_config(&sources.env);
    if let Some(path) = sources.config_file() {
        loading.read_file(&path);
    }
    for (variable, text) in env {
        loading.read_variable(variable, text);
    }
    for flag in &sources.flags {
        loading.set(&flag.name, flag.given.clone(), Origin::Flag(flag.shown.clone()));
    }
    loading.finish(checks)
}

/// The prefix of every environment variable.
const ENV_PREFIX: &str = "KEYWIRE_";

/// `KEYWIRE_CONFIG`, and the variables that are settings.
fn split_config(env: &[(String, String)]) -> (Option<PathBuf>, impl Iterator<Item = (&str, &str)>) {
    const CONFIG: &str = "KEYWIRE_CONFIG";
    let config = env.iter().find(|(name, _)| name == CONFIG).map(|(_, path)| PathBuf::from(path));
    let ours = |(name, _): &&(String, String)| {
        name.starts_with(ENV_PREFIX) && name != CONFIG && !is_service_link(&name[ENV_PREFIX.len()..])
    };
    (config, env.iter().filter(ours).map(|(name, text)| (name.as_str(), text.as_str())))
}

/// Kubernetes puts such variables into every container for a service that is called `keywire`.
fn is_service_link(rest: &str) -> bool {
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_HOST") || rest.starts_with("SERVICE_PORT")
}

/// Settings on their way, with the mistakes so far.
struct Loading {
    settings: Settings,
    origins: Vec<Origin>,
    /// By index: the last value given was wrong, so nothing can be concluded from the setting.
    wrong: Vec<bool>,
    mistakes: Vec<Mistake>,
}

impl Loading {
    fn new() -> Loading {
        Loading {
            settings: Settings::default(),
            origins: vec![Origin::Default; SETTINGS.len()],
            wrong: vec![false; SETTINGS.len()],
            mistakes: Vec::new(),
        }
    }

    fn read_file(&mut self, path: &std::path::Path) {
        let (given, mistakes) = file::read(path);
        self.mistakes.extend(mistakes);
        for (name, value, origin) in given {
            self.set(&name, value, origin);
        }
    }

    fn read_variable(&mut self, variable: &str, text: &str) {
        let origin = Origin::Variable(variable.to_owned());
        match SETTINGS.iter().find(|s| s.variable() == variable) {
            Some(setting) => self.set(setting.name, Given::Text(text.to_owned()), origin),
            None => {
                let near = nearest(variable, SETTINGS.iter().map(Setting::variable));
                self.mistakes.push(Mistake::new(origin, unknown("variable", near)));
            }
        }
    }

    fn set(&mut self, name: &str, given: Given, origin: Origin) {
        let exact = SETTINGS.iter().position(|s| s.name == name).map(|index| (index, None));
        let Some((index, entry)) = exact.or_else(|| entry_of_table(name)) else {
            let near = nearest(name, SETTINGS.iter().flat_map(Setting::names));
            self.mistakes.push(Mistake::new(origin, format!("{name}: {}", unknown("setting", near))));
            return;
        };
        let field = &SETTINGS[index].field;
        let result = match entry {
            Some(entry) => field.assign_entry(&mut self.settings, entry, given),
            None => field.assign(&mut self.settings, given),
        };
        // Of a table, one wrong entry is enough.
        self.wrong[index] = result.is_err() || (entry.is_some() && self.wrong[index]);
        if let Err(what) = result {
            self.mistakes.push(Mistake::new(origin.clone(), format!("{name}: {what}")));
        }
        self.origins[index] = origin;
    }

    fn finish(mut self, checks: &[&Check]) -> Result<Effective, Mistakes> {
        for (names, what) in contradictions(&self.settings) {
            if !names.iter().any(|name| self.wrong[index_of(name)]) {
                self.blame(names, &what);
            }
        }
        let found: Vec<_> = checks.iter().flat_map(|check| check(&self.settings)).collect();
        for (name, what) in found.into_iter().filter(|(name, _)| !self.wrong[index_of(name)]).collect::<Vec<_>>() {
            self.blame(&[name], &format!("{name}: {what}"));
        }
        if !self.mistakes.is_empty() {
            return Err(Mistakes(self.mistakes));
        }
        if self.settings.node.is_empty() {
            self.settings.node = random_name();
        }
        Ok(Effective { settings: self.settings, origins: self.origins })
    }

    /// Reports a mistake at the first of these settings that somebody gave.
    fn blame(&mut self, names: &[&str], what: &str) {
        let mut origins = names.iter().map(|name| &self.origins[index_of(name)]);
        let origin = origins.find(|origin| **origin != Origin::Default).cloned().unwrap_or(Origin::Default);
        self.mistakes.push(Mistake::new(origin, what.to_owned()));
    }
}

/// What is wrong with settings that are right each for itself.
pub fn wrong_together(settings: &Settings, checks: &[&Check]) -> Vec<String> {
    let found = checks.iter().flat_map(|check| check(settings)).map(|(name, what)| format!("{name}: {what}"));
    contradictions(settings).into_iter().map(|(_, what)| what).chain(found).collect()
}

/// A sentence about settings that cannot be together, and their names.
type Contradiction = (&'static [&'static str], String);

fn contradictions(settings: &Settings) -> Vec<Contradiction> {
    let l = &settings.limits;
    let pairs = [
        too_large(
            &["limits.value_bytes_max", "limits.outbox_bytes_max"],
            (l.value_bytes_max, 2, l.outbox_bytes_max),
            "a client's outbox could not hold a value and its successor",
        ),
        too_large(
            &["limits.value_bytes_max", "limits.link_bytes_max"],
            (l.value_bytes_max, 2, l.link_bytes_max),
            "a value and its successor could not pass between two lanes",
        ),
        too_large(
            &["limits.message_bytes_max", "limits.outbox_bytes_max"],
            (l.message_bytes_max, 1, l.outbox_bytes_max),
            "a message of that size could be published but never delivered",
        ),
        too_large(
            &["limits.outbox_bytes_max", "limits.outbox_total_bytes_max"],
            (l.outbox_bytes_max, 1, l.outbox_total_bytes_max),
            "one client may not hold more than all together",
        ),
    ];
    let own = open_without_rules(settings).into_iter().chain(half_of_tls(settings)).chain(resp_mistakes(settings));
    own.chain(pairs.into_iter().flatten()).collect()
}

/// Nobody opens a Redis to the world by forgetting to say who may do what.
fn open_without_rules(settings: &Settings) -> Option<Contradiction> {
    let open = settings.addresses().filter(|address| !address.ip().is_loopback());
    let open: Vec<_> = open.map(SocketAddr::to_string).collect();
    if settings.anonymous.is_some() || settings.auth.is_configured() || settings.loopback_only() {
        return None;
    }
    let what = format!(
        "listen: {} can be reached from beyond this machine, and nothing says what clients without a token may do; \
         set anonymous (for example --anonymous '~news:* &news:* +@read', or '' for nothing), or auth, or listen on loopback",
        open.join(" and ")
    );
    Some((&["listen", "listen_tls", "anonymous"], what))
}

/// What of TLS is set without the rest of it.
fn half_of_tls(settings: &Settings) -> Vec<Contradiction> {
    let (transport, tls) = (&settings.transport, &settings.transport.tls);
    let (asked, has) = (!transport.listen_tls.is_empty(), [tls.certificate.is_some(), tls.key.is_some()]);
    let mut wrong: Vec<Contradiction> = Vec::new();
    if settings.listen.is_empty() && !asked && transport.listen_unix.is_empty() {
        wrong.push((&["listen"], "listen: at least one address is needed, or listen_tls, or listen_unix".to_owned()));
    }
    if asked && !has[0] {
        wrong.push((&["listen_tls"], "listen_tls: TLS needs tls.certificate and tls.key".to_owned()));
    }
    if has[0] != has[1] {
        let what = "tls.certificate and tls.key belong together".to_owned();
        wrong.push((&["tls.certificate", "tls.key"], what));
    }
    if (has[0] || tls.client_ca.is_some()) && !asked {
        let what = "tls.certificate: nothing speaks TLS: set listen_tls to an address".to_owned();
        wrong.push((&["tls.certificate", "tls.client_ca"], what));
    }
    wrong
}

/// Whoever reaches the RESP port may do everything, so beyond this machine it wants a password; and it is the embedded
/// store's.
fn resp_mistakes(settings: &Settings) -> Vec<Contradiction> {
    let resp = &settings.resp;
    let open: Vec<_> =
        resp.resp_listen.iter().filter(|address| !address.ip().is_loopback()).map(SocketAddr::to_string).collect();
    let has_password = !resp.resp_password.is_empty() || resp.resp_password_file.is_some();
    let mut mistakes: Vec<Contradiction> = Vec::new();
    if !open.is_empty() && !has_password {
        let what = format!(
            "resp_listen: {} can be reached from beyond this machine, and no password is wanted; set resp_password_file \
             (or KEYWIRE_RESP_PASSWORD), or listen on loopback",
            open.join(" and ")
        );
        mistakes.push((&["resp_listen"], what));
    }
    if !resp.resp_password.is_empty() && resp.resp_password_file.is_some() {
        let what = "resp_password and resp_password_file are both set: one password is wanted".to_owned();
        mistakes.push((&["resp_password_file", "resp_password"], what));
    }
    if !resp.resp_listen.is_empty() && !settings.servers.redis.is_empty() {
        let what = "resp_listen is the embedded store's; with redis, clients go to that server itself".to_owned();
        mistakes.push((&["resp_listen", "redis"], what));
    }
    if settings.store.data.is_some() && !settings.servers.redis.is_empty() {
        let what = "store.data is the embedded store's; with redis, that server keeps the data".to_owned();
        mistakes.push((&["store.data", "redis"], what));
    }
    mistakes
}

/// The first setting, taken `times`, must fit into the second.
fn too_large(
    names: &'static [&'static str; 2],
    (small, times, large): (usize, usize, usize),
    why: &str,
) -> Option<Contradiction> {
    let twice = if times == 2 { "twice " } else { "" };
    let (a, b) = (parse::shown_size(small), parse::shown_size(large));
    let what = format!("{twice}{} ({a}) is over {} ({b}): {why}", names[0], names[1]);
    (small.saturating_mul(times) > large).then_some((names, what))
}

/// The table that a name is an entry of, and the entry's own name.
fn entry_of_table(name: &str) -> Option<(usize, Option<&str>)> {
    let entry = |s: &Setting| name.strip_prefix(s.name)?.strip_prefix('.');
    let index = SETTINGS.iter().position(|s| s.field.is_table() && entry(s).is_some())?;
    Some((index, entry(&SETTINGS[index])))
}

fn index_of(name: &str) -> usize {
    SETTINGS.iter().position(|s| s.name == name).expect("the name is one of the table's")
}

fn unknown(what: &str, near: Option<String>) -> String {
    match near {
        Some(near) => format!("no such {what}; did you mean {near}?"),
        None => format!("no such {what}; docs/settings.md lists them all"),
    }
}

/// The candidate that is most like `name`, if it is near enough to be what was meant.
fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let scored = candidates.map(|candidate| (distance(name, &candidate), candidate));
    let (distance, candidate) = scored.min()?;
    (distance <= 1 + name.len() / 4).then_some(candidate)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Six letters and digits: enough to tell the nodes of one house apart in a log.
fn random_name() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).map(|c| c.to_ascii_lowercase()).take(6).collect()
}

#[cfg(test)]
mod tests;
