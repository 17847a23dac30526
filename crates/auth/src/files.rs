//! Files with secrets in them, and whether one is another than it was.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Tells whether a file is another than it was: also one of the same size and time that was put in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Stamp {
    /// Of the file as it is now; none if there is none.
    pub fn of(path: &Path) -> Option<Stamp> {
        let file = std::fs::metadata(path).ok()?;
        Some(Stamp { modified: file.modified().ok(), bytes: file.len(), inode: file.ino() })
    }
}

/// What a file holds, without the ends of lines that editors put behind it.
///
/// # Errors
/// Why it cannot be read, with its path.
pub fn read_secret(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(bytes)
}

/// The same, where it is to be a text.
///
/// # Errors
/// The same, and bytes that are no text.
pub fn read_secret_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read_secret(path)?).map_err(|_| format!("{}: this is no text in UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let absent = Stamp::of(&path);
        std::fs::write(&path, "a").unwrap();
        let first = Stamp::of(&path);
        std::fs::write(dir.path().join("g"), "b").unwrap();
        std::fs::rename(dir.path().join("g"), &path).unwrap();
        let second = Stamp::of(&path);
        assert!(absent.is_none() && first.is_some() && first != second && second == Stamp::of(&path));
    }

    #[test]
    fn a_secret_ends_before_the_ends_of_lines() {
        let path = tempfile::tempdir().unwrap().keep().join("s");
        for (held, secret) in [("a\r\n", "a"), ("a\n\n", "a"), ("a b", "a b"), ("\n", ""), ("a\nb\n", "a\nb")] {
            std::fs::write(&path, held).unwrap();
            assert_eq!(read_secret_text(&path).as_deref(), Ok(secret));
        }
        std::fs::write(&path, b"\xff\n").unwrap();
        assert_eq!(read_secret(&path).as_deref(), Ok(&b"\xff"[..]));
        assert!(read_secret_text(&path).unwrap_err().contains("no text"));
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert!(read_secret(&path).unwrap_err().contains("/s: "));
    }
}
