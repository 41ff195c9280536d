//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

/// The system hands out ports above these to clients: one of those could take the port of a server that is being restarted, or
/// connect to itself.
const LOWEST: u16 = 10_000;
const HIGHEST: u16 = 32_000;

/// A port that nobody listens on now. Somebody may take it before it's used.
pub(crate) fn free() -> u16 {
    for _ in 0..1000 {
        let port = fastrand::u16(LOWEST..HIGHEST);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {LOWEST} and {HIGHEST} on 127.0.0.1");
}

/// Starts something on a free port, on another one if the port was taken meanwhile.
pub(crate) async fn start<T>(start: impl AsyncFn(u16) -> Result<T, String>) -> T {
    let mut attempts = 0;
    loop {
        match start(free()).await {
            Ok(started) => return started,
            Err(text) if attempts < 5 && text.contains("in use") => attempts += 1,
            Err(text) => panic!("{text}"),
        }
    }
}
