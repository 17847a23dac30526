//! The gate with a key set that is fetched, files that are replaced, and an application that is asked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use auth::{Carried, Config, Denial, Forward, Gate, Jwks, Minting, Now, mint};
use http::HeaderMap;
use model::command::CommandTable;
use model::{CloseCode, Time};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "a secret of thirty-two bytes, or more";
const NOW: Now = Now { time: Time::from_millis(5000), unix_ms: 1_000_000_000 };

/// An HTTP server whose answer can be changed, and which remembers what it was asked.
#[derive(Clone)]
struct Server {
    url: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(status: u16, body: &str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/who", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((status, body.to_owned())));
        let server = Server { url, answer, asked: Arc::default() };
        let told = server.clone();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let told = told.clone();
                tokio::spawn(async move {
                    let mut request = vec![0; 8192];
                    let read = socket.read(&mut request).await.unwrap();
                    told.asked.lock().unwrap().push(String::from_utf8_lossy(&request[..read]).to_lowercase());
                    let (status, body) = told.answer.lock().unwrap().clone();
                    if status == 0 {
                        return tokio::time::sleep(Duration::from_secs(60)).await;
                    }
                    let head =
                        format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
                });
            }
        });
        server
    }

    fn answers(&self, status: u16, body: impl ToString) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn config() -> Config {
    Config::new(CommandTable::redis())
}

fn token(algorithm: &str, key: &str, key_id: Option<&str>, claims: Value) -> String {
    let claims = claims.as_object().unwrap();
    mint(&Minting { algorithm, key: key.as_bytes(), key_id: key_id.map(str::to_owned), claims }).unwrap()
}

fn ed(key_id: &str) -> String {
    token("EdDSA", include_str!("keys/ed.pem"), Some(key_id), json!({"sub": "ann", "exp": 1_000_600, "acl": "~a +get"}))
}

/// A set with the public key of `keys/ed.pem` under these names.
fn jwks(key_ids: &[&str]) -> Value {
    use base64::Engine;
    let pem: String = include_str!("keys/ed.pub.pem").lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(pem).unwrap();
    let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&der[der.len() - 32..]);
    let key = |id: &&str| json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id});
    json!({"keys": key_ids.iter().map(key).collect::<Vec<_>>()})
}

#[test]
fn a_key_set_is_fetched_kept_and_fetched_again_for_a_new_name_but_not_for_every() {
    run(async {
        let server = Server::start(200, &jwks(&["one"]).to_string()).await;
        let pause = Duration::from_millis(100);
        let jwks_config = Jwks { url: server.url.parse().unwrap(), interval: Duration::from_secs(3600), pause };
        let gate = Gate::open(Config { jwks: Some(jwks_config), ..config() }).unwrap();
        // The first one waits for the first fetch.
        assert_eq!(&*gate.token(&ed("one"), NOW).await.unwrap().user, "ann");
        assert!(gate.token(&ed("one"), NOW).await.is_ok());
        assert_eq!(server.asked(), 1);
        // Its owner rotates.
        server.answers(200, jwks(&["one", "two"]));
        tokio::time::sleep(pause).await;
        assert!(gate.token(&ed("two"), NOW).await.is_ok());
        assert_eq!(server.asked(), 2);
        // Names that somebody makes up are not worth a question each.
        for id in 0..50 {
            assert!(gate.token(&ed(&format!("made-up-{id}")), NOW).await.is_err());
        }
        assert_eq!(server.asked(), 2);
        // What cannot be fetched changes nothing.
        server.answers(500, "");
        tokio::time::sleep(pause).await;
        assert!(gate.token(&ed("three"), NOW).await.is_err());
        assert_eq!(server.asked(), 3);
        assert!(gate.token(&ed("one"), NOW).await.is_ok());
        // A key that is taken out of the set is taken away.
        server.answers(200, jwks(&["two"]));
        tokio::time::sleep(pause).await;
        let _ = gate.token(&ed("three"), NOW).await;
        assert!(gate.token(&ed("one"), NOW).await.is_err());
    });
}

#[test]
fn keys_that_were_fetched_outlast_other_settings_but_not_another_place() {
    run(async {
        let server = Server::start(200, &jwks(&["one"]).to_string()).await;
        let gone = Server::start(500, "").await;
        let with = |server: &Server, roles: &str| {
            let (interval, pause) = (Duration::from_secs(3600), Duration::from_millis(100));
            let jwks = Some(Jwks { url: server.url.parse().unwrap(), interval, pause });
            Config { jwks, roles_claim: roles.into(), ..config() }
        };
        let gate = Gate::open(with(&server, "roles")).unwrap();
        assert!(gate.token(&ed("one"), NOW).await.is_ok());
        // The issuer is down while something else about tokens changes, twice.
        server.answers(500, "");
        for (generation, roles) in [(1, "groups"), (2, "roles")] {
            assert_eq!(gate.renew(with(&server, roles)).unwrap(), generation);
            assert_eq!(gate.token(&ed("one"), NOW).await.unwrap().generation, generation);
        }
        // It is asked again by the new settings: what it says now holds.
        server.answers(200, jwks(&["two"]));
        gate.renew(with(&server, "groups")).unwrap();
        assert!(gate.token(&ed("two"), NOW).await.is_ok());
        assert!(gate.token(&ed("one"), NOW).await.is_err());
        // Of another place its keys are not.
        gate.renew(with(&gone, "groups")).unwrap();
        assert!(matches!(gate.token(&ed("two"), NOW).await, Err(Denial::Unavailable(_))));
    });
}

#[test]
fn a_token_that_names_no_key_has_the_set_fetched_again_once() {
    run(async {
        // Of another owner, by the same algorithm.
        let mut others = jwks(&["other"]);
        others["keys"][0]["x"] = json!("A".repeat(43));
        let server = Server::start(200, &others.to_string()).await;
        let pause = Duration::from_millis(100);
        let jwks_config = Jwks { url: server.url.parse().unwrap(), interval: Duration::from_secs(3600), pause };
        let gate = Gate::open(Config { jwks: Some(jwks_config), ..config() }).unwrap();
        let claims = json!({"sub": "ann", "exp": 1_000_600, "acl": "~a +get"});
        let unnamed = token("EdDSA", include_str!("keys/ed.pem"), None, claims);
        assert!(gate.token(&unnamed, NOW).await.is_err());
        let asked = server.asked();
        server.answers(200, jwks(&["new"]));
        assert!(gate.token(&unnamed, NOW).await.is_err(), "too soon");
        assert_eq!(server.asked(), asked);
        tokio::time::sleep(pause).await;
        assert!(gate.token(&unnamed, NOW).await.is_ok());
        assert!(gate.token(&unnamed, NOW).await.is_ok());
        assert_eq!(server.asked(), asked + 1);
    });
}

#[test]
fn waiting_for_ones_turn_is_part_of_the_time_for_an_answer() {
    run(async {
        // It answers nobody.
        let server = Server::start(0, "").await;
        let timeout = Duration::from_millis(400);
        let forward =
            Forward { url: server.url.parse().unwrap(), timeout, headers: vec![], lifetime: Duration::from_secs(900) };
        let gate = Gate::open(Config { forward: Some(forward), ..config() }).unwrap();
        let (headers, uri) = (HeaderMap::new(), "/ws".parse().unwrap());
        let ask = |after_ms: u64| {
            let (gate, headers, uri) = (&gate, &headers, &uri);
            async move {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                let begun = std::time::Instant::now();
                assert!(gate.arrive(Carried { headers, uri, address: None }, NOW).await.is_err());
                begun.elapsed()
            }
        };
        // As many as may be asked at once, and later, one who gets a place when these have given up.
        let (_, waited) = tokio::join!(as_many_as_may(|| ask(0)), ask(200));
        assert!(waited < Duration::from_millis(550), "{waited:?}");
    });
}

/// So many at once as the gate asks for at most.
async fn as_many_as_may<F: Future<Output = Duration>>(ask: impl Fn() -> F) {
    let mut asking: Vec<_> = (0..128).map(|_| Box::pin(ask())).collect();
    std::future::poll_fn(|cx| {
        asking.retain_mut(|ask| ask.as_mut().poll(cx).is_pending());
        if asking.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[test]
fn without_a_key_set_nobody_is_let_in_but_may_come_again() {
    run(async {
        let server = Server::start(503, "").await;
        let jwks =
            Jwks { url: server.url.parse().unwrap(), interval: Duration::from_secs(1), pause: Duration::from_secs(1) };
        let gate = Gate::open(Config { jwks: Some(jwks), ..config() }).unwrap();
        let denial = gate.token(&ed("one"), NOW).await.unwrap_err();
        assert_eq!(denial.close_code(), CloseCode::TryLater);
        assert_eq!(denial.error().code, "UNAVAILABLE");
    });
}

#[test]
fn a_file_is_read_again_when_it_changes_and_a_broken_one_changes_nothing() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, SECRET).unwrap();
        let source = format!("HS256 file:{}", path.display()).parse().unwrap();
        let gate = Gate::open(Config { keys: [("main".to_owned(), source)].into(), ..config() }).unwrap();
        let signed_with = |secret: &str| token("HS256", secret, None, json!({"sub": "ann", "exp": 1_000_600}));
        assert!(gate.token(&signed_with(SECRET), NOW).await.is_ok());
        std::fs::write(&path, "short").unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(gate.token(&signed_with(SECRET), NOW).await.is_ok());
        let new = SECRET.to_uppercase();
        std::fs::write(&path, format!("{new}\n")).unwrap();
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if gate.token(&signed_with(&new), NOW).await.is_ok() {
                assert!(gate.token(&signed_with(SECRET), NOW).await.is_err());
                return;
            }
        }
        panic!("the new secret is not read");
    });
}

#[test]
fn rights_come_from_claims_and_roles_and_end_with_the_token() {
    run(async {
        let keys = [("main".to_owned(), format!("HS256 text:{SECRET}").parse().unwrap())].into();
        let roles = [("player".to_owned(), vec!["~game:{sub}:*".to_owned(), "+@write".to_owned()])].into();
        let claims = ["sub".to_owned()].into();
        let gate = Gate::open(Config { keys, roles, claims, ..config() }).unwrap();
        let said = json!({"sub": "ann", "exp": 1_000_060, "iat": 999_000, "jti": "t7", "acl": ["~a", "+get"], "roles": ["player", "other"], "secret": "x"});
        let grant = gate.token(&token("HS256", SECRET, None, said), NOW).await.unwrap();
        assert_eq!((&*grant.user, grant.token_id.as_deref(), grant.issued), ("ann", Some("t7"), Some(999_000)));
        // 60 s and the leeway of 10 s from now.
        assert_eq!((grant.expires, grant.ends), (Some(1_000_060), Some(Time::from_millis(75_000))));
        assert_eq!(
            (grant.claims.get("sub"), grant.claims.get("secret")),
            (Some("ann"), None),
            "only what is asked for"
        );
        // Who comes in the leeway has what is left of it.
        let late = json!({"sub": "ann", "exp": 999_991, "acl": ["~a", "+get"]});
        let grant = gate.token(&token("HS256", SECRET, None, late), NOW).await.unwrap();
        assert_eq!(grant.ends, Some(Time::from_millis(6_000)));
        for (claims, with) in [
            (json!({"exp": 1_000_060}), "whose it is"),
            (json!({"sub": "", "exp": 1_000_060}), "whose it is"),
            (json!({"sub": ["ann"], "exp": 1_000_060}), "whose it is"),
            (json!({"sub": "ann", "exp": 1_000_060, "acl": 5}), "claim with rules"),
            (json!({"sub": "ann", "exp": 1_000_060, "acl": ["+nosuch"]}), "+nosuch"),
            (json!({"sub": "ann", "exp": 1_000_060, "acl": ["~a ~*"]}), "Syntax error"),
            (json!({"sub": "ann", "exp": 1_000_060, "acl": ["on", ">pw"]}), "users and passwords"),
            (json!({"sub": "ann:x", "exp": 1_000_060, "roles": "player"}), "contains ':'"),
        ] {
            let shown = claims.to_string();
            let denial = gate.token(&token("HS256", SECRET, None, claims), NOW).await.unwrap_err();
            assert!(denial.to_string().contains(with), "{shown}: {denial}");
            assert_eq!(denial.close_code(), CloseCode::BadToken);
        }
    });
}

#[test]
fn user_rules_and_roles_may_stand_within_other_claims() {
    run(async {
        let keys = [("main".to_owned(), format!("HS256 text:{SECRET}").parse().unwrap())].into();
        let roles = [("player".to_owned(), vec!["~game:*".to_owned(), "+set".to_owned()])].into();
        let [user_claim, acl_claim, roles_claim] = ["who.name", "app.acl", "realm_access.roles"].map(str::to_owned);
        let gate = Gate::open(Config { keys, roles, user_claim, acl_claim, roles_claim, ..config() }).unwrap();
        let said = json!({"who": {"name": "ann"}, "app": {"acl": "~a +get"}, "realm_access": {"roles": ["player"]}, "exp": 1_000_060});
        let grant = gate.token(&token("HS256", SECRET, None, said), NOW).await.unwrap();
        assert_eq!(&*grant.user, "ann");
        let allows = |line: &str| {
            let words: Vec<bytes::Bytes> =
                line.split(' ').map(|word| bytes::Bytes::copy_from_slice(word.as_bytes())).collect();
            let deny = session::acl::DenyCommands::parse([], &CommandTable::redis()).unwrap();
            session::authorise(&CommandTable::redis(), &grant.rules, &deny, &words).is_ok()
        };
        assert!(allows("GET a") && allows("SET game:1 x") && !allows("SET a x"));
    });
}

#[test]
fn the_application_says_who_a_client_is() {
    run(async {
        let server = Server::start(200, "").await;
        let forward = Forward {
            url: server.url.parse().unwrap(),
            timeout: Duration::from_millis(300),
            headers: vec!["cookie".into(), "x-a".into(), "x-forwarded-for".into()],
            lifetime: Duration::from_secs(900),
        };
        let roles = [("player".to_owned(), vec!["~game:{team}:*".to_owned(), "+get".to_owned()])].into();
        let gate = Gate::open(Config { forward: Some(forward), roles, ..config() }).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("cookie", "sid=7".parse().unwrap());
        headers.insert("x-a", "1".parse().unwrap());
        headers.insert("x-b", "2".parse().unwrap());
        headers.insert("x-forwarded-for", "6.6.6.6".parse().unwrap());
        let uri = "/ws?room=5".parse().unwrap();
        let ask = || gate.arrive(Carried { headers: &headers, uri: &uri, address: "203.0.113.5".parse().ok() }, NOW);

        server.answers(200, json!({"user": "ann", "rules": ["~user:{user}:*", "+@read"], "roles": ["player"], "expires": 1_000_060, "claims": {"team": 5}, "id": "s7"}));
        let grant = ask().await.unwrap().unwrap();
        assert_eq!((&*grant.user, grant.expires, grant.token_id.as_deref()), ("ann", Some(1_000_060), Some("s7")));
        assert_eq!(grant.issued, Some(1_000_000));
        let asked = server.asked.lock().unwrap().pop().unwrap();
        assert!(asked.starts_with("get /who "), "{asked}");
        for line in ["cookie: sid=7", "x-a: 1", "x-keywire-uri: /ws?room=5", "x-forwarded-for: 203.0.113.5"] {
            assert!(asked.contains(line), "{asked}");
        }
        assert!(!asked.contains("x-b") && !asked.contains("6.6.6.6"), "{asked}");

        server.answers(200, json!({"user": 17}));
        assert_eq!(ask().await.unwrap().unwrap().expires, Some(1_000_900), "what has no end ends all the same");
        server.answers(204, "");
        assert!(ask().await.unwrap().is_none());
        server.answers(200, json!({"user": null}));
        assert!(ask().await.unwrap().is_none());
        for status in [401, 403] {
            server.answers(status, "");
            assert!(matches!(ask().await, Err(Denial::Bad(_))), "{status}");
        }
        for (status, body) in [
            (500, "{}".to_owned()),
            (302, String::new()),
            (200, "not json".to_owned()),
            (200, "[]".to_owned()),
            (200, json!({"user": {"name": "ann"}}).to_string()),
            (200, json!({"user": "ann", "expires": "soon"}).to_string()),
            (200, json!({"user": "ann", "expires": 1_000_000}).to_string()),
            (200, json!({"user": "ann", "rules": 7}).to_string()),
            (200, format!("{{\"user\":\"{}\"}}", "x".repeat(100_000))),
            (0, String::new()),
        ] {
            server.answers(status, &body);
            let denied = ask().await.err();
            assert!(matches!(denied, Some(Denial::Unavailable(_))), "{status} {body:.60}: {denied:?}");
        }
        for rules in [json!({"user": "ann", "rules": ["+nosuch"]}), json!({"user": "ann", "roles": ["player"]})] {
            server.answers(200, &rules);
            let denied = ask().await.err();
            assert!(matches!(denied, Some(Denial::Unavailable(_))), "the application's mistake: {denied:?}");
        }
    });
}

#[test]
fn nobody_is_believed_without_keys() {
    run(async {
        let gate = Gate::open(config()).unwrap();
        let (mut headers, uri) = (HeaderMap::new(), "/ws".parse().unwrap());
        headers.insert("authorization", format!("Bearer {}", ed("one")).parse().unwrap());
        assert!(gate.arrive(Carried { headers: &headers, uri: &uri, address: None }, NOW).await.unwrap().is_none());
        assert!(gate.token(&ed("one"), NOW).await.is_err());
    });
}
