//! The settings of running a server: how it ends, and who may look inside.

use std::path::PathBuf;

/// How the server is run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// How it ends.
    pub drain: Drain,
    /// Who may look inside.
    pub admin: Admin,
}

/// What happens between SIGTERM and the end. A second signal ends at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Drain {
    /// After SIGTERM `/readyz` answers 503, and the server goes on for so long as if nothing were: until load balancers
    /// have noticed. Then new clients are refused with 503.
    pub notice_ms: u64,
    /// Connections are closed (1001) one after another within this time, so that not all come back at the same moment;
    /// a few go faster (500 a second).
    pub window_ms: u64,
    /// How long after the last close frame clients get to take theirs; then the process ends.
    pub goodbye_ms: u64,
}

impl Default for Drain {
    fn default() -> Drain {
        Drain { notice_ms: 0, window_ms: 5000, goodbye_ms: 500 }
    }
}

/// Who may use `/admin`.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// Who may see and end connections under `/admin`: nobody (`off`: 404), who has the secret
    /// (`Authorization: Bearer …`), or whoever is on this machine (`loopback`: by a loopback address, and no proxy as far as
    /// that can be told; with a proxy on this machine, use `secret`).
    pub access: String,
    /// The secret, of at least 16 characters. Better in a file, or in the variable `KEYWIRE_ADMIN_SECRET`, than in a flag.
    pub secret: String,
    /// A file with the secret and nothing else.
    pub secret_file: Option<PathBuf>,
}

impl Default for Admin {
    fn default() -> Admin {
        Admin { access: "off".to_owned(), secret: String::new(), secret_file: None }
    }
}

impl Admin {
    /// The secret, wherever it stands.
    ///
    /// # Errors
    /// What is wrong with it, and at which setting.
    pub fn secret(&self) -> Result<String, (&'static str, String)> {
        const LENGTH_MIN: usize = 16;
        let (name, secret) = match &self.secret_file {
            None => ("admin.secret", self.secret.clone()),
            Some(_) if !self.secret.is_empty() => {
                return Err(("admin.secret_file", "the secret is given twice, here and by admin.secret".to_owned()));
            }
            Some(path) => {
                let secret = auth::read_secret_text(path).map_err(|what| ("admin.secret_file", what))?;
                ("admin.secret_file", secret)
            }
        };
        match secret.len() >= LENGTH_MIN {
            true => Ok(secret),
            false => Err((name, format!("a secret of at least {LENGTH_MIN} characters is wanted"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stands_in_one_place_and_is_long_enough() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        let admin = |secret: &str, secret_file: Option<PathBuf>| Admin {
            secret: secret.into(),
            secret_file,
            access: "secret".into(),
        };
        assert_eq!(admin("", Some(file.clone())).secret().unwrap(), "0123456789abcdef");
        assert_eq!(admin("0123456789abcdeX", None).secret().unwrap(), "0123456789abcdeX");
        let wrong =
            [("", None), ("0123456789abcde", None), ("0123456789abcdef", Some(file)), ("", Some("/absent".into()))];
        let names = wrong.map(|(secret, file)| admin(secret, file).secret().unwrap_err().0);
        assert_eq!(names, ["admin.secret", "admin.secret", "admin.secret_file", "admin.secret_file"]);
    }
}
