//! Keeps secrets out of the process's title: what stands on a command line can be read by everybody on the machine.

use crate::redis::redacted;
use crate::settings::public_text;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable with the command line as it was given. It is no setting: those begin with `KEYWIRE_`.
const VARIABLE: &str = "_KEYWIRE_COMMAND_LINE";
/// Stands between the arguments there; no argument that means anything has it.
const SEPARATOR: u8 = 0x1f;

/// The command line. If there are secrets on it, starts this program again in its own place, without them in its title and
/// with the whole line in the environment, which only this user can read. Where that is not possible all goes on as it is.
pub fn arguments() -> Vec<OsString> {
    let given: Vec<OsString> = std::env::args_os().collect();
    // One that another process left there is not ours.
    if let Some(whole) = std::env::var_os(VARIABLE).map(split).filter(|whole| without_secrets(whole) == given) {
        return whole;
    }
    let title = without_secrets(&given);
    if title != given
        && let (Some(whole), Ok(program)) = (join(&given), std::env::current_exe())
    {
        // Only returns where it fails.
        let _ = Command::new(program).arg0(&title[0]).args(&title[1..]).env(VARIABLE, whole).exec();
    }
    given
}

/// None if it could not be split again.
fn join(arguments: &[OsString]) -> Option<OsString> {
    let is_plain = |argument: &OsString| !argument.as_bytes().contains(&SEPARATOR);
    arguments.iter().all(is_plain).then(|| arguments.join(OsStr::from_bytes(&[SEPARATOR])))
}

fn split(whole: OsString) -> Vec<OsString> {
    whole.as_bytes().split(|byte| *byte == SEPARATOR).map(|part| OsString::from_vec(part.to_vec())).collect()
}

/// The arguments as everybody may read them: passwords of URLs, and the secret settings of `--set`, are not in them.
fn without_secrets(arguments: &[OsString]) -> Vec<OsString> {
    let mut is_set = false;
    let mut public = |argument: &OsString| {
        let Some(text) = argument.to_str() else { return argument.clone() };
        let (flag, setting) = match text.strip_prefix("--set=") {
            Some(setting) => ("--set=", Some(setting)),
            None => ("", Some(text).filter(|_| is_set)),
        };
        is_set = text == "--set";
        match setting.and_then(|setting| setting.split_once('=')) {
            Some((name, value)) => format!("{flag}{name}={}", public_text(name, value)).into(),
            None => redacted(text).into(),
        }
    };
    arguments.iter().map(&mut public).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split('|').map(OsString::from).collect()
    }

    #[test]
    fn secrets_are_taken_out_and_nothing_else() {
        for (line, title) in [
            ("keywire|serve|--redis|redis://u:x@h|--lanes|2", "keywire|serve|--redis|redis://u:***@h|--lanes|2"),
            ("keywire|serve|--redis=redis://:x@h", "keywire|serve|--redis=redis://:***@h"),
            ("k|--set|redis=redis://:x@h", "k|--set|redis=redis://:***@h"),
            ("k|--set=admin.secret=x=y|--set|resp_password=x", "k|--set=admin.secret=…|--set|resp_password=…"),
            ("k|--set|auth.keys.a=HS256 text:x", "k|--set|auth.keys.a=HS256 (hidden)"),
            ("k|--set|auth.keys.a=x", "k|--set|auth.keys.a=(hidden)"),
            ("k|--set|auth.jwks_url=https://h/k?key=x", "k|--set|auth.jwks_url=https://h/k?…"),
        ] {
            assert_eq!(without_secrets(&arguments(line)), arguments(title));
        }
        for line in [
            "keywire|serve|--redis|redis://h|--lanes|2",
            "keywire|serve|--redis",
            "k|--set|auth.keys.a=HS256 file:/run/x|--set|lanes=2|--set",
            "k|--set|admin.secret=|--config|admin.secret=x",
        ] {
            assert_eq!(without_secrets(&arguments(line)), arguments(line));
        }
    }

    #[test]
    fn a_line_is_put_together_as_it_was() {
        let mut line = arguments("k|serve||--set|a=b c\nd");
        line.push(OsString::from_vec(vec![0xff, b'x']));
        assert_eq!(split(join(&line).unwrap()), line);
        assert_eq!(join(&[OsString::from_vec(vec![SEPARATOR])]), None);
    }
}
