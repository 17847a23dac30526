//! Settings that change while the server runs: on SIGHUP, or when a file of theirs has changed.
//!
//! All sources are read anew, by the same rules as at the start. If anything is wrong, everything stays as it was and the
//! log says what is wrong. Else what can change does, for connections that come from then on or for all, and the log names
//! what cannot.

use crate::settings::{self, Auth, Drain, Effective, Settings, Sources, Transport};
use crate::{CHECKS, assemble, auth, logs};
use ::auth::Stamp;
use runtime::Lanes;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps a running server to its settings.
pub struct Reloader {
    /// In force now.
    pub settings: Settings,
    /// Where settings come from.
    pub sources: Sources,
    /// The demo's pages are served.
    pub demo: bool,
    /// The lanes, whose limits may change.
    pub lanes: Lanes,
    /// What the doors are made with.
    pub doors: watch::Sender<Arc<doors::Config>>,
    /// How the server will end.
    pub drain: watch::Sender<Drain>,
    /// Finds out who clients are.
    pub gate: Arc<::auth::Gate>,
    /// Of what the gate gives.
    pub generation: u32,
    /// What the log tells.
    pub level: logs::Level,
}

impl Reloader {
    /// Runs for as long as the server does.
    pub async fn run(mut self) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        let mut ticks = tokio::time::interval(INTERVAL);
        let mut stamps = self.stamps();
        loop {
            let hangup = tokio::select! {
                _ = hangup.recv() => true,
                _ = ticks.tick() => false,
            };
            // As they are before they are read: what is replaced meanwhile is another at the next look.
            let now = self.stamps();
            match (hangup, now == stamps) {
                (true, _) => self.reload("SIGHUP"),
                (false, false) => self.reload("a file changed"),
                (false, true) => {}
            }
            stamps = now;
        }
    }

    fn reload(&mut self, why: &str) {
        let loaded = settings::load(&self.sources, CHECKS).map_err(|mistakes| mistakes.to_string());
        let changed = loaded.and_then(|new| {
            let new = self.with_own_name(new);
            let (merged, changes) = merge(&self.settings, &new);
            // What is new may not go with what only a restart changes: a listener that everybody reaches, for one.
            check(&merged)?;
            self.apply(merged).map(|()| changes)
        });
        match changed {
            Ok(Changes { applied, pending }) => {
                tracing::info!(why, applied = applied.join(" "), "settings reloaded");
                if !pending.is_empty() {
                    tracing::warn!(
                        settings = pending.join(" "),
                        "changed in the settings, but only a restart brings it about"
                    );
                }
            }
            Err(what) => tracing::error!(why, %what, "settings not reloaded, all stays as it was"),
        }
    }

    /// A node that was given no name keeps the one it made up.
    fn with_own_name(&self, new: Effective) -> Settings {
        let is_given = new.is_given("node");
        let mut settings = new.settings;
        if !is_given {
            settings.node.clone_from(&self.settings.node);
        }
        settings
    }

    fn apply(&mut self, new: Settings) -> Result<(), String> {
        let rules = Rules::changed(&self.settings, &new);
        let doors = assemble::doors(&new, self.demo, self.gate.clone()).map_err(|error| format!("{error:#}"))?;
        if let Some(rules) = rules {
            self.apply_rules(&new, rules).map_err(|error| format!("{error:#}"))?;
        }
        self.level.set(&new.log.level);
        self.lanes.set_slow(new.log.slow());
        self.doors.send_replace(Arc::new(doors));
        self.drain.send_replace(new.operation.drain.clone());
        if new.limits != self.settings.limits {
            self.lanes.set_limits(&new.limits);
        }
        self.settings = new;
        Ok(())
    }

    /// First the gate, then the lanes: what the gate gave before is known by its generation, wherever it is on its way.
    fn apply_rules(&mut self, new: &Settings, rules: Rules) -> anyhow::Result<()> {
        let setup = assemble::setup(new)?;
        if rules == Rules::Tokens {
            self.generation = auth::renew(&self.gate, new)?;
        }
        self.lanes.set_rules(&setup.of_generation(self.generation));
        match rules {
            Rules::Tokens => tracing::info!(
                clients = self.lanes.connections(),
                "whom to believe has changed: clients with tokens are closed with 4201 within seconds and come again"
            ),
            Rules::Others => tracing::info!("rules have changed: feeds that they forbid are closed"),
        }
        Ok(())
    }

    /// The files that settings come from, as they are now.
    fn stamps(&self) -> Vec<Option<Stamp>> {
        let tls = assemble::tls_files(&self.settings);
        let tls = tls.iter().flat_map(doors::TlsFiles::paths).map(Path::to_owned);
        let secret = self.settings.operation.admin.secret_file.clone();
        let files: Vec<PathBuf> = self.sources.config_file().into_iter().chain(tls).chain(secret).collect();
        files.iter().map(|path| Stamp::of(path)).collect()
    }
}

/// Which rules are others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rules {
    /// What is given to who says who it is, too.
    Tokens,
    /// Only `anonymous`, `deny_commands` or `queries`.
    Others,
}

impl Rules {
    fn changed(old: &Settings, new: &Settings) -> Option<Rules> {
        // A token's grant holds the claims that the queries ask for.
        let claims = |settings: &Settings| {
            auth::queries(settings).map(|queries| queries.claims().into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let others = |s: &Settings| (s.anonymous_rules(), s.deny_commands.clone(), s.queries.clone());
        match () {
            () if old.auth != new.auth || claims(old) != claims(new) => Some(Rules::Tokens),
            () if others(old) != others(new) => Some(Rules::Others),
            () => None,
        }
    }
}

/// Whether settings go together.
fn check(settings: &Settings) -> Result<(), String> {
    let wrong = settings::wrong_together(settings, CHECKS);
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("it does not go with what only a restart changes: {}", wrong.join("; "))),
    }
}

/// Names of settings that are not as they were.
#[derive(PartialEq, Eq, Debug)]
struct Changes {
    /// In force from now on.
    applied: Vec<&'static str>,
    /// In force after a restart.
    pending: Vec<&'static str>,
}

/// `old` with what of `new` can be brought about in a running server. The files of TLS belong to `listen_tls`: where that
/// comes or goes, which takes a restart, they wait for it too.
fn merge(old: &Settings, new: &Settings) -> (Settings, Changes) {
    let tls_waits = old.transport.listen_tls.is_empty() != new.transport.listen_tls.is_empty();
    let can_change = |name: &&str| settings::is_reloadable(name) && !(tls_waits && name.starts_with("tls."));
    let (applied, pending) = settings::differences(old, new).into_iter().partition(can_change);
    let new = new.clone();
    let merged = Settings {
        origins: new.origins,
        anonymous: new.anonymous,
        deny_commands: new.deny_commands,
        queries: new.queries,
        auth: Auth { revoked_key: old.auth.revoked_key.clone(), ..new.auth },
        transport: Transport {
            hosts: new.transport.hosts,
            trusted_proxies: new.transport.trusted_proxies,
            tls: if tls_waits { old.transport.tls.clone() } else { new.transport.tls },
            ..old.transport.clone()
        },
        operation: new.operation,
        limits: new.limits,
        log: logs::Log { level: new.log.level, slow_ms: new.log.slow_ms, ..old.log.clone() },
        ..old.clone()
    };
    (merged, Changes { applied, pending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_change_does_and_what_cannot_is_named() {
        let old = Settings::default();
        let mut new = old.clone();
        new.origins = vec!["https://a.example".into()];
        new.limits.feeds_max = 7;
        new.log.level = "debug".into();
        new.lanes += 1;
        new.transport.listen_unix = vec!["/x".into()];
        new.transport.hosts = vec!["a.example".into()];
        let (merged, changes) = merge(&old, &new);
        assert_eq!(changes.applied, ["origins", "hosts", "log.level", "limits.feeds_max"]);
        assert_eq!(changes.pending, ["listen_unix", "lanes"]);
        assert_eq!((merged.limits.feeds_max, merged.lanes), (7, old.lanes));
        assert!(merged.transport.listen_unix.is_empty() && merged.transport.hosts == ["a.example"]);
    }

    #[test]
    fn every_setting_that_is_said_to_be_reloadable_is_merged() {
        for name in settings::names().filter(|name| settings::is_reloadable(name)) {
            // Also from one value to another: of secrets, both are shown as the same.
            let first = settings::varied(name, &Settings::default());
            let second = settings::varied(name, &first);
            for (old, new) in [(Settings::default(), &first), (first.clone(), &second)] {
                let (merged, changes) = merge(&old, new);
                assert_eq!(changes, Changes { applied: vec![name], pending: vec![] });
                assert_eq!(merged, *new, "{name}");
            }
        }
    }

    #[test]
    fn a_secret_that_is_another_is_told_though_it_is_never_shown() {
        let with = |secret: &str| {
            let mut settings = Settings::default();
            settings.resp.resp_password = secret.into();
            settings.auth.keys.insert("main".into(), format!("HS256 text:{secret}"));
            settings.servers.redis = format!("redis://:{secret}@h");
            settings.auth.jwks_url = format!("https://a.example/k?{secret}");
            settings
        };
        let (_, changes) = merge(&with("one"), &with("two"));
        let all = [changes.applied, changes.pending].concat();
        for name in ["resp_password", "auth.keys", "redis", "auth.jwks_url"] {
            assert!(all.contains(&name), "{name} is not among {all:?}");
        }
    }

    #[test]
    fn the_files_of_tls_wait_with_the_listener_they_are_for() {
        let with = |port: Option<u16>, certificate: Option<&str>| {
            let mut settings = Settings::default();
            settings.transport.listen_tls = port.map(|port| ([127, 0, 0, 1], port).into()).into_iter().collect();
            settings.transport.tls.certificate = certificate.map(Into::into);
            settings
        };
        let (there, none) = (with(Some(1), Some("/a")), with(None, None));
        for (old, new) in [(&there, &none), (&none, &there)] {
            let (merged, changes) = merge(old, new);
            assert_eq!(merged, *old);
            assert_eq!(changes, Changes { applied: vec![], pending: vec!["listen_tls", "tls.certificate"] });
        }
        let (merged, changes) = merge(&there, &with(Some(2), Some("/b")));
        assert_eq!(merged, with(Some(1), Some("/b")));
        assert_eq!(changes, Changes { applied: vec!["tls.certificate"], pending: vec!["listen_tls"] });
    }
}
