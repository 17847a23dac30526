//! The command line. Flags that stand for settings are handed on as text: [`crate::settings`] parses them together
//! with the file and the environment, so that all mistakes are told at once.

use crate::bench;
use crate::collect::CollectArgs;
use crate::settings::{Flag, Given, Sources, public_text};
use crate::token::TokenArgs;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The whole command line.
#[derive(Parser, Debug)]
#[command(name = "keywire", version, about = "Redis data, live over WebSocket", long_about = LONG, after_help = AFTER)]
#[command(max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const LONG: &str = "Redis data, live over WebSocket.\n\n\
    Clients speak Redis commands over WebSocket, and one verb more: `live` sends a\n\
    command's value and then every change of it, whoever makes it.";

const AFTER: &str = "Start here:   keywire demo\n\
    Settings:     keywire serve --help, docs/settings.md; each is also a variable KEYWIRE_…\n              \x20 and a key of --config FILE\n\
    Exit codes:   0 done, 1 failed (doctor: something is wrong), 2 a mistake in the settings or on the command line";

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve clients until SIGINT or SIGTERM
    Serve(SettingsArgs),
    /// Serve the demo: four live applications (chat, monitoring, quotes, a game)
    Demo(SettingsArgs),
    /// Measure a server: fan-out, live queries, idle connections, round trips
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Bench(bench::BenchArgs),
    /// Write this machine's figures (processor, memory, network, processes) to a keywire, once a second
    Collect(CollectArgs),
    /// Print the effective settings and where each came from, or all mistakes; start nothing
    Check(SettingsArgs),
    /// Look at a Redis as keywire would use it: version, rights, limits, latency; what to change
    Doctor {
        /// The settings whose Redis is looked at
        #[command(flatten)]
        settings: SettingsArgs,
        /// Print the findings as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a token, or explain one: whether it is accepted, what it gives, which rule decides
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Token(TokenArgs),
    /// Ask a server on this machine, by its own settings, whether it is ready: exit code 0 if it is
    Health(SettingsArgs),
    /// Send every WebSocket message back as it came, for conformance suites
    #[command(hide = true)]
    Echo {
        /// Where to listen
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
    },
}

/// Flags that are settings.
#[derive(Args, Clone, Debug, Default)]
pub struct SettingsArgs {
    /// Settings file (TOML) [env: KEYWIRE_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to serve HTTP and WebSocket on; may be repeated [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Address on which the embedded store is a Redis, for redis-cli and Redis' clients; may be repeated [default: none]
    #[arg(long, value_name = "ADDR")]
    resp: Vec<String>,
    /// The Redis or Valkey to make live, such as redis://host:6379/0 [default: an embedded store]
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Where the embedded store keeps its data, as a Redis would [default: nowhere, in memory only]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Threads that serve connections [default: one per core but one]
    #[arg(long, value_name = "N")]
    lanes: Option<String>,
    /// The node's name in hello, logs and metrics [default: random]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// An origin whose pages may connect, beside the server's own; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// What clients without a token may do, as Redis ACL rules: '~news:* &news:* +@read'
    #[arg(long, value_name = "RULES", allow_hyphen_values = true)]
    anonymous: Option<String>,
    /// Commands refused to everybody (default: '-@admin -@dangerous +info')
    #[arg(long, value_name = "RULES", allow_hyphen_values = true)]
    deny_commands: Option<String>,
    /// A path before every endpoint's, such as /live
    #[arg(long, value_name = "PATH")]
    prefix: Option<String>,
    /// text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// error, warn, info, debug, trace or off; by part: info,doors=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Any setting of docs/settings.md: limits.outbox_bytes_max=1MiB; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
}

impl SettingsArgs {
    /// These flags and this process's environment. `--set` outranks a flag of its own name.
    pub fn sources(self) -> Sources {
        let text = |(name, text): (std::ffi::OsString, std::ffi::OsString)| {
            (name.to_string_lossy().into_owned(), text.to_string_lossy().into_owned())
        };
        Sources { file: self.config.clone(), env: std::env::vars_os().map(text).collect(), flags: self.flags() }
    }

    fn flags(self) -> Vec<Flag> {
        let repeated = [
            ("--listen", "listen", self.listen),
            ("--resp", "resp_listen", self.resp),
            ("--origin", "origins", self.origin),
        ];
        let single = [
            ("--redis", "redis", self.redis),
            ("--data", "store.data", self.data),
            ("--lanes", "lanes", self.lanes),
            ("--node", "node", self.node),
            ("--anonymous", "anonymous", self.anonymous),
            ("--deny-commands", "deny_commands", self.deny_commands),
            ("--prefix", "prefix", self.prefix),
            ("--log-format", "log.format", self.log_format),
            ("--log-level", "log.level", self.log_level),
        ];
        let flag = |shown: &str, name: &str, given| Flag { shown: shown.to_owned(), name: name.to_owned(), given };
        let repeated = repeated
            .into_iter()
            .filter(|(_, _, values)| !values.is_empty())
            .map(|(shown, name, values)| flag(shown, name, Given::List(values.into_iter().map(Given::Text).collect())));
        let single = single.into_iter().filter_map(|(shown, name, value)| Some(flag(shown, name, Given::Text(value?))));
        let set = self.set.into_iter().map(|(name, value)| flag(&shown(&name, &value), &name, Given::Text(value)));
        repeated.chain(single).chain(set).collect()
    }
}

/// A `--set` flag without its secrets.
fn shown(name: &str, value: &str) -> String {
    format!("--set {name}={}", public_text(name, value))
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::load;

    fn settings(flags: &[&str]) -> SettingsArgs {
        match Cli::try_parse_from([&["keywire", "serve"], flags].concat()).unwrap().command {
            Command::Serve(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_settings() {
        let args = settings(&[
            "--listen",
            "127.0.0.1:1",
            "--listen",
            "[::1]:2",
            "--lanes",
            "3",
            "--resp",
            "127.0.0.1:3",
            "--data",
            "/tmp/d",
            "--anonymous",
            "-get +set",
            "--node",
            "a",
            "--origin",
            "http://a",
            "--deny-commands",
            "-get",
            "--prefix",
            "/p",
            "--log-format",
            "json",
            "--log-level",
            "warn",
            "--set",
            "limits.feeds_max=5",
            "--set",
            "lanes=4",
        ]);
        let sources = Sources { flags: args.flags(), ..Sources::default() };
        let settings = load(&sources, &[]).unwrap().settings;
        assert_eq!((settings.listen.len(), settings.resp.resp_listen.len()), (2, 1));
        assert_eq!((settings.lanes, settings.limits.feeds_max), (4, 5));
        assert_eq!(settings.anonymous_rules(), ["-get", "+set"]);
        assert_eq!((settings.node.as_str(), settings.prefix.as_str()), ("a", "/p"));
        assert_eq!(settings.deny_commands, ["-get"]);
        assert_eq!(settings.log.level, "warn");
        assert_eq!(settings.store.data, Some("/tmp/d".into()));
    }

    #[test]
    fn set_wants_a_name_and_a_value() {
        assert!(Cli::try_parse_from(["keywire", "serve", "--set", "lanes"]).is_err());
    }
}
