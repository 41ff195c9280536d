//! One memcached server.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::certificates::{Certificates, Tls};
use super::common::{builder_methods, server_methods};
use super::port;
use super::process::{Launch, MEMCACHED, Process};
use super::{escaped, escaped_path, version};

/// The settings of a server. Made by [`Memcached::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing starts before `start`"]
pub struct MemcachedBuilder {
    arguments: Vec<String>,
    user: Option<(String, String)>,
    tls: Option<Tls>,
    unix_socket: bool,
}

impl MemcachedBuilder {
    /// Adds arguments, `args(&["-m", "2", "-M"])` for two mebibytes and an error when it's full.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Requires clients to log in as this user, by memcached's ASCII authentication.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.user = Some((name.to_owned(), password.to_owned()));
        self
    }

    /// Listens on a unix socket, and on no port: nobody listens on [`Memcached::port`] then.
    pub fn unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self
    }

    builder_methods!(Memcached);

    /// Starts the server on this port; the error tells why it can't.
    pub(super) async fn start_on(self, port: u16) -> Result<Memcached, String> {
        let directory =
            tempfile::Builder::new().prefix("polycache-memcached-").tempdir().expect("a temporary directory");
        let certificates = self.tls.map(|_| Certificates::write_to(directory.path()));
        let launch = self.launch(port, directory.path(), certificates.as_ref());
        let process = Process::start(launch, directory);
        let server = Memcached { port, settings: self, certificates, process };
        server.ready().await?;
        Ok(server)
    }

    fn launch(&self, port: u16, directory: &Path, certificates: Option<&Certificates>) -> Launch {
        let mut arguments: Vec<OsString> = Vec::new();
        if self.unix_socket {
            arguments.extend(["-s".into(), socket(directory).into()]);
        } else {
            arguments.extend(["-l".into(), "127.0.0.1".into(), "-p".into(), port.to_string().into()]);
        }
        if rustix::process::geteuid().is_root() {
            arguments.extend(["-u".into(), "root".into()]);
        }
        if let Some((name, password)) = &self.user {
            let file = directory.join("users");
            fs::write(&file, format!("{name}:{password}\n")).expect("a temporary file");
            arguments.extend(["-Y".into(), file.into()]);
        }
        if let Some(certificates) = certificates {
            let options = format!(
                "ssl_chain_cert={},ssl_key={},ssl_ca_cert={},ssl_verify_mode={}",
                certificates.server_certificate.display(),
                certificates.server_key.display(),
                certificates.ca.display(),
                if self.tls == Some(Tls::Both) { 2 } else { 0 },
            );
            arguments.extend(["-Z".into(), "-o".into(), options.into()]);
        }
        arguments.extend(self.arguments.iter().map(OsString::from));
        let environment = vec![("MEMCACHED_PORT_FILENAME", ports(directory))];
        Launch { program: &MEMCACHED, arguments, environment }
    }
}

/// A memcached server of its own on 127.0.0.1 or on a unix socket. Killed when dropped.
///
/// ```
/// use polycache_testkit::servers::Memcached;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let server = Memcached::builder().args(&["-m", "2", "-M"]).start().await;
/// assert_eq!(server.url(), format!("memcached://127.0.0.1:{}", server.port()));
/// # }
/// ```
#[derive(Debug)]
pub struct Memcached {
    port: u16,
    settings: MemcachedBuilder,
    certificates: Option<Certificates>,
    process: Process,
}

impl Memcached {
    /// A server with memcached's defaults.
    ///
    /// # Panics
    ///
    /// As [`MemcachedBuilder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A server with settings.
    pub fn builder() -> MemcachedBuilder {
        MemcachedBuilder::default()
    }

    /// The server's URL, with all that a client needs to log in and to trust the server: `memcached://[user:password@]127.0.0.1:port`, or
    /// `memcacheds://` with the settings `ca`, `cert` and `key` in the query, or `memcached+unix:///path`.
    #[must_use]
    pub fn url(&self) -> String {
        if self.settings.unix_socket {
            return format!("memcached+unix://{}", escaped_path(&self.socket()));
        }
        self.url_at(self.address())
    }

    /// The URL of the server by another address, a [`Proxy`](crate::Proxy)'s.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        let MemcachedBuilder { user, tls, .. } = &self.settings;
        let user = user.as_ref().map(|(name, password)| format!("{}:{}@", escaped(name), escaped(password)));
        let scheme = if tls.is_some() { "memcacheds" } else { "memcached" };
        let query = self.certificates.as_ref().zip(*tls).map(|(files, tls)| files.query(tls)).unwrap_or_default();
        format!("{scheme}://{}{address}{query}", user.unwrap_or_default())
    }

    server_methods!();

    /// The version of the program, `[1, 6, 18]`.
    ///
    /// # Panics
    ///
    /// If the program doesn't tell.
    pub async fn version(&self) -> [u16; 3] {
        let run = Command::new(MEMCACHED.path()).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(Duration::from_secs(20), run).await.expect("it ends").expect("memcached starts");
        let told = String::from_utf8_lossy(&output.stdout);
        version::numbers(told.strip_prefix("memcached ").unwrap_or(&told))
    }

    /// Kills the server if it runs, and starts it on the same port, empty. Returns when it listens.
    ///
    /// # Panics
    ///
    /// If it doesn't start again.
    pub async fn restart(&self) {
        self.process.relaunch(|directory| {
            for file in [socket(directory), ports(directory)] {
                let _ = fs::remove_file(file);
            }
        });
        self.ready().await.unwrap_or_else(|text| panic!("{text}"));
    }

    async fn ready(&self) -> Result<(), String> {
        let directory = self.process.directory();
        // The file is written once the server listens on its port; only this process writes it.
        let listens = || match self.settings.unix_socket {
            true => UnixStream::connect(socket(directory)).is_ok(),
            false => ports(directory).exists(),
        };
        while !listens() {
            self.process.pause().await?;
        }
        Ok(())
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("memcached.sock")
}

fn ports(directory: &Path) -> PathBuf {
    directory.join("ports")
}
