//! A command that panics: whoever sent it is closed, and nobody else notices.

use super::{RespConfig, serve_resp};
use crate::listener::{Endpoint, bind};
use bytes::Bytes;
use model::backend::{BackendEvent, BackendRequest};
use model::command::CommandTable;
use model::{LaneId, Limits, Reply, Time};
use runtime::{
    Backend, ClientLimits, ClientNumber, ClientOutput, Moment, NodeConfig, OutputClass, OutputLimit, Peer, Service,
};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Answers every command with how many clients there are, but for `BOOM`.
#[derive(Default)]
struct Fragile {
    clients: ClientNumber,
    connected: i64,
}

impl Backend for Fragile {
    fn handle(&mut self, _: LaneId, _: BackendRequest, _: Moment, _: &mut Vec<(LaneId, BackendEvent)>) {}

    fn next_timeout(&self, _: Moment) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _: Moment, _: &mut Vec<(LaneId, BackendEvent)>) {}

    fn service(&mut self) -> Option<&mut dyn Service> {
        Some(self)
    }
}

impl Service for Fragile {
    fn connect(&mut self, _: &Peer, _: Moment) -> ClientNumber {
        self.clients += 1;
        self.connected += 1;
        self.clients
    }

    fn disconnect(&mut self, _: ClientNumber) {
        self.connected -= 1;
    }

    fn command(&mut self, client: ClientNumber, line: &[Bytes], _: Moment, each: &mut dyn FnMut(ClientOutput)) {
        assert!(line[0] != "BOOM", "a command that panics");
        each(ClientOutput::Reply { client, reply: Reply::Int(self.connected) });
    }

    fn is_waiting(&self, _: ClientNumber) -> bool {
        false
    }

    fn is_authenticated(&self, _: ClientNumber) -> bool {
        true
    }

    fn class(&self, _: ClientNumber) -> OutputClass {
        OutputClass::Normal
    }

    fn take_outputs(&mut self, _: &mut dyn FnMut(ClientOutput)) {}

    fn limits(&self) -> ClientLimits {
        ClientLimits {
            clients_max: 10,
            query_bytes_max: 1 << 20,
            bulk_bytes_max: 1 << 20,
            idle_ms: 0,
            output: [OutputLimit::default(); 3],
        }
    }
}

struct Client(TcpStream);

impl Client {
    fn connect(endpoint: &Endpoint) -> Client {
        let Endpoint::Tcp { address, .. } = endpoint else { panic!("{endpoint:?}") };
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Client(socket)
    }

    fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    fn hear(&mut self, expected: &str) {
        let mut heard = vec![0; expected.len()];
        self.0.read_exact(&mut heard).unwrap();
        assert_eq!(String::from_utf8_lossy(&heard), expected);
    }

    /// What comes until the connection ends.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            // Closed with something unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            read => _ = read.unwrap(),
        }
        rest
    }
}

#[test]
fn a_command_that_panics_closes_its_client_and_nobody_else() {
    let setup = lane::Setup::new(1, "test", Limits::default(), CommandTable::redis(), &[], &[]).unwrap();
    let backend = || Box::new(Fragile::default()) as Box<dyn Backend>;
    let node = runtime::start(NodeConfig { setup, mailbox_bytes_max: 1 << 20, backend }).unwrap();
    let listener = bind(([127, 0, 0, 1], 0).into(), false).unwrap();
    let endpoint = listener.endpoint();
    serve_resp(vec![listener], &node.lanes(), RespConfig { output_total_bytes_max: 1 << 20 });

    let mut unlucky = Client::connect(&endpoint);
    unlucky.say("PING\r\n");
    unlucky.hear(":1\r\n");
    let mut other = Client::connect(&endpoint);
    other.say("PING\r\n");
    other.hear(":2\r\n");
    unlucky.say("PING\r\nBOOM\r\nPING\r\n");
    assert!(!unlucky.rest().ends_with(b":2\r\n:2\r\n"), "nothing is carried out behind it");
    // The service was told that it is gone, and goes on with the others.
    let mut third = Client::connect(&endpoint);
    for client in [&mut other, &mut third] {
        client.say("PING\r\n");
        client.hear(":2\r\n");
    }
    drop((other, third));
    node.stop();
}
