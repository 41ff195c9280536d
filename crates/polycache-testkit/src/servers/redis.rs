//! One Redis server.

mod builder;

pub use builder::RedisBuilder;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::certificates::Certificates;
use super::common::server_methods;
use super::process::{Process, REDIS_CLI};
use super::{escaped, escaped_path, resp, version};

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

    /// The server's URL, with all that a client needs to log in and to trust the server: `redis://[user[:password]@]127.0.0.1:port`, or
    /// `rediss://` with the settings `ca`, `cert` and `key` in the query.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The URL of the server by another address, a [`Proxy`](crate::Proxy)'s.
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

    server_methods!();

    /// The program's version, `[7, 0, 15]`: Valkey's own, not that of the Redis it stands in for.
    ///
    /// # Panics
    ///
    /// If the server doesn't tell.
    pub async fn version(&self) -> [u16; 3] {
        let about = self.ask(&["INFO", "server"]).await;
        let field = |name| about.lines().find_map(|line| line.strip_prefix(name));
        let version = field("valkey_version:").or_else(|| field("redict_version:")).or_else(|| field("redis_version:"));
        version::numbers(version.unwrap_or(&about))
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

    /// Deletes everything on the server.
    ///
    /// # Panics
    ///
    /// If the server doesn't do it.
    pub async fn flush(&self) {
        self.ask(&["FLUSHALL", "SYNC"]).await;
    }

    /// Runs a command with the real `redis-cli`, as the default user. Returns its output without the last line end.
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
        REDIS_CLI.check().unwrap_or_else(|text| panic!("{text}"));
        let mut cli = Command::new(REDIS_CLI.path());
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

    /// Sends a command for the fixtures. Elements of arrays in its reply have a line each.
    pub(super) async fn ask(&self, command: &[&str]) -> String {
        let reply = self.try_ask(command).await;
        reply.unwrap_or_else(|error| panic!("{command:?} on port {}: {error}; output:\n{}", self.port, self.output()))
    }

    pub(super) async fn try_ask(&self, command: &[&str]) -> io::Result<String> {
        resp::ask(&self.socket(), self.settings.password.as_deref(), command).await
    }

    /// Resumes the server if it is stopped, restarts it if it is dead. Returns whether it was dead.
    pub(super) async fn revive(&self) -> bool {
        self.resume();
        let dead = !self.is_running();
        if dead {
            self.restart().await;
        }
        dead
    }

    /// Whether it was neither killed nor stopped.
    pub(super) fn is_running(&self) -> bool {
        self.process.is_running()
    }

    async fn ready(&self) -> Result<(), String> {
        // The unix socket is opened after the port, and only this process has it.
        loop {
            match self.try_ask(&["PING"]).await {
                // The default user may have been switched off.
                Err(refused) if refused.kind() == io::ErrorKind::Other && !refused.to_string().contains("LOADING") => {
                    break;
                }
                Ok(_) => break,
                Err(_) => self.process.pause().await?,
            }
        }
        Ok(())
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("redis.sock")
}
