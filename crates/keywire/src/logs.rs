//! The log: one line per event on standard error, for people or for machines.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Lines for people, or one JSON object a line.
    pub format: LogFormat,
    /// What is told: `error`, `warn`, `info`, `debug`, `trace` or `off`; also by part of the program:
    /// `info,doors=debug`.
    pub level: String,
    /// A client's command, or a read for its feeds, that the backend takes this long for is told (`slow command`, `slow read`:
    /// its name, who sent it, how long) and counted in `keywire_slow_commands_total` and `keywire_slow_reads_total`; under
    /// flood a few a second are told. Keys are not. 0: nothing is told or counted.
    pub slow_ms: u64,
}

impl Default for Log {
    fn default() -> Log {
        Log { format: LogFormat::Text, level: "info".to_owned(), slow_ms: 100 }
    }
}

impl Log {
    /// What takes the backend this long is told; none: nothing is.
    pub fn slow(&self) -> Option<Duration> {
        (self.slow_ms > 0).then(|| Duration::from_millis(self.slow_ms))
    }
}

/// For whom the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// People.
    Text,
    /// Machines.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("{text:?} is neither \"text\" nor \"json\"")),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        })
    }
}

/// Whether `level` says what to tell: levels, or levels of parts.
pub fn check_level(level: &str) -> Result<(), String> {
    targets(level).map(|_| ())
}

/// Changes what is told.
pub struct Level(Handle<Targets, Registry>);

impl Level {
    /// From now on, this is told.
    pub fn set(&self, level: &str) {
        if let Ok(targets) = targets(level) {
            // It fails only if the log is gone.
            let _ = self.0.reload(targets);
        }
    }
}

/// Installs the log for the whole process; to be called once.
pub fn init(log: &Log) -> Level {
    let targets = targets(&log.level).expect("settings hold only levels that were checked");
    let (targets, handle) = reload::Layer::new(targets);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_filter(targets).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(targets).boxed(),
    };
    Registry::default().with(layer).init();
    Level(handle)
}

/// Stricter than `Targets`' own parser, which takes a misspelt level for the name of a part.
fn targets(level: &str) -> Result<Targets, String> {
    let one = |targets: Targets, directive: &str| {
        let (part, level) = directive.rsplit_once('=').map_or((None, directive), |(part, level)| (Some(part), level));
        let level: LevelFilter = Some(level.trim()).filter(|level| !level.is_empty())?.parse().ok()?;
        Some(match part {
            Some(part) => targets.with_target(part.trim(), level),
            None => targets.with_default(level),
        })
    };
    level
        .split(',')
        .try_fold(Targets::new(), one)
        .ok_or_else(|| format!("{level:?} is not a level such as info, or levels of parts such as warn,doors=debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for good in ["info", "off", "warn,doors=debug", "keywire=trace, error"] {
            assert_eq!(check_level(good), Ok(()), "{good}");
        }
        for bad in ["", "inof", "doors=", "info,,warn", "info;warn"] {
            assert!(check_level(bad).is_err(), "{bad}");
        }
    }
}
