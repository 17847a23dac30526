//! Sockets of each kind to a real server: TCP, Unix, TLS with what it refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use backend::redis::{Client, TlsConfig, Verify};
use common::{Server, free_port, make_certificates};
use model::Reply;
use std::time::Duration;
use upstream::{Address, Credentials};

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap().block_on(future)
}

fn tcp(host: &str, port: u16) -> Address {
    Address::Tcp { host: host.into(), port }
}

/// A large value there and back.
async fn round_trip(client: &mut Client) {
    let value = vec![b'x'; 3 << 20];
    assert_eq!(client.call(&[&b"SET"[..], b"k", &value]).await.unwrap(), Reply::OK);
    assert_eq!(client.call(&["GET", "k"]).await.unwrap(), Reply::Bulk(value.into()));
}

#[test]
fn tcp_and_unix_sockets() {
    let server = Server::start(&["--requirepass", "s3cret"]);
    let credentials = Credentials { user: None, password: "s3cret".into() };
    block_on(async {
        for address in [tcp("localhost", server.port), Address::Unix(server.socket())] {
            let mut client = Client::connect(&address, None).await.unwrap();
            let wrong = Credentials { password: "other".into(), ..credentials.clone() };
            let refused = client.hello(Some(&wrong)).await.unwrap().as_error().unwrap();
            assert_eq!(refused.code, "WRONGPASS");
            assert!(matches!(client.hello(Some(&credentials)).await.unwrap(), Reply::Map(_)));
            round_trip(&mut client).await;
            client.send(&["SUBSCRIBE", "c"]).await.unwrap();
            assert_eq!(client.next_push().await.unwrap()[0], Reply::bulk("subscribe"));
            client.call(&["PUBLISH", "c", "m"]).await.unwrap();
            assert_eq!(client.next_push().await.unwrap()[2], Reply::bulk("m"));
        }
        let error = Client::connect(&tcp("127.0.0.1", free_port()), None).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    });
}

#[test]
fn tls_with_everything_it_refuses() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path(), &[("server", &["localhost"]), ("client", &["app"])]);
    let (path, tls_port) = (folder.path().to_owned(), free_port());
    let file = |name: &str| path.join(name);
    let (port, argument) = (tls_port.to_string(), |name| file(name).to_str().unwrap().to_owned());
    let (cert, key, ca) = (argument("server.pem"), argument("server.key"), argument("ca.pem"));
    let arguments = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let server = Server::start_in(folder, &arguments);
    let anonymous = TlsConfig { ca: Some(file("ca.pem")), ..TlsConfig::default() };
    let known = TlsConfig { cert: Some(file("client.pem")), key: Some(file("client.key")), ..anonymous.clone() };
    let attempt = |host: &'static str, port: u16, tls: TlsConfig| async move {
        let mut client = Client::connect(&tcp(host, port), Some(&tls)).await?;
        client.hello(None).await.map(|_| client)
    };
    block_on(async {
        round_trip(&mut attempt("localhost", tls_port, known.clone()).await.unwrap()).await;
        let lenient = |verify, ca: Option<&str>| TlsConfig { verify, ca: ca.map(file), ..known.clone() };
        for (host, port, tls, says) in [
            ("localhost", tls_port, anonymous, "ertificate"),
            ("127.0.0.1", tls_port, known.clone(), "redis_tls_verify"),
            ("localhost", tls_port, lenient(Verify::Full, Some("client.pem")), "redis_ca"),
            ("127.0.0.1", tls_port, lenient(Verify::Chain, Some("client.pem")), "redis_ca"),
            ("localhost", tls_port, lenient(Verify::Full, Some("absent.pem")), "absent.pem"),
            // A Redis that is greeted in TLS on its plain port waits for a line's end: who connects gives up.
            ("localhost", server.port, known.clone(), ""),
        ] {
            let attempt = tokio::time::timeout(Duration::from_secs(1), attempt(host, port, tls)).await;
            let error = attempt.map_or_else(|elapsed| elapsed.to_string(), |done| done.unwrap_err().to_string());
            assert!(error.contains(says), "{host} {port}: {error}");
        }
        attempt("127.0.0.1", tls_port, lenient(Verify::Chain, Some("ca.pem"))).await.unwrap();
        attempt("127.0.0.1", tls_port, lenient(Verify::Nothing, None)).await.unwrap();
    });
}
