//! keywire: Redis data, live over WebSocket. This file only dispatches; see ARCHITECTURE.md for the house.

mod assemble;
mod auth;
mod banner;
mod bench;
mod cli;
mod collect;
mod demo;
mod doctor;
mod health;
mod logs;
mod redis;
mod reload;
mod resp;
mod secret;
mod settings;
mod token;
mod words;

use clap::Parser;
use cli::{Cli, Command, SettingsArgs};
use settings::{Check, Effective};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse_from(secret::arguments()).command {
        Command::Serve(args) => serve(args, false),
        Command::Demo(args) => serve(args, true),
        Command::Bench(args) => finish(bench::run(args)),
        Command::Collect(args) => finish(collect::run(args)),
        Command::Check(args) => with_settings(args, |effective| {
            print!("{}", effective.to_toml());
            Ok(())
        }),
        Command::Doctor { settings, json } => doctor(settings, json),
        Command::Token(args) => token(args),
        Command::Health(args) => with_settings(args, |effective| health::ask(&effective.settings)),
        Command::Echo { listen } => finish(assemble::echo(listen)),
    }
}

/// What the modules that use a setting say of it; asked by `serve`, `demo` and `check` alike.
const CHECKS: &[&Check] = &[&assemble::check];

/// Exit code of a mistake in the settings; clap uses the same for the command line.
const MISTAKE: u8 = 2;

fn serve(args: SettingsArgs, demo: bool) -> ExitCode {
    let sources = args.sources();
    match settings::load(&sources, CHECKS) {
        Ok(effective) => finish(assemble::serve(&effective.settings, sources, demo)),
        Err(mistakes) => mistaken(&mistakes),
    }
}

fn doctor(args: SettingsArgs, json: bool) -> ExitCode {
    match settings::load(&args.sources(), CHECKS) {
        Ok(effective) => doctor::run(&effective.settings, json).unwrap_or_else(|error| finish(Err(error))),
        Err(mistakes) => mistaken(&mistakes),
    }
}

fn token(args: token::TokenArgs) -> ExitCode {
    match settings::load(&args.settings.clone().sources(), CHECKS) {
        Ok(effective) => token::run(args, &effective.settings).unwrap_or_else(|error| finish(Err(error))),
        Err(mistakes) => mistaken(&mistakes),
    }
}

fn with_settings(args: SettingsArgs, run: impl FnOnce(Effective) -> anyhow::Result<()>) -> ExitCode {
    match settings::load(&args.sources(), CHECKS) {
        Ok(effective) => finish(run(effective)),
        Err(mistakes) => mistaken(&mistakes),
    }
}

fn mistaken(mistakes: &settings::Mistakes) -> ExitCode {
    eprintln!("keywire: {mistakes}");
    ExitCode::from(MISTAKE)
}

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keywire: {error:#}");
            ExitCode::FAILURE
        }
    }
}
