//! Fetching by HTTP or HTTPS: small answers, in time, without following anybody anywhere.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Keeps connections open between requests.
#[derive(Clone, Debug)]
pub(crate) struct Client(hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

impl Client {
    /// `ca`: certificates to trust, in PEM; none: those of the operating system.
    pub fn new(ca: Option<&Path>) -> Result<Client, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?;
        let tls = builder.with_root_certificates(roots(ca)?).with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Client(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// The answer's status and body.
    pub async fn get(
        &self,
        uri: Uri,
        headers: HeaderMap,
        bytes_max: usize,
        timeout: Duration,
    ) -> Result<(StatusCode, Bytes), String> {
        let mut request = Request::get(uri).body(Empty::new()).map_err(|error| error.to_string())?;
        *request.headers_mut() = headers;
        let answer = async {
            let response = self.0.request(request).await.map_err(|error| all_causes(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), bytes_max).collect().await;
            let body = body.map_err(|_| format!("the answer ended early or is over {bytes_max} bytes"))?;
            Ok((status, body.to_bytes()))
        };
        let waited = tokio::time::timeout(timeout, answer).await;
        waited.unwrap_or_else(|_| Err(format!("no answer within {} ms", timeout.as_millis())))
    }
}

/// A URL as it may be told: a query may hold a secret.
pub(crate) fn shown(uri: &Uri) -> String {
    let (scheme, authority) = (uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |a| a.as_str()));
    let host = authority.rsplit('@').next().unwrap_or("");
    format!("{scheme}://{host}{}", uri.path())
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // Where the system has none, https fails with a sentence of its own.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() { Err(wrong(&"no certificate in it")) } else { Ok(roots) }
}

fn all_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_of_a_url_is_not_told() {
        let told = |text: &str| shown(&text.parse().unwrap());
        assert_eq!(told("https://u:p@h.example:81/keys?key=s3cret"), "https://h.example:81/keys");
        assert_eq!(told("http://h.example"), "http://h.example/");
    }
}
