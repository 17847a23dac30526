//! What to say at `AUTH`: known from the start, or in a file that may change while the server runs.

use std::fmt;
use std::io;
use std::path::PathBuf;
use upstream::Credentials;

/// Where a connection's credentials come from.
#[derive(Clone, Default)]
pub enum CredentialSource {
    /// There are none: `AUTH` is not sent.
    #[default]
    Nobody,
    /// Always the same.
    Fixed(Credentials),
    /// The password is read from a file at each connect, so that it can be rotated.
    File {
        /// The ACL user; none: the default one.
        user: Option<String>,
        /// Holds the password and nothing else; one newline at its end is no part of it.
        path: PathBuf,
    },
}

impl CredentialSource {
    /// The credentials for a connection that is made now.
    ///
    /// # Errors
    /// A file that cannot be read, is empty or is no text; the error names it and shows nothing of it.
    pub async fn load(&self) -> io::Result<Option<Credentials>> {
        match self {
            CredentialSource::Nobody => Ok(None),
            CredentialSource::Fixed(credentials) => Ok(Some(credentials.clone())),
            CredentialSource::File { user, path } => {
                let (shown, path) = (path.display().to_string(), path.clone());
                // A file may be on a disk that does not answer; the lane's thread must not wait for it.
                let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
                let text = read.map_err(io::Error::other)?;
                let password = text.and_then(|text| password_of(&text).ok_or_else(|| io::Error::other("it is empty")));
                let named = |error| io::Error::other(format!("the password file {shown}: {error}"));
                Ok(Some(Credentials { user: user.clone(), password: password.map_err(named)? }))
            }
        }
    }
}

/// The password in a file's text: all of it but for one newline at its end.
fn password_of(text: &str) -> Option<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    (!text.is_empty()).then(|| text.to_owned())
}

impl fmt::Debug for CredentialSource {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialSource::Nobody => f.write_str("Nobody"),
            CredentialSource::Fixed(credentials) => write!(f, "Fixed(user {:?})", credentials.user),
            CredentialSource::File { user, path } => write!(f, "File(user {user:?}, {})", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(source: &CredentialSource) -> Result<Option<Credentials>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(source.load()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_is_read_again_each_time_without_its_newline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let source = CredentialSource::File { user: Some("app".into()), path: path.clone() };
        for (text, password) in [("one\n", "one"), ("two", "two"), (" th ree \r\n", " th ree "), ("4\n\n", "4\n")] {
            std::fs::write(&path, text).unwrap();
            let credentials = load(&source).unwrap().unwrap();
            assert_eq!((credentials.user.as_deref(), credentials.password.as_str()), (Some("app"), password));
        }
    }

    #[test]
    fn a_file_that_gives_none_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let source = CredentialSource::File { user: None, path: path.clone() };
        assert!(load(&source).unwrap_err().contains(&path.display().to_string()));
        std::fs::write(&path, "\n").unwrap();
        assert!(load(&source).unwrap_err().ends_with("it is empty"));
        std::fs::write(&path, b"hunter\xff2").unwrap();
        assert!(!load(&source).unwrap_err().contains("hunter"));
    }

    #[test]
    fn no_password_is_shown() {
        let credentials = Credentials { user: None, password: "hunter2".into() };
        assert!(!format!("{:?}", CredentialSource::Fixed(credentials)).contains("hunter2"));
        assert_eq!(load(&CredentialSource::Nobody), Ok(None));
    }
}
