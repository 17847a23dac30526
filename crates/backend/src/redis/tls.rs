//! TLS towards Redis: whom to trust and who we are, read from files; and a session over a socket that never waits.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Whom to trust, and who we are. The files are read again at each connect, so that they can be renewed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsConfig {
    /// Certificates to trust, in PEM; none: those of the operating system.
    pub ca: Option<PathBuf>,
    /// Our certificate and its chain, in PEM, for servers that ask for one; with `key`.
    pub cert: Option<PathBuf>,
    /// Our certificate's key, in PEM.
    pub key: Option<PathBuf>,
    /// What of the server's certificate is checked.
    pub verify: Verify,
}

/// What of a server's certificate is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verify {
    /// Who signed it, and that it is for the host connected to.
    #[default]
    Full,
    /// Who signed it: for servers that are known by addresses which their certificates do not name.
    Chain,
    /// Nothing: whoever answers is believed.
    Nothing,
}

impl FromStr for Verify {
    type Err = String;

    fn from_str(text: &str) -> Result<Verify, String> {
        match text {
            "full" => Ok(Verify::Full),
            "chain" => Ok(Verify::Chain),
            "none" => Ok(Verify::Nothing),
            _ => Err(format!("{text:?} is none of \"full\", \"chain\" and \"none\"")),
        }
    }
}

impl fmt::Display for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verify::Full => "full",
            Verify::Chain => "chain",
            Verify::Nothing => "none",
        })
    }
}

impl TlsConfig {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn read(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.verify {
            Verify::Nothing => Arc::new(Lenient { chain: None, provider }),
            Verify::Full => self.chain(&provider)?,
            Verify::Chain => Arc::new(Lenient { chain: Some(self.chain(&provider)?), provider }),
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let config = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let named = |error: rustls::Error| format!("{} and {}: {error}", cert.display(), key.display());
                builder.with_client_auth_cert(certificates(cert)?, private_key(key)?).map_err(named)?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }

    fn chain(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
        let roots = match &self.ca {
            None => system_roots()?,
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                Arc::new(roots)
            }
        };
        WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build().map_err(|error| error.to_string())
    }
}

/// The certificates that this machine trusts; read once.
fn system_roots() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    match roots.is_empty() {
        true => {
            Err("this machine has no trusted certificates (package ca-certificates): set redis_ca (for collect: --ca)"
                .to_owned())
        }
        false => Ok(roots.clone()),
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

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Checks who signed a certificate but not whom it names; without `chain`, not even that.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: all else holds.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A TLS session over a TCP connection, read and written without ever waiting.
#[derive(Debug)]
pub struct TlsStream {
    tcp: TcpStream,
    session: RefCell<ClientConnection>,
}

impl TlsStream {
    /// Shakes hands with `host`.
    ///
    /// # Errors
    /// A connection that ends meanwhile, or a certificate that is not to be trusted, with what to set.
    pub async fn connect(tcp: TcpStream, host: &str, config: Arc<ClientConfig>) -> io::Result<TlsStream> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::other(format!("{host:?} is no name that a certificate could have")))?;
        let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let stream = TlsStream { tcp, session: RefCell::new(session) };
        loop {
            stream.write_out().or_else(ignore_would_block)?;
            if !stream.session.borrow().is_handshaking() {
                return Ok(stream);
            }
            let wants_write = stream.wants_write();
            stream.tcp.ready(interest(wants_write)).await?;
            match stream.read_in() {
                Ok(0) => return Err(io::Error::other("it closed the connection during the TLS handshake")),
                Ok(_) => {}
                Err(error) => ignore_would_block(error)?,
            }
        }
    }

    /// The connection below.
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Reads what there is.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; else the connection is of no more use.
    pub fn try_read(&self, into: &mut bytes::BytesMut) -> io::Result<usize> {
        loop {
            match self.take_plain(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                taken => return taken,
            }
            if self.read_in()? == 0 {
                return Ok(0);
            }
        }
    }

    /// Takes bytes to send: as many as its buffer has room for.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing now; else the connection is of no more use.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write_out()?;
        let taken = self.session.borrow_mut().writer().write(bytes)?;
        self.write_out().or_else(ignore_would_block)?;
        Ok(taken)
    }

    /// Whether encrypted bytes wait for the socket.
    pub fn wants_write(&self) -> bool {
        self.session.borrow().wants_write()
    }

    /// Writes encrypted bytes until none are left.
    pub fn write_out(&self) -> io::Result<()> {
        let mut session = self.session.borrow_mut();
        while session.wants_write() {
            session.write_tls(&mut Raw(&self.tcp))?;
        }
        Ok(())
    }

    /// Reads encrypted bytes once.
    fn read_in(&self) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        let read = session.read_tls(&mut Raw(&self.tcp))?;
        let processed = session.process_new_packets().map(drop).map_err(explain);
        if processed.is_err() {
            // What the server should hear of it; it may be gone already.
            let _ = session.write_tls(&mut Raw(&self.tcp));
        }
        processed.map(|()| read)
    }

    fn take_plain(&self, into: &mut bytes::BytesMut) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        let mut reader = session.reader();
        let plain = reader.fill_buf()?;
        let taken = plain.len();
        into.extend_from_slice(plain);
        reader.consume(taken);
        Ok(taken)
    }
}

/// What to wait for; reading always.
pub fn interest(write: bool) -> Interest {
    if write { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE }
}

fn ignore_would_block(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(error) }
}

/// The error with what an operator can do.
fn explain(error: rustls::Error) -> io::Error {
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    let remedy = match &error {
        InvalidCertificate(CertificateError::UnknownIssuer) => {
            "; set redis_ca (for collect: --ca) to the certificate that signed it"
        }
        InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            "; connect by a name that it has, or set redis_tls_verify to chain"
        }
        InvalidMessage(_) => "; does this port speak TLS?",
        _ => "",
    };
    io::Error::other(format!("TLS: {error}{remedy}"))
}

/// A socket as rustls reads and writes it.
struct Raw<'a>(&'a TcpStream);

impl Read for Raw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
