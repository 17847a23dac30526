//! The one table of settings. A line here and a field with its documentation is all that a new setting needs.

use super::parse::{self, Given};
use super::store::EVICTION;
use super::{ENV_PREFIX, Settings};
use crate::logs::LogFormat;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A setting: its name, its type with the place of its value, and its bounds.
pub struct Setting {
    /// As in the file; a dot stands before a field of a table.
    pub name: &'static str,
    /// Its type.
    pub field: Field,
    /// Where the default is not a constant: what it is.
    pub computed: Option<&'static str>,
}

/// The place of a value within [`Settings`].
type Place<T> = fn(&mut Settings) -> &mut T;
/// Says what is wrong with a text.
type Rule = fn(&str) -> Result<(), String>;

/// A setting's type, with where its value lives.
pub enum Field {
    /// A number of bytes within bounds.
    Size(Place<usize>, RangeInclusive<u64>),
    /// A whole number within bounds.
    Count(Place<usize>, RangeInclusive<u64>),
    /// A whole number within bounds.
    Count32(Place<u32>, RangeInclusive<u64>),
    /// `true` or `false`.
    Boolean(Place<bool>),
    /// A time in milliseconds within bounds.
    Millis(Place<u64>, RangeInclusive<u64>),
    /// Two times in milliseconds within bounds, least and most.
    Window(Place<[u64; 2]>, RangeInclusive<u64>),
    /// A string.
    Text(Place<String>, Rule),
    /// Strings.
    List(Place<Vec<String>>, Rule),
    /// ACL rules; their grammar is checked where they are used, but for this.
    Rules(Place<Vec<String>>, Rule),
    /// ACL rules, or none given.
    OptionalRules(Place<Option<Vec<String>>>),
    /// Addresses to listen on.
    Addresses(Place<Vec<SocketAddr>>),
    /// Addresses to listen on, or none.
    OptionalAddresses(Place<Vec<SocketAddr>>),
    /// A string that is not shown.
    Secret(Place<String>),
    /// How log lines are written.
    LogFormat(Place<LogFormat>),
    /// One word of several.
    OneOf(Place<String>, &'static [&'static str]),
    /// A URL, or empty, and how it is shown: without what is secret.
    Url(Place<String>, Rule, fn(&str) -> String),
    /// A file or directory, or none.
    File(Place<Option<PathBuf>>),
    /// Texts by names that the user chooses.
    Texts(Place<BTreeMap<String, String>>),
    /// Keys by names, shown without what is secret.
    Keys(Place<BTreeMap<String, String>>, Rule),
    /// ACL rules by names.
    RulesByName(Place<BTreeMap<String, Vec<String>>>),
}

/// More lanes than this serve nobody: they would only exchange mail.
pub const LANES_MAX: usize = 256;
/// Sizes end where a 32-bit length would.
const SIZE_MAX: u64 = 1 << 31;
const TOTAL_MAX: u64 = 1 << 50;
const COUNT_MAX: u64 = 100_000_000;
/// A day.
const MILLIS_MAX: u64 = 86_400_000;

/// In place of what is never shown.
const HIDDEN: &str = "…";

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    setting("listen", Field::Addresses(|s| &mut s.listen)),
    setting("listen_tls", Field::Addresses(|s| &mut s.transport.listen_tls)),
    setting("listen_unix", Field::List(|s| &mut s.transport.listen_unix, parse::any)),
    setting("listen_unix_mode", Field::Text(|s| &mut s.transport.listen_unix_mode, parse::file_mode)),
    setting("lanes", Field::Count(|s| &mut s.lanes, 1..=LANES_MAX as u64)).computed("one per core but one, at least 1"),
    setting("node", Field::Text(|s| &mut s.node, parse::name)).computed("six random characters, new at each start"),
    setting("origins", Field::List(|s| &mut s.origins, parse::origin)),
    setting("hosts", Field::List(|s| &mut s.transport.hosts, parse::host)),
    setting("trusted_proxies", Field::List(|s| &mut s.transport.trusted_proxies, parse::network)),
    setting("anonymous", Field::OptionalRules(|s| &mut s.anonymous)).computed("not set"),
    setting("deny_commands", Field::Rules(|s| &mut s.deny_commands, parse::command_rule)),
    setting("prefix", Field::Text(|s| &mut s.prefix, parse::prefix)),
    setting("redis", Field::Url(|s| &mut s.servers.redis, crate::redis::check_url, crate::redis::redacted))
        .computed("not set: the embedded store"),
    setting("redis_password_file", Field::File(|s| &mut s.servers.redis_password_file)),
    setting("redis_sentinel_user", Field::Text(|s| &mut s.servers.redis_sentinel_user, parse::any)),
    setting("redis_sentinel_password_file", Field::File(|s| &mut s.servers.redis_sentinel_password_file)),
    setting("redis_ca", Field::File(|s| &mut s.servers.redis_ca)).computed("not set: what this machine trusts"),
    setting("redis_cert", Field::File(|s| &mut s.servers.redis_cert)),
    setting("redis_key", Field::File(|s| &mut s.servers.redis_key)),
    setting("redis_tls_verify", Field::OneOf(|s| &mut s.servers.redis_tls_verify, &["full", "chain", "none"])),
    setting("cluster_pubsub", Field::OneOf(|s| &mut s.servers.cluster_pubsub, &["classic", "sharded"])),
    setting("stale_after_ms", Field::Millis(|s| &mut s.stale_after_ms, 1..=MILLIS_MAX)),
    setting("command_wait_ms", Field::Millis(|s| &mut s.servers.command_wait_ms, 0..=MILLIS_MAX)),
    setting("commands_waiting_max", Field::Count(|s| &mut s.servers.commands_waiting_max, 0..=COUNT_MAX)),
    setting("reads_in_flight_max", Field::Count(|s| &mut s.servers.reads_in_flight_max, 1..=COUNT_MAX)),
    setting("hash_fields_max", Field::Count(|s| &mut s.servers.hash_fields_max, 0..=COUNT_MAX)),
    setting("redirects_max", Field::Count(|s| &mut s.servers.redirects_max, 0..=255)),
    setting("redis_write_bytes_max", Field::Size(|s| &mut s.servers.redis_write_bytes_max, 65536..=SIZE_MAX)),
    setting("redis_connect_ms", Field::Millis(|s| &mut s.servers.redis_connect_ms, 1..=MILLIS_MAX)),
    setting("redis_silence_ms", Field::Millis(|s| &mut s.servers.redis_silence_ms, 1..=MILLIS_MAX)),
    setting("redis_reconnect_max_ms", Field::Millis(|s| &mut s.servers.redis_reconnect_max_ms, 20..=MILLIS_MAX)),
    setting("reread_interval_ms", Field::Millis(|s| &mut s.servers.reread_interval_ms, 0..=MILLIS_MAX)),
    setting("poll_interval_ms", Field::Millis(|s| &mut s.servers.poll_interval_ms, 10..=MILLIS_MAX)),
    setting("topology_interval_ms", Field::Millis(|s| &mut s.servers.topology_interval_ms, 10..=MILLIS_MAX)),
    setting("resp_listen", Field::OptionalAddresses(|s| &mut s.resp.resp_listen)).computed("not set: no RESP port"),
    setting("resp_password", Field::Secret(|s| &mut s.resp.resp_password)),
    setting("resp_password_file", Field::File(|s| &mut s.resp.resp_password_file)),
    setting("resp_clients_max", Field::Count(|s| &mut s.resp.resp_clients_max, 1..=COUNT_MAX)),
    setting("resp_idle_timeout_ms", Field::Millis(|s| &mut s.resp.resp_idle_timeout_ms, 0..=MILLIS_MAX)),
    setting("resp_bulk_bytes_max", Field::Size(|s| &mut s.resp.resp_bulk_bytes_max, 1024..=SIZE_MAX)),
    setting("resp_query_bytes_max", Field::Size(|s| &mut s.resp.resp_query_bytes_max, 1024..=TOTAL_MAX)),
    setting("resp_reply_bytes_max", Field::Size(|s| &mut s.resp.resp_reply_bytes_max, 65536..=TOTAL_MAX)),
    setting("resp_output_bytes_max", Field::Size(|s| &mut s.resp.resp_output_bytes_max, 0..=TOTAL_MAX)),
    setting("resp_pubsub_bytes_max", Field::Size(|s| &mut s.resp.resp_pubsub_bytes_max, 0..=TOTAL_MAX)),
    setting("resp_pubsub_soft_bytes_max", Field::Size(|s| &mut s.resp.resp_pubsub_soft_bytes_max, 0..=TOTAL_MAX)),
    setting("resp_pubsub_soft_ms", Field::Millis(|s| &mut s.resp.resp_pubsub_soft_ms, 0..=MILLIS_MAX)),
    setting("resp_output_total_bytes_max", Field::Size(|s| &mut s.resp.resp_output_total_bytes_max, 65536..=TOTAL_MAX)),
    setting("queries", Field::Texts(|s| &mut s.queries)),
    setting("store.data", Field::File(|s| &mut s.store.data)).computed("not set: in memory only"),
    setting("store.fsync", Field::OneOf(|s| &mut s.store.fsync, &["always", "everysec", "no"])),
    setting("store.rewrite_growth_percent", Field::Count(|s| &mut s.store.rewrite_growth_percent, 0..=COUNT_MAX)),
    setting("store.rewrite_bytes_min", Field::Size(|s| &mut s.store.rewrite_bytes_min, 0..=TOTAL_MAX)),
    setting("store.memory_bytes_max", Field::Size(|s| &mut s.store.memory_bytes_max, 0..=TOTAL_MAX)),
    setting("store.eviction", Field::OneOf(|s| &mut s.store.eviction, EVICTION)),
    setting("auth.keys", Field::Keys(|s| &mut s.auth.keys, crate::auth::check_key)),
    setting("auth.jwks_url", Field::Url(|s| &mut s.auth.jwks_url, crate::auth::check_jwks_url, crate::auth::shown_url)),
    setting("auth.jwks_interval_ms", Field::Millis(|s| &mut s.auth.jwks_interval_ms, 1000..=MILLIS_MAX)),
    setting("auth.jwks_pause_ms", Field::Millis(|s| &mut s.auth.jwks_pause_ms, 100..=MILLIS_MAX)),
    setting("auth.audience", Field::List(|s| &mut s.auth.audience, parse::any)),
    setting("auth.issuer", Field::List(|s| &mut s.auth.issuer, parse::any)),
    setting("auth.leeway_ms", Field::Millis(|s| &mut s.auth.leeway_ms, 0..=600_000)),
    setting("auth.expiry", Field::OneOf(|s| &mut s.auth.expiry, &["required", "optional"])),
    setting("auth.user_claim", Field::Text(|s| &mut s.auth.user_claim, parse::any)),
    setting("auth.acl_claim", Field::Text(|s| &mut s.auth.acl_claim, parse::any)),
    setting("auth.roles_claim", Field::Text(|s| &mut s.auth.roles_claim, parse::any)),
    setting("auth.roles", Field::RulesByName(|s| &mut s.auth.roles)),
    setting("auth.cookie", Field::Text(|s| &mut s.auth.cookie, parse::cookie)),
    setting("auth.revoked_key", Field::Text(|s| &mut s.auth.revoked_key, parse::any)),
    setting(
        "auth.forward_url",
        Field::Url(|s| &mut s.auth.forward_url, crate::auth::check_forward_url, crate::auth::shown_url),
    ),
    setting("auth.forward_timeout_ms", Field::Millis(|s| &mut s.auth.forward_timeout_ms, 1..=60_000)),
    setting("auth.forward_headers", Field::List(|s| &mut s.auth.forward_headers, parse::header)),
    setting("auth.forward_lifetime_ms", Field::Millis(|s| &mut s.auth.forward_lifetime_ms, 1000..=MILLIS_MAX)),
    setting("auth.ca", Field::File(|s| &mut s.auth.ca)),
    setting("tls.certificate", Field::File(|s| &mut s.transport.tls.certificate)),
    setting("tls.key", Field::File(|s| &mut s.transport.tls.key)),
    setting("tls.client_ca", Field::File(|s| &mut s.transport.tls.client_ca)),
    setting("deflate.enabled", Field::Boolean(|s| &mut s.transport.deflate.enabled)),
    setting("deflate.min_bytes", Field::Size(|s| &mut s.transport.deflate.min_bytes, 1..=SIZE_MAX)),
    setting("deflate.level", Field::Count32(|s| &mut s.transport.deflate.level, 1..=9)),
    setting("drain.notice_ms", Field::Millis(|s| &mut s.operation.drain.notice_ms, 0..=MILLIS_MAX)),
    setting("drain.window_ms", Field::Millis(|s| &mut s.operation.drain.window_ms, 0..=MILLIS_MAX)),
    setting("drain.goodbye_ms", Field::Millis(|s| &mut s.operation.drain.goodbye_ms, 0..=MILLIS_MAX)),
    setting("admin.access", Field::OneOf(|s| &mut s.operation.admin.access, &["off", "secret", "loopback"])),
    setting("admin.secret", Field::Secret(|s| &mut s.operation.admin.secret)),
    setting("admin.secret_file", Field::File(|s| &mut s.operation.admin.secret_file)),
    setting("log.format", Field::LogFormat(|s| &mut s.log.format)),
    setting("log.level", Field::Text(|s| &mut s.log.level, crate::logs::check_level)),
    setting("log.slow_ms", Field::Millis(|s| &mut s.log.slow_ms, 0..=MILLIS_MAX)),
    setting("limits.message_bytes_max", Field::Size(|s| &mut s.limits.message_bytes_max, 1024..=SIZE_MAX)),
    setting("limits.value_bytes_max", Field::Size(|s| &mut s.limits.value_bytes_max, 1024..=SIZE_MAX)),
    setting("limits.outbox_bytes_max", Field::Size(|s| &mut s.limits.outbox_bytes_max, 4096..=SIZE_MAX)),
    setting("limits.socket_bytes_max", Field::Size(|s| &mut s.limits.socket_bytes_max, 4096..=SIZE_MAX)),
    setting("limits.outbox_total_bytes_max", Field::Size(|s| &mut s.limits.outbox_total_bytes_max, 4096..=TOTAL_MAX)),
    setting("limits.link_bytes_max", Field::Size(|s| &mut s.limits.link_bytes_max, 4096..=TOTAL_MAX)),
    setting("limits.feeds_max", Field::Count(|s| &mut s.limits.feeds_max, 1..=COUNT_MAX)),
    setting("limits.requests_in_flight_max", Field::Count(|s| &mut s.limits.requests_in_flight_max, 1..=COUNT_MAX)),
    setting("limits.requests_per_second_max", Field::Count32(|s| &mut s.limits.requests_per_second_max, 0..=COUNT_MAX)),
    setting("limits.requests_burst_max", Field::Count32(|s| &mut s.limits.requests_burst_max, 1..=COUNT_MAX)),
    setting(
        "limits.user_requests_per_second_max",
        Field::Count32(|s| &mut s.limits.user_requests_per_second_max, 0..=COUNT_MAX),
    ),
    setting("limits.user_requests_burst_max", Field::Count32(|s| &mut s.limits.user_requests_burst_max, 1..=COUNT_MAX)),
    setting("limits.topics_max", Field::Count(|s| &mut s.limits.topics_max, 1..=COUNT_MAX)),
    setting("limits.connections_max", Field::Count(|s| &mut s.limits.connections_max, 1..=COUNT_MAX)),
    setting(
        "limits.connections_per_address_max",
        Field::Count(|s| &mut s.limits.connections_per_address_max, 0..=COUNT_MAX),
    ),
    setting("limits.http_connections_max", Field::Count(|s| &mut s.limits.http_connections_max, 1..=COUNT_MAX)),
    setting("limits.header_bytes_max", Field::Size(|s| &mut s.limits.header_bytes_max, 8192..=1 << 20)),
    setting("limits.headers_max", Field::Count(|s| &mut s.limits.headers_max, 1..=10_000)),
    setting("limits.messages_per_second_max", Field::Count32(|s| &mut s.limits.messages_per_second_max, 0..=COUNT_MAX)),
    setting("limits.batch_max", Field::Count(|s| &mut s.limits.batch_max, 1..=COUNT_MAX)),
    setting("limits.frame_timeout_ms", Field::Millis(|s| &mut s.limits.frame_timeout_ms, 1..=MILLIS_MAX)),
    setting("limits.auth_timeout_ms", Field::Millis(|s| &mut s.limits.auth_timeout_ms, 1..=MILLIS_MAX)),
    setting("limits.ping_interval_ms", Field::Millis(|s| &mut s.limits.ping_interval_ms, 1..=MILLIS_MAX)),
    setting("limits.reconnect_ms", Field::Window(|s| &mut s.limits.reconnect_ms, 0..=MILLIS_MAX)),
    setting("limits.live_every_default_ms", Field::Millis(|s| &mut s.limits.live_every_default_ms, 0..=10_000)),
];

const fn setting(name: &'static str, field: Field) -> Setting {
    Setting { name, field, computed: None }
}

impl Setting {
    const fn computed(mut self, what: &'static str) -> Setting {
        self.computed = Some(what);
        self
    }

    /// Its name and that of the table it stands in: what a user may have meant.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let table = self.name.split_once('.').map(|(table, _)| table);
        [Some(self.name), table].into_iter().flatten().map(str::to_owned)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("{ENV_PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }
}

impl Field {
    /// Parses a value into its place. The error ends a sentence that begins with the setting's name.
    pub fn assign(&self, settings: &mut Settings, given: Given) -> Result<(), String> {
        match self {
            Field::Size(place, bounds) => *place(settings) = narrow(within(given.size()?, bounds, true)?)?,
            Field::Count(place, bounds) => *place(settings) = narrow(within(given.count()?, bounds, false)?)?,
            Field::Count32(place, bounds) => *place(settings) = narrow(within(given.count()?, bounds, false)?)?,
            Field::Boolean(place) => *place(settings) = given.boolean()?,
            Field::Millis(place, bounds) => *place(settings) = within(given.millis()?, bounds, false)?,
            Field::Window(place, bounds) => *place(settings) = window(given.parts(), bounds)?,
            Field::Text(place, rule) => {
                let text = given.text()?;
                rule(&text)?;
                *place(settings) = text;
            }
            Field::List(place, rule) => *place(settings) = ruled(given.texts(parse::list)?, *rule)?,
            Field::Rules(place, rule) => *place(settings) = ruled(given.texts(parse::rules)?, *rule)?,
            Field::OptionalRules(place) => *place(settings) = Some(given.texts(parse::rules)?),
            Field::Addresses(place) => *place(settings) = addresses(given.texts(parse::list)?)?,
            Field::OptionalAddresses(place) => {
                let texts = given.texts(parse::list)?;
                *place(settings) = texts.iter().map(|text| parse::address(text)).collect::<Result<_, _>>()?;
            }
            Field::Secret(place) => *place(settings) = given.text()?,
            Field::LogFormat(place) => *place(settings) = given.text()?.parse()?,
            Field::OneOf(place, words) => *place(settings) = one_of(given.text()?, words)?,
            Field::Url(place, rule, _) => {
                let text = given.text()?;
                rule(&text)?;
                *place(settings) = text;
            }
            Field::File(place) => {
                *place(settings) = Some(given.text()?).filter(|path| !path.is_empty()).map(PathBuf::from)
            }
            Field::Texts(_) | Field::Keys(..) | Field::RulesByName(_) => {
                return Err(
                    "a table of names is wanted: give it in the file, or one by one as --set TABLE.NAME=…".into()
                );
            }
        }
        Ok(())
    }

    /// Whether the setting is a table of names that the user chooses.
    pub fn is_table(&self) -> bool {
        matches!(self, Field::Texts(_) | Field::Keys(..) | Field::RulesByName(_))
    }

    /// Parses the value of one of a table's names.
    pub fn assign_entry(&self, settings: &mut Settings, name: &str, given: Given) -> Result<(), String> {
        parse::name(name)?;
        match self {
            Field::Texts(place) => drop(place(settings).insert(name.to_owned(), given.text()?)),
            Field::Keys(place, rule) => {
                let text = given.text()?;
                rule(&text)?;
                place(settings).insert(name.to_owned(), text);
            }
            Field::RulesByName(place) => drop(place(settings).insert(name.to_owned(), given.texts(parse::rules)?)),
            _ => return Err("it is no table".into()),
        }
        Ok(())
    }

    /// A value, or that of one of a table's names, as it may be shown, whether or not it is one.
    pub fn public_text(&self, text: &str) -> String {
        match self {
            Field::Secret(_) if !text.is_empty() => HIDDEN.to_owned(),
            Field::Keys(..) => crate::auth::shown_key(text),
            Field::Url(_, _, shown) => shown(&crate::redis::redacted(text)),
            _ => text.to_owned(),
        }
    }

    /// Whether two settings have the same value here, also where it is not shown.
    pub fn is_same(&self, a: &Settings, b: &Settings) -> bool {
        let (a, b) = (&mut a.clone(), &mut b.clone());
        match self {
            Field::Size(place, _) | Field::Count(place, _) => place(a) == place(b),
            Field::Count32(place, _) => place(a) == place(b),
            Field::Boolean(place) => place(a) == place(b),
            Field::Millis(place, _) => place(a) == place(b),
            Field::Window(place, _) => place(a) == place(b),
            Field::Text(place, _) | Field::Secret(place) | Field::OneOf(place, _) | Field::Url(place, ..) => {
                place(a) == place(b)
            }
            Field::List(place, _) | Field::Rules(place, _) => place(a) == place(b),
            Field::OptionalRules(place) => place(a) == place(b),
            Field::Addresses(place) | Field::OptionalAddresses(place) => place(a) == place(b),
            Field::LogFormat(place) => place(a) == place(b),
            Field::File(place) => place(a) == place(b),
            Field::Texts(place) | Field::Keys(place, _) => place(a) == place(b),
            Field::RulesByName(place) => place(a) == place(b),
        }
    }

    /// The value as TOML; none where an optional one is not set.
    pub fn shown(&self, settings: &Settings) -> Option<String> {
        let settings = &mut settings.clone();
        Some(match self {
            Field::Size(place, _) => quoted_if_text(parse::shown_size(*place(settings))),
            Field::Count(place, _) => place(settings).to_string(),
            Field::Count32(place, _) => place(settings).to_string(),
            Field::Boolean(place) => place(settings).to_string(),
            Field::Millis(place, _) => place(settings).to_string(),
            Field::Window(place, _) => format!("{:?}", place(settings)),
            Field::Text(place, _) => quoted(place(settings)),
            Field::List(place, _) | Field::Rules(place, _) => array(place(settings)),
            Field::OptionalRules(place) => array(place(settings).as_ref()?),
            Field::Addresses(place) | Field::OptionalAddresses(place) => array(place(settings)),
            Field::Secret(place) if place(settings).is_empty() => quoted(""),
            Field::Secret(_) => return None,
            Field::LogFormat(place) => quoted(&place(settings).to_string()),
            Field::OneOf(place, _) => quoted(place(settings)),
            Field::Url(place, _, shown) => quoted(&shown(place(settings))),
            Field::File(place) => quoted(&place(settings).as_ref()?.display().to_string()),
            Field::Texts(place) => table(place(settings), |text| quoted(text))?,
            Field::Keys(place, _) => table(place(settings), |text| quoted(&crate::auth::shown_key(text)))?,
            Field::RulesByName(place) => table(place(settings), |rules| array(rules))?,
        })
    }
}

fn within(value: u64, bounds: &RangeInclusive<u64>, size: bool) -> Result<u64, String> {
    let shown = |n: u64| if size { parse::shown_size(n as usize) } else { n.to_string() };
    match bounds.contains(&value) {
        true => Ok(value),
        false => Err(format!("{} is not within {} and {}", shown(value), shown(*bounds.start()), shown(*bounds.end()))),
    }
}

fn window(parts: Vec<Given>, bounds: &RangeInclusive<u64>) -> Result<[u64; 2], String> {
    let times = parts.iter().map(|part| within(part.millis()?, bounds, false)).collect::<Result<Vec<_>, String>>()?;
    match times[..] {
        [least, most] if least <= most => Ok([least, most]),
        [least, most] => Err(format!("the least, {least}, is over the most, {most}")),
        _ => Err("two times are wanted, least and most, such as 100ms,2s".into()),
    }
}

fn narrow<T: TryFrom<u64>>(value: u64) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("{value} is too large for this machine"))
}

fn one_of(text: String, words: &[&str]) -> Result<String, String> {
    match words.contains(&text.as_str()) {
        true => Ok(text),
        false => Err(format!("{text:?} is none of {}", words.join(", "))),
    }
}

fn ruled(texts: Vec<String>, rule: Rule) -> Result<Vec<String>, String> {
    texts.iter().try_for_each(|text| rule(text))?;
    Ok(texts)
}

fn addresses(texts: Vec<String>) -> Result<Vec<SocketAddr>, String> {
    texts.iter().map(|text| parse::address(text)).collect()
}

/// As an inline table; none if it is empty.
fn table<T>(entries: &BTreeMap<String, T>, shown: impl Fn(&T) -> String) -> Option<String> {
    let entries: Vec<_> = entries.iter().map(|(name, value)| format!("{} = {}", quoted(name), shown(value))).collect();
    (!entries.is_empty()).then(|| format!("{{ {} }}", entries.join(", ")))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn quoted_if_text(text: String) -> String {
    if text.bytes().all(|b| b.is_ascii_digit()) { text } else { quoted(&text) }
}

fn array<T: ToString>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}
