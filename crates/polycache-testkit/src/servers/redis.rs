//! One Redis server.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::certificates::{Certificates, Tls};
use super::port::{self, Attempts};
use super::process::{Launch, Process};
use super::{escaped, escaped_path, process, resp};

/// What a server is started with. Made by [`RedisServer::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing starts before `start`"]
pub struct RedisBuilder {
    password: Option<String>,
    user: Option<(String, String)>,
    tls: Option<Tls>,
    sentinel: bool,
    config: Vec<(String, String)>,
}

impl RedisBuilder {
    /// Requires this password of the default user.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.config("requirepass", &quoted(password))
    }

    /// Adds an ACL user with these rules, `"~ns:* +@all"`. [`RedisServer::url`] logs in as the last user added; `redis-cli` stays
    /// with the default user.
    pub fn user(mut self, name: &str, password: &str, rules: &str) -> Self {
        self.user = Some((name.to_owned(), password.to_owned()));
        self.config("user", &format!("{name} on {} {rules}", quoted(&format!(">{password}"))))
    }

    /// Speaks TLS on its port, with a certificate of an authority of its own.
    pub fn tls(mut self) -> Self {
        self.tls = Some(Tls::Server);
        self
    }

    /// As [`tls`](Self::tls), and refuses clients that show no certificate of that authority.
    pub fn mutual_tls(mut self) -> Self {
        self.tls = Some(Tls::Both);
        self
    }

    /// Starts a sentinel, which watches other servers and holds no data.
    pub(super) fn sentinel(mut self) -> Self {
        self.sentinel = true;
        self
    }

    /// Adds a line to the configuration file, as in `config("maxmemory-policy", "noeviction")`.
    pub fn config(mut self, directive: &str, value: &str) -> Self {
        self.config.push((directive.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server, and returns when it answers.
    ///
    /// # Panics
    ///
    /// If it doesn't start; the text holds what the server wrote.
    pub async fn start(self) -> RedisServer {
        let mut attempts = Attempts::default();
        loop {
            match self.clone().start_on(port::free()).await {
                Ok(server) => return server,
                Err(reason) => attempts.failed(&reason),
            }
        }
    }

    /// Starts the server on this port; the error says why not.
    pub(super) async fn start_on(self, port: u16) -> Result<RedisServer, String> {
        let directory = tempfile::Builder::new().prefix("polycache-redis-").tempdir().expect("a temporary directory");
        let certificates = self.tls.map(|_| Certificates::write_to(directory.path()));
        let file = directory.path().join("redis.conf");
        fs::write(&file, self.file(port, directory.path(), certificates.as_ref())).expect("a temporary file");
        let mut arguments = vec![file.into()];
        if self.sentinel {
            arguments.push("--sentinel".into());
        }
        let launch = Launch { program: "redis-server", arguments, environment: Vec::new() };
        let process = Process::start(launch, directory);
        let server = RedisServer { port, settings: self, certificates, process };
        server.ready().await?;
        Ok(server)
    }

    /// The configuration file.
    fn file(&self, port: u16, directory: &Path, certificates: Option<&Certificates>) -> String {
        let port = match (certificates, self.tls) {
            (Some(certificates), Some(tls)) => format!(
                "port 0\n\
                 tls-port {port}\n\
                 tls-ca-cert-file {}\n\
                 tls-cert-file {}\n\
                 tls-key-file {}\n\
                 tls-auth-clients {}",
                certificates.ca.display(),
                certificates.server_certificate.display(),
                certificates.server_key.display(),
                if tls == Tls::Both { "yes" } else { "no" },
            ),
            _ => format!("port {port}"),
        };
        let mut text = format!(
            "bind 127.0.0.1\n\
             {port}\n\
             unixsocket {}\n\
             dir {}\n\
             daemonize no\n",
            socket(directory).display(),
            directory.display(),
        );
        if !self.sentinel {
            text.push_str("save \"\"\nappendonly no\n");
        }
        for (directive, value) in &self.config {
            writeln!(text, "{directive} {value}").expect("a String takes it");
        }
        text
    }
}

/// A Redis server of its own on 127.0.0.1, without persistence. Killed when dropped.
///
/// ```
/// use polycache_testkit::servers::RedisServer;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let server = RedisServer::builder().password("p@ss").start().await;
/// assert_eq!(server.url(), format!("redis://:p%40ss@127.0.0.1:{}", server.port()));
/// assert_eq!(server.cli(&["PING"]).await, "PONG");
/// # }
/// ```
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    settings: RedisBuilder,
    certificates: Option<Certificates>,
    process: Process,
}

impl RedisServer {
    /// A server without password, TLS or bounds.
    ///
    /// # Panics
    ///
    /// As [`RedisBuilder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A server with settings.
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }

    /// The server's URL, with what a client needs to log in and to trust the server:
    /// `redis://[user[:password]@]127.0.0.1:port`, or `rediss://` with the settings `ca`, `cert` and `key` in the query.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The URL of the same server at another address, a [`Proxy`](crate::Proxy)'s.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        match (&self.settings.user, &self.settings.password) {
            (Some((name, password)), _) => self.login_url(address, name, password),
            (None, Some(password)) => self.login_url(address, "", password),
            (None, None) => format!("{}://{address}{}", self.scheme(), self.query()),
        }
    }

    /// The URL with which this user logs in; the empty name is the default user.
    #[must_use]
    pub fn url_as(&self, name: &str, password: &str) -> String {
        self.login_url(self.address(), name, password)
    }

    /// The URL of the unix socket that every server has: `redis+unix://[user:password@]/path`.
    #[must_use]
    pub fn unix_url(&self) -> String {
        let login = match (&self.settings.user, &self.settings.password) {
            (Some((name, password)), _) => format!("{}:{}@", escaped(name), escaped(password)),
            (None, Some(password)) => format!(":{}@", escaped(password)),
            (None, None) => String::new(),
        };
        format!("redis+unix://{login}{}", escaped_path(&self.socket()))
    }

    fn login_url(&self, address: SocketAddr, name: &str, password: &str) -> String {
        format!("{}://{}:{}@{address}{}", self.scheme(), escaped(name), escaped(password), self.query())
    }

    fn scheme(&self) -> &'static str {
        if self.settings.tls.is_some() { "rediss" } else { "redis" }
    }

    fn query(&self) -> String {
        self.certificates.as_ref().zip(self.settings.tls).map(|(files, tls)| files.query(tls)).unwrap_or_default()
    }

    /// The certificates of a server that speaks TLS.
    ///
    /// # Panics
    ///
    /// If it doesn't.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("started with `tls` or `mutual_tls`")
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// 127.0.0.1 and the port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The unix socket that every server has.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(self.process.directory())
    }

    /// The id of the process, another one after a restart.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The last lines that the server wrote.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// SIGKILL: returns when the process is dead and its port closed.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// SIGSTOP: connections are accepted by the kernel, nothing is answered. Returns when the process stands still.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// SIGCONT, after [`stop`](Self::stop).
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Kills the server if it runs, and starts it on the same port, empty. Returns when it answers.
    ///
    /// # Panics
    ///
    /// If it doesn't start again.
    pub async fn restart(&self) {
        self.process.relaunch(|directory| {
            for file in [socket(directory), directory.join("dump.rdb")] {
                let _ = fs::remove_file(file);
            }
        });
        self.ready().await.unwrap_or_else(|text| panic!("{text}"));
    }

    /// Deletes all that the server holds.
    ///
    /// # Panics
    ///
    /// If the server doesn't do it.
    pub async fn flush(&self) {
        self.ask(&["FLUSHALL", "SYNC"]).await;
    }

    /// Runs a command with the real `redis-cli`, as the default user, and returns what it prints, without the line's end.
    ///
    /// # Panics
    ///
    /// If the server answers with an error, or with bytes that aren't UTF-8.
    pub async fn cli(&self, command: &[&str]) -> String {
        let command: Vec<_> = command.iter().map(OsStr::new).collect();
        String::from_utf8(self.run_cli(&[], &command).await).expect("redis-cli printed text")
    }

    /// As [`cli`](Self::cli), with bytes of any kind in the command and in the reply.
    ///
    /// # Panics
    ///
    /// If the server answers with an error.
    pub async fn cli_bytes(&self, command: &[&[u8]]) -> Vec<u8> {
        let hex =
            |part: &&[u8]| part.iter().fold(String::from("\""), |text, byte| format!("{text}\\x{byte:02x}")) + "\"";
        let command: Vec<_> = command.iter().map(hex).collect();
        self.run_cli(&["--quoted-input"], &command).await
    }

    async fn run_cli(&self, options: &[&str], command: &[impl AsRef<OsStr>]) -> Vec<u8> {
        process::require("redis-cli");
        let mut cli = Command::new("redis-cli");
        cli.arg("-s").arg(self.socket()).arg("-e").args(options).args(command);
        if let Some(password) = &self.settings.password {
            cli.env("REDISCLI_AUTH", password);
        }
        let run = cli.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(Duration::from_secs(20), run).await.expect("redis-cli ends").expect("redis-cli starts");
        let mut printed = output.stdout;
        assert!(
            output.status.success(),
            "redis-cli: {}{}",
            String::from_utf8_lossy(&printed),
            String::from_utf8_lossy(&output.stderr)
        );
        if printed.last() == Some(&b'\n') {
            printed.pop();
        }
        printed
    }

    /// A command for the fixtures themselves; its reply has elements of arrays on a line each.
    pub(super) async fn ask(&self, command: &[&str]) -> String {
        let reply = self.try_ask(command).await;
        reply.unwrap_or_else(|error| panic!("{command:?} on port {}: {error}; output:\n{}", self.port, self.output()))
    }

    pub(super) async fn try_ask(&self, command: &[&str]) -> io::Result<String> {
        resp::ask(&self.socket(), self.settings.password.as_deref(), command).await
    }

    /// Whether it was neither killed nor stopped.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_running()
    }

    async fn ready(&self) -> Result<(), String> {
        // The unix socket is opened after the port, and only this process has it.
        while self.try_ask(&["PING"]).await.is_err() {
            self.process.pause().await?;
        }
        Ok(())
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("redis.sock")
}

/// A value as Redis' configuration file reads it back.
fn quoted(text: &str) -> String {
    text.bytes().fold(String::from("\""), |quoted, byte| format!("{quoted}\\x{byte:02x}")) + "\""
}
