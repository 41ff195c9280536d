//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

/// The system gives higher ports to clients: a client could take the port of a server that is being restarted, or connect to itself.
const LOWEST: u16 = 10_000;
const HIGHEST: u16 = 32_000;

/// A port that nobody listens on now. Somebody may take it before it's used.
pub(super) fn free() -> u16 {
    for _ in 0..1000 {
        let port = fastrand::u16(LOWEST..HIGHEST);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {LOWEST} and {HIGHEST} on 127.0.0.1");
}

/// Attempts to start something on a free port, which somebody else may take first.
#[derive(Debug, Default)]
struct Attempts(usize);

impl Attempts {
    /// Panics with the reason unless another port may help.
    fn failed(&mut self, reason: &str) {
        self.0 += 1;
        assert!(self.0 < 5 && reason.contains("in use"), "{reason}");
    }
}

/// Starts something on a free port, on another one if somebody takes that first.
///
/// # Panics
///
/// With the reason, if another port wouldn't help.
pub(crate) async fn start<T, F: Future<Output = Result<T, String>>>(on: impl Fn(u16) -> F) -> T {
    let mut attempts = Attempts::default();
    loop {
        match on(free()).await {
            Ok(started) => return started,
            Err(reason) => attempts.failed(&reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::{Memcached, RedisServer};

    #[tokio::test]
    async fn a_port_taken_meanwhile_is_worth_another_attempt() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut attempts = Attempts::default();
        attempts.failed(&RedisServer::builder().start_on(port).await.unwrap_err());
        attempts.failed(&Memcached::builder().start_on(port).await.unwrap_err());
        attempts.failed(&TcpListener::bind(taken.local_addr().unwrap()).unwrap_err().to_string());
    }
}
