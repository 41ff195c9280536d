//! The settings of a Redis server.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{RedisServer, socket};
use crate::servers::certificates::{Certificates, Tls};
use crate::servers::common::builder_methods;
use crate::servers::port;
use crate::servers::process::{Launch, Process, REDIS};

/// The settings of a server. Made by [`RedisServer::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing starts before `start`"]
pub struct RedisBuilder {
    pub(super) password: Option<String>,
    pub(super) user: Option<(String, String)>,
    pub(super) tls: Option<Tls>,
    sentinel: bool,
    config: Vec<(String, String)>,
}

impl RedisBuilder {
    /// Requires this password from the default user.
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

    /// Starts a sentinel, which watches other servers and holds no data.
    pub(in crate::servers) fn sentinel(mut self) -> Self {
        self.sentinel = true;
        self
    }

    /// Adds a line to the configuration file, as in `config("maxmemory-policy", "noeviction")`.
    pub fn config(mut self, directive: &str, value: &str) -> Self {
        self.config.push((directive.to_owned(), value.to_owned()));
        self
    }

    builder_methods!(RedisServer);

    /// Starts the server on this port; the error tells why it can't.
    pub(in crate::servers) async fn start_on(self, port: u16) -> Result<RedisServer, String> {
        let directory = tempfile::Builder::new().prefix("polycache-redis-").tempdir().expect("a temporary directory");
        let certificates = self.tls.map(|_| Certificates::write_to(directory.path()));
        let file = directory.path().join("redis.conf");
        fs::write(&file, self.file(port, directory.path(), certificates.as_ref())).expect("a temporary file");
        let mut arguments = vec![file.into()];
        if self.sentinel {
            arguments.push("--sentinel".into());
        }
        let launch = Launch { program: &REDIS, arguments, environment: Vec::new() };
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

/// A value as Redis' configuration file reads it back.
fn quoted(text: &str) -> String {
    text.bytes().fold(String::from("\""), |quoted, byte| format!("{quoted}\\x{byte:02x}")) + "\""
}
