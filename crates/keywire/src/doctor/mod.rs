//! `keywire doctor`: looks at the Redis of the settings as keywire would use it, and says what to change.
//!
//! [`visit`] asks the servers (facts, nothing judged), [`judge`] makes findings of the facts (nothing asked), and this
//! file prints them. What keywire's user may do is found by doing it, under a key of the doctor's own that goes away.

mod acl;
mod judge;
mod visit;

use crate::redis;
use crate::settings::Settings;
use anyhow::Context;
use judge::{Finding, Level};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Looks, prints the findings, and gives the exit code: 1 if something keeps keywire from working.
///
/// # Errors
/// There is no Redis in the settings.
pub fn run(settings: &Settings, json: bool) -> anyhow::Result<ExitCode> {
    let config = redis::config(settings)?.context("there is no Redis to look at: give --redis URL")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default())?;
    let facts = runtime.block_on(visit::visit(&config));
    // A name that does not resolve may be waited for by a thread of the runtime's.
    runtime.shutdown_background();
    let findings = judge::judge(&facts, &judge::Needs::new(settings, &config));
    let mut out = std::io::stdout().lock();
    let text = match json {
        true => as_json(&redis::backend_name(settings), &findings),
        false => as_text(&redis::backend_name(settings), &findings, out.is_terminal()),
    };
    out.write_all(text.as_bytes())?;
    Ok(if findings.iter().any(|f| f.level == Level::Problem) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn as_text(target: &str, findings: &[Finding], colour: bool) -> String {
    let paint = |code: &'static str| if colour { code } else { "" };
    let mut text = format!("{target}\n");
    let mut server = None;
    for finding in findings {
        if server != Some(&finding.server) {
            text += &format!("\n{}{}{}\n", paint("\x1b[1m"), finding.server, paint("\x1b[0m"));
            server = Some(&finding.server);
        }
        let (mark, code) = match finding.level {
            Level::Good => ("ok      ", "\x1b[32m"),
            Level::Note => ("note    ", "\x1b[36m"),
            Level::Warning => ("warning ", "\x1b[33m"),
            Level::Problem => ("PROBLEM ", "\x1b[31m"),
        };
        text += &format!("  {}{mark}{} {}: {}\n", paint(code), paint("\x1b[0m"), finding.topic, finding.text);
        for line in finding.remedy.iter().flat_map(|remedy| remedy.lines()) {
            text += &format!("             {line}\n");
        }
    }
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    text + &format!("\nproblems: {}, warnings: {}\n", count(Level::Problem), count(Level::Warning))
}

fn as_json(target: &str, findings: &[Finding]) -> String {
    let findings: Vec<_> = findings
        .iter()
        .map(|f| {
            serde_json::json!({
                "level": f.level.as_str(), "server": f.server, "topic": f.topic, "text": f.text, "remedy": f.remedy,
            })
        })
        .collect();
    let problems = findings.iter().filter(|f| f["level"] == Level::Problem.as_str()).count();
    let report = serde_json::json!({ "redis": target, "ok": problems == 0, "findings": findings });
    format!("{report:#}\n")
}
