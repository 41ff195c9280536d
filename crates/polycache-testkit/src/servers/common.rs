//! The methods of all kinds of servers, written once.
//!
//! By macros rather than a trait, so that tests need no import to call them.

/// The methods of a builder that has the fields of one, and a `start_on`.
macro_rules! builder_methods {
    ($server:ty) => {
        /// Speaks TLS on its port, with a certificate of an authority of its own.
        pub fn tls(mut self) -> Self {
            self.tls = Some(Tls::Server);
            self
        }

        /// As [`tls`](Self::tls), but refuses clients that show no certificate of that authority.
        pub fn mutual_tls(mut self) -> Self {
            self.tls = Some(Tls::Both);
            self
        }

        /// Starts the server, and returns when it answers.
        ///
        /// # Panics
        ///
        /// If it doesn't start; the message holds the server's own output.
        pub async fn start(self) -> $server {
            port::start(|port| self.clone().start_on(port)).await
        }
    };
}

/// The methods of a server with a port, certificates and a process.
macro_rules! server_methods {
    () => {
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

        /// The path of the unix socket.
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

        /// SIGSTOP: the kernel accepts connections, but nothing answers. Returns when the process stands still.
        pub fn stop(&self) {
            self.process.stop();
        }

        /// SIGCONT, after [`stop`](Self::stop).
        pub fn resume(&self) {
            self.process.resume();
        }
    };
}

pub(super) use {builder_methods, server_methods};
