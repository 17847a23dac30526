//! The effective settings as a file that gives them again.

use super::table::{SETTINGS, Setting};
use super::{Effective, Origin};

/// One line per setting, in the table's order, with where its value came from.
pub fn toml(effective: &Effective) -> String {
    let mut text = String::new();
    let mut table = "";
    for (setting, origin) in SETTINGS.iter().zip(&effective.origins) {
        let (head, key) = setting.name.split_once('.').unwrap_or(("", setting.name));
        if head != table {
            text += &format!("\n[{head}]\n");
            table = head;
        }
        text += &line(setting, key, effective, origin);
    }
    text
}

fn line(setting: &Setting, key: &str, effective: &Effective, origin: &Origin) -> String {
    match (origin, setting.computed, setting.field.shown(&effective.settings)) {
        (Origin::Default, Some(what), _) => format!("# {key}: {what}\n"),
        (_, _, Some(value)) => format!("{:<40} # {origin}\n", format!("{key} = {value}")),
        (_, _, None) => format!("# {key}: not set\n"),
    }
}
