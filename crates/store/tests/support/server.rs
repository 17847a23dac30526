//! A real server for one test: its own folder, a Unix socket in it, nothing saved, ended in every case.

use super::resp;
use bytes::Bytes;
use model::Reply;
use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which server this is; differences between versions go by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Debian's redis-server, 7.0.15.
    Redis70,
    /// A valkey-server 9.
    Valkey9,
}

impl Kind {
    /// The servers that a differential test runs against: Redis, and Valkey if `KEYWIRE_VALKEY` says where it is.
    pub fn all() -> Vec<(Kind, PathBuf)> {
        let mut all = vec![(Kind::Redis70, PathBuf::from("/usr/bin/redis-server"))];
        all.extend(std::env::var_os("KEYWIRE_VALKEY").map(|path| (Kind::Valkey9, PathBuf::from(path))));
        all
    }
}

/// A server that runs as long as this lives.
pub struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts the server and waits until it answers. A server that cannot be started is a failure, not a skip.
    pub fn start(program: &Path, options: &[&str]) -> Server {
        Server::start_in(tempfile::tempdir().unwrap(), program, options)
    }

    /// The same in a folder where there may be files already.
    pub fn start_in(folder: tempfile::TempDir, program: &Path, options: &[&str]) -> Server {
        let mut command = Command::new(program);
        command.args(["--port", "0", "--unixsocket", "s.sock", "--save", "", "--appendonly", "no"]);
        command.args(["--databases", "16", "--proto-max-bulk-len", "512mb", "--enable-debug-command", "yes"]);
        command.args(options).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let server = Server { child, folder };
        server.wait_until_ready();
        server
    }

    /// A new RESP3 connection.
    pub fn connect(&self) -> Connection {
        let mut connection = Connection::open(&self.socket()).unwrap();
        let hello = connection.ask("HELLO 3");
        assert!(matches!(hello, Reply::Map(_)), "{hello:?}");
        connection
    }

    /// A new connection as it comes, in RESP2.
    pub fn connect_plain(&self) -> Connection {
        Connection::open(&self.socket()).unwrap()
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s.sock")
    }

    fn wait_until_ready(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while Connection::open(&self.socket()).is_err() {
            assert!(Instant::now() < end, "the server did not come up");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to a real server.
pub struct Connection {
    writer: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Connection {
    fn open(socket: &Path) -> std::io::Result<Connection> {
        let writer = UnixStream::connect(socket)?;
        writer.set_read_timeout(Some(Duration::from_secs(30)))?;
        let reader = BufReader::with_capacity(1 << 16, writer.try_clone()?);
        Ok(Connection { writer, reader })
    }

    /// Sends all commands at once and gives their replies in order.
    pub fn pipeline(&mut self, commands: &[Vec<Bytes>]) -> Vec<Reply> {
        let mut bytes = Vec::new();
        let mut replies = Vec::with_capacity(commands.len());
        // Few enough at once that neither side waits for the other to read.
        for part in commands.chunks(64) {
            bytes.clear();
            part.iter().for_each(|command| resp::write_command(&mut bytes, command));
            self.writer.write_all(&bytes).unwrap();
            replies.extend(part.iter().map(|command| self.read(command)));
        }
        replies
    }

    /// One command, its words separated by spaces.
    pub fn ask(&mut self, line: &str) -> Reply {
        let words: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        self.pipeline(&[words]).remove(0)
    }

    /// Sends a command and does not wait for its reply.
    pub fn send(&mut self, command: &[Bytes]) {
        let mut bytes = Vec::new();
        resp::write_command(&mut bytes, command);
        self.writer.write_all(&bytes).unwrap();
    }

    /// The next message, if one comes within this time.
    pub fn receive(&mut self, within: Duration) -> Option<resp::Message> {
        self.writer.set_read_timeout(Some(within)).unwrap();
        let message = resp::read_message(&mut self.reader).ok();
        self.writer.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        message
    }

    fn read(&mut self, command: &[Bytes]) -> Reply {
        resp::read_reply(&mut self.reader).unwrap_or_else(|error| panic!("no reply to {command:?}: {error}"))
    }
}
