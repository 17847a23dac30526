//! Keeps a password out of the process's title: what stands on a command line can be read by everybody on the machine.

use crate::redis::redacted;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable that stands for the flag.
const VARIABLE: &str = "KEYWIRE_REDIS";

/// If the command line has a Redis URL with a password, starts this program again in its own place with the URL in the
/// environment, which only this user can read. Does nothing otherwise, or where that is not possible.
pub fn hide_password() {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let Some((rest, url)) = without_password(&arguments) else { return };
    if let Ok(program) = std::env::current_exe() {
        // Only returns where it fails; then all goes on as it was.
        let _ = Command::new(program).arg0(&rest[0]).args(&rest[1..]).env(VARIABLE, url).exec();
    }
}

/// The arguments without the flag that holds a password, and its URL; none if there is no such flag.
fn without_password(arguments: &[OsString]) -> Option<(Vec<OsString>, String)> {
    let mut rest = Vec::with_capacity(arguments.len());
    let mut found = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or("");
        let (flag, url) = match (text, text.strip_prefix("--redis=")) {
            (_, Some(url)) => (vec![argument], Some(url)),
            ("--redis", None) => {
                let value = arguments.next();
                (std::iter::once(argument).chain(value).collect(), value.and_then(|value| value.to_str()))
            }
            _ => (vec![argument], None),
        };
        match url.filter(|url| redacted(url) != *url) {
            Some(url) => found = Some(url.to_owned()),
            None => rest.extend(flag.into_iter().cloned()),
        }
    }
    found.map(|url| (rest, url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(line: &str) -> Option<(String, String)> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let (rest, url) = without_password(&arguments)?;
        Some((rest.join(std::ffi::OsStr::new(" ")).into_string().unwrap(), url))
    }

    #[test]
    fn only_a_flag_with_a_password_is_taken_away() {
        let taken = Some(("keywire serve --lanes 2".to_owned(), "redis://:x@h".to_owned()));
        assert_eq!(hidden("keywire serve --redis redis://:x@h --lanes 2"), taken);
        assert_eq!(hidden("keywire serve --redis=redis://:x@h --lanes 2"), taken);
        for line in ["keywire serve --redis redis://h", "keywire serve --redis", "keywire serve --lanes 2"] {
            assert_eq!(hidden(line), None);
        }
    }
}
