//! `keywire token`: makes tokens, and says what one is worth under these settings.

use crate::auth;
use crate::cli::SettingsArgs;
use crate::settings::{Settings, parse};
use ::auth::{KeySource, Minting, Now, Served};
use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::{Args, Subcommand};
use model::command::CommandTable;
use serde_json::{Map, Value, json};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

/// The command line.
#[derive(Args, Debug)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    action: Action,
    /// Whose keys and rules.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Print a new token, signed with a secret of the settings (auth.keys) or with a private key
    Mint(MintArgs),
    /// Say whether a token is accepted and why not, and what it gives; exit code 1 if it is not
    #[command(after_help = "Example: keywire token explain --config k.toml \"$TOKEN\" -- GET user:ann:name")]
    Explain {
        /// The token; - reads it from standard input
        token: String,
        /// A command: which rule allows or refuses it
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
}

#[derive(Args, Debug)]
struct MintArgs {
    /// Whose it is (the claim auth.user_claim)
    #[arg(long, value_name = "NAME")]
    user: String,
    /// How long it is good: 15min, 1h
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: String,
    /// Rules: '~user:{sub}:* +@read'
    #[arg(long, value_name = "RULES", allow_hyphen_values = true)]
    acl: Option<String>,
    /// A role of auth.roles; may be repeated
    #[arg(long, value_name = "NAME")]
    role: Vec<String>,
    /// Another claim, as JSON or as text; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
    /// The key of auth.keys to sign with, which must be a secret unless --private-key is given [default: the only one]
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// A private key in PEM (PKCS #8)
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// What the private key is for: ES256, RS256, EdDSA… [default: that of --key]
    #[arg(long, value_name = "NAME")]
    algorithm: Option<String>,
}

/// Does what is asked.
///
/// # Errors
/// What is wrong with keys or arguments.
pub fn run(args: TokenArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Mint(args) => {
            println!("{}", mint(&args, settings)?);
            Ok(ExitCode::SUCCESS)
        }
        Action::Explain { token, command } => explain(token, &command, settings),
    }
}

fn mint(args: &MintArgs, settings: &Settings) -> anyhow::Result<String> {
    let claims = claims(args, settings)?;
    let source = key_source(args, settings)?;
    let (algorithm, key) = match (&args.private_key, &source) {
        (Some(path), source) => {
            let key = std::fs::read(path).with_context(|| path.display().to_string())?;
            let of_source = source.as_ref().map(|(_, source)| source.algorithm_name().to_owned());
            let algorithm = args.algorithm.clone().or(of_source);
            (algorithm.context("--algorithm says what the private key is for")?, key)
        }
        (None, Some((_, source))) => (source.algorithm_name().to_owned(), source.bytes().map_err(anyhow::Error::msg)?),
        (None, None) => {
            bail!("there is no key to sign with: give auth.keys a secret, or --private-key and --algorithm")
        }
    };
    let key_id = source.map(|(name, _)| name);
    ::auth::mint(&Minting { algorithm: &algorithm, key: &key, key_id, claims: &claims }).map_err(anyhow::Error::msg)
}

/// The key of the settings that is meant, with its name.
fn key_source(args: &MintArgs, settings: &Settings) -> anyhow::Result<Option<(String, KeySource)>> {
    let keys = &settings.auth.keys;
    let name = match (&args.key, keys.len()) {
        (Some(name), _) => name,
        (None, 1) => keys.keys().next().context("a key")?,
        (None, _) if args.private_key.is_some() => return Ok(None),
        (None, 0) => return Ok(None),
        (None, _) => bail!("auth.keys has several: --key says which"),
    };
    let text = keys.get(name).with_context(|| format!("auth.keys has no {name}"))?;
    Ok(Some((name.clone(), text.parse().map_err(anyhow::Error::msg)?)))
}

fn claims(args: &MintArgs, settings: &Settings) -> anyhow::Result<Map<String, Value>> {
    let a = &settings.auth;
    let lifetime =
        parse::Given::Text(args.expires.clone()).millis().map_err(|what| anyhow!("--expires: {what}"))? / 1000;
    let now = now().unix_ms / 1000;
    let mut claims = Map::new();
    claims.insert(a.user_claim.clone(), json!(args.user));
    claims.insert("iat".to_owned(), json!(now));
    claims.insert("exp".to_owned(), json!(now.saturating_add(lifetime)));
    claims.insert("jti".to_owned(), json!(format!("{:016x}", fastrand::u64(..))));
    if let Some(rules) = &args.acl {
        claims.insert(a.acl_claim.clone(), json!(parse::rules(rules)));
    }
    if !args.role.is_empty() {
        claims.insert(a.roles_claim.clone(), json!(args.role));
    }
    for (claim, values) in [("aud", &a.audience), ("iss", &a.issuer)] {
        values.first().and_then(|value| claims.insert(claim.to_owned(), json!(value)));
    }
    for claim in &args.claim {
        let (name, value) = claim.split_once('=').context("--claim: NAME=VALUE is wanted")?;
        claims.insert(name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| json!(value)));
    }
    Ok(claims)
}

fn explain(mut token: String, command: &[String], settings: &Settings) -> anyhow::Result<ExitCode> {
    if token == "-" {
        token.clear();
        std::io::stdin().read_to_string(&mut token)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let table = CommandTable::redis();
    let deny = lane::parse_deny(&settings.deny_commands, &table)?;
    let queries = auth::queries(settings).map_err(|wrong| anyhow!("queries: {}", wrong[0].1))?;
    let served = Served { deny: &deny, queries: &queries };
    let command: Vec<Bytes> = command.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
    let command = (!command.is_empty()).then_some(command.as_slice());
    let explained = runtime.block_on(async {
        let gate = auth::open(settings)?;
        anyhow::Ok(::auth::explain(&gate, token.trim(), command, served, now()).await)
    })?;
    print!("{}", explained.text);
    Ok(if explained.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn now() -> Now {
    let moment = runtime::Clock::start().moment();
    Now { time: moment.time, unix_ms: moment.unix_ms }
}
