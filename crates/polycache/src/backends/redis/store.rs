//! The most frequent write: an unconditional `SET`. Its bytes are written once, into the connection's buffer.

use std::borrow::Cow;

use polycache_wire::Request;
use redis::Cmd;

use super::answers::milliseconds;
use super::link::{Expect, Link};
use super::words::{Digits, word};
use crate::backend::Key;
use crate::{Ttl, Value};

/// A `SET`, after an `UNLINK` of the lease on its key if writes end leases.
#[derive(Debug)]
pub(super) struct Store {
    /// The key. If the lease is ended, the rest of the lease's name follows.
    name: String,
    key_len: usize,
    value: Value,
    /// In milliseconds.
    life: Option<u64>,
}

impl Store {
    pub(super) fn new(key: Key<'_>, value: Value, ttl: Ttl, ends_lease: bool) -> Self {
        let name = if ends_lease { key.lease() } else { key.full().to_owned() };
        Self { name, key_len: key.full().len(), value, life: milliseconds(ttl) }
    }

    fn key(&self) -> &str {
        &self.name[..self.key_len]
    }

    /// The key of the lease that the command ends.
    fn lease(&self) -> Option<&str> {
        (self.name.len() > self.key_len).then_some(&*self.name)
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        self.value.to_stored().unwrap_or_default()
    }

    /// The parts of the command that a server may repeat in an error.
    #[cold]
    pub(super) fn words(&self) -> Cmd {
        let mut words = redis::cmd("SET");
        words.arg(&self.name).arg(self.key()).arg(&*self.bytes());
        words
    }
}

impl Request<Link> for Store {
    fn encode(&self, _number: u16, out: &mut Vec<u8>) -> Expect {
        let bytes = self.bytes();
        // Room for the lines around the words too, which are 120 bytes at most.
        out.reserve(self.name.len() + self.key_len + bytes.len() + 160);
        if let Some(lease) = self.lease() {
            out.extend_from_slice(b"*2\r\n$6\r\nUNLINK\r\n");
            word(out, lease.as_bytes());
        }
        out.extend_from_slice(if self.life.is_some() { b"*5\r\n$3\r\nSET\r\n" } else { b"*3\r\n$3\r\nSET\r\n" });
        word(out, self.key().as_bytes());
        word(out, &bytes);
        if let Some(life) = self.life {
            out.extend_from_slice(b"$2\r\nPX\r\n");
            let digits = Digits::new(life);
            word(out, digits.text());
        }
        if self.lease().is_some() { Expect::Second } else { Expect::One }
    }

    fn weight(&self) -> usize {
        self.name.len() + self.key_len + self.bytes().len()
    }

    fn is_read(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_what_the_client_would_send() {
        for ttl in [Ttl::Never, Ttl::After(Duration::from_millis(1)), Ttl::After(Duration::MAX)] {
            for bytes in [&b""[..], b"v", &[b'v'; 10], &[b'v'; 99], &[b'v'; 100], &[b'v'; 987], &[b'\r'; 1_000]] {
                let (key, value) = (Key::plain("users:7"), Value::from(bytes.to_vec()));
                let mut expected = Vec::new();
                let mut set = redis::cmd("SET");
                set.arg(key.full()).arg(bytes);
                if let Some(life) = milliseconds(ttl) {
                    set.arg("PX").arg(life);
                }
                set.write_packed_command(&mut expected);
                let mut out = Vec::new();
                Store::new(key, value.clone(), ttl, false).encode(0, &mut out);
                assert_eq!(out, expected);

                let (mut out, mut unlink) = (Vec::new(), Vec::new());
                redis::cmd("UNLINK").arg(key.lease()).write_packed_command(&mut unlink);
                Store::new(key, value, ttl, true).encode(0, &mut out);
                assert_eq!(out, [unlink, expected].concat());
            }
        }
    }
}
