//! `keywire bench` against a small server with planted faults: what it measures is there, and what is lost is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use wire::ws::{self, Decoder, Message, Opcode, Role};

#[test]
fn fanout_counts_every_delivery() {
    let server = Server::start(|_| Fate::Sent);
    let report = server.bench(&["fanout", "-c", "5", "--channels", "2", "--rate", "200", "--warmup", "0.2"]);
    let losses = &report["losses"];
    // Channel 0 has three subscribers, channel 1 has two; 240 messages go to them in turn.
    assert_eq!(losses["expected"], 120 * 3 + 120 * 2);
    assert_eq!((&losses["lost"], &losses["disordered"]), (&json!(0), &json!(0)), "{report}");
    assert_eq!(report["throughput"]["delivered"], 100 * 3 + 100 * 2);
    let rate = report["throughput"]["messages_per_second"].as_f64().unwrap();
    assert!((400.0..=500.5).contains(&rate), "{report}");
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() < report["latency_ms"]["max"].as_f64().unwrap(), "{report}");
}

#[test]
fn fanout_tells_what_is_lost_what_was_told_and_what_came_twice() {
    let server = Server::start(|delivery| match delivery {
        10 => Fate::Dropped,
        20 => Fate::Missed,
        30 => Fate::Twice,
        _ => Fate::Sent,
    });
    let report = server.bench(&["fanout", "-c", "3", "--rate", "100", "--warmup", "0"]);
    let expected = json!({"expected": 300, "lost": 6, "missed_told": 3, "disordered": 3, "connections_closed": 0});
    assert_eq!(report["losses"], expected, "{report}");
}

#[test]
fn latency_counts_from_the_intended_time() {
    // The server stands still for 300 ms at the 50th message: those that were due meanwhile have waited, and are told to.
    let server = Server::start(|delivery| if delivery == 50 { Fate::Late(300) } else { Fate::Sent });
    let report = server.bench(&["fanout", "-c", "1", "--rate", "100", "--warmup", "0"]);
    let ms = |quantile: &str| report["latency_ms"][quantile].as_f64().unwrap();
    assert!(ms("max") > 290.0 && ms("p90") > 100.0, "{report}");
    assert_eq!(report["losses"]["lost"], 0);
}

#[test]
fn fanout_at_full_speed_keeps_its_lag() {
    let server = Server::start(|_| Fate::Sent);
    let report = server.bench(&["fanout", "-c", "2", "--rate", "max", "--lag", "4", "--warmup", "0"]);
    assert_eq!(report["losses"]["lost"], 0, "{report}");
    assert!(report["sent"].as_u64().unwrap() > 100, "{report}");
}

#[test]
fn round_trips_are_measured_closed_and_open_loop() {
    let server = Server::start(|_| Fate::Sent);
    let closed = server.bench(&["rtt", "-c", "2", "--warmup", "0"]);
    assert!(closed["throughput"]["delivered"].as_u64().unwrap() > 100, "{closed}");
    let open = server.bench(&["rtt", "-c", "2", "--rate", "50", "--warmup", "0"]);
    assert_eq!(open["throughput"]["delivered"], 50, "{open}");
}

#[test]
fn idle_connections_are_held_and_the_process_is_measured() {
    let server = Server::start(|_| Fate::Sent);
    let pid = std::process::id().to_string();
    let report = server.bench(&["idle", "-c", "20", "--warmup", "0", "--server-pid", &pid]);
    let detail =
        |name: &str| report["details"].as_array().unwrap().iter().find(|d| d["name"] == name).unwrap()["value"].clone();
    assert!(detail("pss_bytes_per_connection").as_f64().unwrap() > 0.0, "a thread each: {report}");
    assert_eq!(detail("connections_closed"), 0.0, "{report}");
}

#[test]
fn errors_say_what_to_do() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = bench(nobody, &["fanout"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("connection refused: is the server running there?"),
        "{}",
        text(&refused.stderr)
    );

    let server = Server::start(|_| Fate::Sent);
    let no_process = bench(server.address, &["rtt", "--server-pid", "999999999"]);
    assert!(text(&no_process.stderr).contains("--server-pid 999999999: no such process"));

    let denied = bench(server.address, &["rtt", "--command", "DENIED"]);
    assert!(
        text(&denied.stderr).contains("the server refused") && text(&denied.stderr).contains("NOPERM"),
        "{}",
        text(&denied.stderr)
    );

    let too_many = bench(server.address, &["idle", "-c", "4000000000"]);
    assert!(text(&too_many.stderr).contains("open files"), "{}", text(&too_many.stderr));

    let usage = bench(server.address, &["fanout", "--rate", "fast"]);
    assert_eq!(usage.status.code(), Some(2));
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn bench(address: SocketAddr, args: &[&str]) -> Output {
    let url = format!("ws://{address}/ws");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keywire"));
    command.arg("bench").args(args).args(["--url", &url, "--seconds", "1", "--json"]).output().unwrap()
}

/// What becomes of a subscriber's delivery.
enum Fate {
    Sent,
    Twice,
    /// Silently.
    Dropped,
    /// Dropped, and told.
    Missed,
    /// After so many milliseconds, and all others with it.
    Late(u64),
}

/// Just enough of a keywire to be measured, with faults on demand.
struct Server {
    address: SocketAddr,
}

#[derive(Default)]
struct Channels(HashMap<String, Vec<(TcpStream, u64)>>);

impl Server {
    fn start(fate: fn(u64) -> Fate) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let channels = Arc::new(Mutex::new(Channels::default()));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let channels = channels.clone();
                thread::spawn(move || serve(stream.unwrap(), &channels, fate));
            }
        });
        Server { address }
    }

    fn bench(&self, args: &[&str]) -> Value {
        let output = bench(self.address, args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn serve(mut stream: TcpStream, channels: &Mutex<Channels>, fate: fn(u64) -> Fate) -> Option<()> {
    let (mut buffer, mut head) = ([0; 4096], Vec::new());
    while !head.ends_with(b"\r\n\r\n") {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        head.extend_from_slice(&buffer[..n]);
    }
    let key = text(&head).lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let accept = ws::accept_key(key.as_bytes());
    write!(stream, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").ok()?;
    send(&mut stream, &json!({"hello": {"version": "test"}}));
    let mut decoder = Decoder::new(Role::Server);
    loop {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        let mut input = &mut buffer[..n];
        while let Some(message) = decoder.decode(&mut input, 1 << 20).ok()? {
            let Message::Text(request) = message else { continue };
            answer(&serde_json::from_str(request).unwrap(), &mut stream, channels, fate);
        }
    }
}

fn answer(request: &Value, stream: &mut TcpStream, channels: &Mutex<Channels>, fate: fn(u64) -> Fate) {
    let id = &request["id"];
    if let Some(channel) = request["subscribe"].as_str() {
        let subscriber = (stream.try_clone().unwrap(), 0);
        channels.lock().unwrap().0.entry(channel.to_owned()).or_default().push(subscriber);
        return send(stream, &json!({"id": id, "feed": 18}));
    }
    match request["command"][0].as_str().unwrap() {
        "PUBLISH" => channels.lock().unwrap().publish(&request["command"], fate),
        "DENIED" => send(stream, &json!({"id": id, "error": {"code": "NOPERM", "message": "no"}})),
        _ => send(stream, &json!({"id": id, "result": "OK"})),
    }
}

impl Channels {
    fn publish(&mut self, command: &Value, fate: fn(u64) -> Fate) {
        let message = json!({"feed": 18, "message": command[2]});
        for (stream, deliveries) in self.0.entry(command[1].as_str().unwrap().to_owned()).or_default() {
            *deliveries += 1;
            match fate(*deliveries) {
                Fate::Sent => send(stream, &message),
                Fate::Twice => [&message, &message].into_iter().for_each(|message| send(stream, message)),
                Fate::Dropped => {}
                Fate::Missed => send(stream, &json!({"feed": 18, "missed": 1})),
                Fate::Late(ms) => {
                    thread::sleep(std::time::Duration::from_millis(ms));
                    send(stream, &message);
                }
            }
        }
    }
}

fn send(stream: &mut TcpStream, message: &Value) {
    let mut frame = Vec::new();
    ws::frame(Opcode::Text, message.to_string().as_bytes(), &mut frame);
    let _ = stream.write_all(&frame);
}
