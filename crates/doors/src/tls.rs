//! TLS for clients: certificate, key and whom to ask for a certificate, read from files.
//!
//! What is read is a value; a new one takes the place of the old for connections that come from then on, and those that
//! are there keep theirs.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the files are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFiles {
    /// The server's certificate and its chain, in PEM.
    pub certificate: PathBuf,
    /// The certificate's key, in PEM.
    pub key: PathBuf,
    /// Certificates of those who may have signed the clients', in PEM; with it every client needs one.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file, or says what does not fit together.
    pub fn read(&self) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| format!("{}: {error}", path.display()))?)
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| format!("{}: {e}", self.key.display()))?;
        let together = |e| format!("{} and {}: {e}", self.certificate.display(), self.key.display());
        let mut config = builder.with_single_cert(certificates(&self.certificate)?, key).map_err(together)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The files, for whoever watches them for changes.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let named = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
    let all = CertificateDer::pem_file_iter(path).map_err(named)?.collect::<Result<Vec<_>, _>>().map_err(named)?;
    match all.is_empty() {
        true => Err(format!("{} has no certificate in PEM", path.display())),
        false => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_fit_are_read_and_others_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let certificate = write("cert.pem", &made.cert.pem());
        let key = write("key.pem", &made.signing_key.serialize_pem());
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca: None };
        assert_eq!(files.read().unwrap().alpn_protocols, [b"http/1.1"]);
        let asks = TlsFiles { client_ca: Some(certificate.clone()), ..files.clone() };
        assert!(asks.read().is_ok() && asks.paths().count() == 3);
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let foreign = TlsFiles { key: write("other.pem", &other.signing_key.serialize_pem()), ..files.clone() };
        assert!(foreign.read().unwrap_err().contains("other.pem"));
        let empty = TlsFiles { certificate: write("empty.pem", ""), ..files.clone() };
        assert!(empty.read().unwrap_err().contains("empty.pem has no certificate"));
        let absent = TlsFiles { key: dir.path().join("absent"), ..files };
        assert!(absent.read().unwrap_err().contains("absent"));
    }
}
