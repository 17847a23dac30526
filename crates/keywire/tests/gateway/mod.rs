//! The binary on a free port with the least of an HTTP client: commands, pages, event streams. It ends with its value.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A running `keywire serve`.
pub struct Gateway {
    child: Child,
    port: u16,
    banner: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
}

impl Gateway {
    /// Starts, and waits until the backend is in reach.
    pub fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Gateway {
        let gateway = Gateway::start_unready(arguments, variables);
        gateway.until_ready();
        gateway
    }

    /// Starts, and waits until it takes connections.
    pub fn start_unready(arguments: &[&str], variables: &[(&str, &str)]) -> Gateway {
        let port = crate::common::free_port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_keywire"))
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (banner, log) = (gather(child.stdout.take().unwrap()), gather(child.stderr.take().unwrap()));
        let gateway = Gateway { child, port, banner, log };
        gateway.until(|| crate::common::takes_connections(port));
        gateway
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed.
    pub fn banner(&self) -> String {
        self.banner.lock().unwrap().clone()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until something is so.
    pub fn until(&self, what: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(15);
        while !what() {
            assert!(Instant::now() < end, "not in time; the log: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn until_ready(&self) {
        self.until(|| self.status("/readyz") == 200);
    }

    /// `POST /command`; the body of the response.
    pub fn command(&self, json: &str) -> String {
        self.request("POST", "/command", json).1
    }

    /// The same with a token.
    pub fn command_as(&self, token: &str, json: &str) -> String {
        self.request("POST", &format!("/command?token={token}"), json).1
    }

    pub fn status(&self, path: &str) -> u16 {
        self.request("GET", path, "").0
    }

    pub fn text(&self, path: &str) -> String {
        self.request("GET", path, "").1
    }

    /// One figure of `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.text("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, body.to_owned())
    }

    /// Opens `/sse?query`.
    pub fn events(&self, query: &str) -> Events {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET /sse?{query} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut name = String::new();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let line = line.trim_end().to_owned();
                let event = if line.starts_with("HTTP/1.1 ") {
                    ("status".to_owned(), line)
                } else if let Some(event) = line.strip_prefix("event: ") {
                    name = event.to_owned();
                    continue;
                } else if let Some(data) = line.strip_prefix("data: ") {
                    (name.clone(), data.to_owned())
                } else {
                    continue;
                };
                if tell.send(event).is_err() {
                    return;
                }
            }
        });
        Events(told, query.to_owned())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log());
        }
    }
}

/// One feed's events.
pub struct Events(Receiver<(String, String)>, String);

impl Events {
    /// The response has begun: the feed is open.
    pub fn opened(&self) {
        self.expect("status", " 200 ", Duration::from_secs(3));
    }

    /// The next event of this name has this in its data; other events before it are passed over.
    pub fn expect(&self, event: &str, data: &str, within: Duration) {
        let end = Instant::now() + within;
        let mut before = Vec::new();
        loop {
            match self.0.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((name, found)) if name == event => {
                    assert!(found.contains(data), "{}: {event} {found}, not {data}; before: {before:?}", self.1);
                    return;
                }
                Ok(other) => before.push(other),
                Err(error) => return self.fail(&format!("{event} {data}"), error, &before),
            }
        }
    }

    fn fail(&self, wanted: &str, error: RecvTimeoutError, before: &[(String, String)]) {
        panic!("{}: no {wanted}: {error}; before: {before:?}", self.1);
    }
}

fn gather(from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let into = text.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            into.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    text
}
