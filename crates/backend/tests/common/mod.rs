//! A real redis-server in a folder of its own on a free port; it ends with its value, also when a test fails.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails; not all users call all of it"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server under test.
pub struct Server {
    child: Child,
    pub port: u16,
    pub folder: tempfile::TempDir,
    arguments: Vec<String>,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Starts with these arguments more.
    pub fn start(arguments: &[&str]) -> Server {
        Server::start_in(tempfile::tempdir().unwrap(), arguments)
    }

    /// The same in a folder that holds files which the arguments name.
    pub fn start_in(folder: tempfile::TempDir, arguments: &[&str]) -> Server {
        let (port, arguments): (_, Vec<String>) = (free_port(), arguments.iter().map(|a| a.to_string()).collect());
        let child = spawn(folder.path(), port, &arguments);
        let mut server = Server { child, port, folder, arguments };
        server.until_up();
        server
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// SIGKILL, as a crash is.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again where it was.
    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path(), self.port, &self.arguments);
        self.until_up();
    }

    /// SIGSTOP and SIGCONT.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(done.success());
    }

    /// Runs a command over a plain connection of its own, by the Unix socket; gives the first line of the reply.
    pub fn run(&self, command: &[&str]) -> String {
        let mut stream = std::os::unix::net::UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut text = format!("*{}\r\n", command.len());
        command.iter().for_each(|arg| text += &format!("${}\r\n{arg}\r\n", arg.len()));
        stream.write_all(text.as_bytes()).unwrap();
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut line).unwrap();
        if line.starts_with('$') && !line.starts_with("$-1") {
            let mut bulk = vec![0; line[1..].trim().parse().unwrap()];
            reader.read_exact(&mut bulk).unwrap();
            return String::from_utf8_lossy(&bulk).into_owned();
        }
        line.trim_end().to_owned()
    }

    fn until_up(&mut self) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if std::os::unix::net::UnixStream::connect(self.socket()).is_ok() {
                let answer = self.run(&["PING"]);
                if answer == "+PONG" || answer.starts_with("-NOAUTH") {
                    return;
                }
            }
            assert!(Instant::now() < end, "redis-server does not come up: {}", self.log());
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("redis-server ended with {status}: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, port: u16, arguments: &[String]) -> Child {
    let _ = std::fs::remove_file(folder.join("redis.sock"));
    // Ends with this process, however that ends.
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "redis-server"])
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
        .args(["--unixsocket", folder.join("redis.sock").to_str().unwrap(), "--logfile", "log"])
        .args(["--dir", folder.to_str().unwrap()])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv and redis-server are installed")
}

/// A certificate authority in a folder: `ca.pem`, and `NAME.pem` with `NAME.key` for each name.
pub fn make_certificates(folder: &Path, names: &[(&str, &[&str])]) {
    let mut ca = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.distinguished_name.push(rcgen::DnType::CommonName, "test authority");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let certificate = ca.self_signed(&ca_key).unwrap();
    std::fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    for (name, hosts) in names {
        let hosts: Vec<String> = hosts.iter().map(|host| host.to_string()).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(hosts).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, *name);
        let certificate = parameters.signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// Whether a port takes connections.
pub fn takes_connections(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
