//! A read of values, with the lives of their entries where they are asked for. Its bytes are written once, into the connection's buffer.

use polycache_wire::Request;
use redis::Cmd;

use super::link::{Expect, Link};
use super::words::{Digits, word};
use crate::backend::{Key, Want};
use crate::lease::is_lease;

/// One `MGET`, or a `GET` of a single key, and before it a `PTTL` for each key whose life is asked for.
#[derive(Debug)]
pub(super) struct Glance {
    /// The keys, one behind the other.
    text: String,
    /// Where each key ends.
    ends: Box<[usize]>,
    has_lives: bool,
}

impl Glance {
    pub(super) fn new(keys: &[Key<'_>], want: Want) -> Self {
        let mut text = String::with_capacity(keys.iter().map(|key| key.full().len()).sum());
        let mut end = |key: &Key<'_>| {
            text.push_str(key.full());
            text.len()
        };
        let ends = keys.iter().map(&mut end).collect();
        Self { text, ends, has_lives: want.has(Want::TTL) }
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let mut begin = 0;
        self.ends.iter().map(move |&end| {
            let key = &self.text[begin..end];
            begin = end;
            key
        })
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the life of each key's entry is asked for. Nobody asks how long generations and leases live, which are read beside a value.
    pub(super) fn lives(&self) -> impl Iterator<Item = bool> {
        self.keys().map(|key| self.asks_life(key))
    }

    fn asks_life(&self, key: &str) -> bool {
        self.has_lives && !is_lease(key)
    }

    /// The parts of the commands that a server may repeat in an error.
    #[cold]
    pub(super) fn words(&self) -> Cmd {
        let mut words = Cmd::new();
        for key in self.keys() {
            words.arg(key);
        }
        words
    }
}

impl Request<Link> for Glance {
    fn encode(&self, _number: u16, out: &mut Vec<u8>) -> Expect {
        // Room for the lines around the words too.
        out.reserve(2 * self.text.len() + 64 * (1 + self.ends.len()));
        let mut left = 1;
        for key in self.keys().filter(|key| self.asks_life(key)) {
            left += 1;
            out.extend_from_slice(b"*2\r\n$4\r\nPTTL\r\n");
            word(out, key.as_bytes());
        }
        if self.ends.len() == 1 {
            out.extend_from_slice(b"*2\r\n$3\r\nGET\r\n");
        } else {
            out.push(b'*');
            out.extend_from_slice(Digits::new(self.ends.len() as u64 + 1).text());
            out.extend_from_slice(b"\r\n$4\r\nMGET\r\n");
        }
        for key in self.keys() {
            word(out, key.as_bytes());
        }
        match left {
            1 => Expect::One,
            left => Expect::Many { left, come: Vec::with_capacity(left) },
        }
    }

    fn weight(&self) -> usize {
        self.text.len()
    }

    fn is_read(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{Purpose, tag_key};

    #[test]
    fn it_is_what_the_client_would_send() {
        let tag = tag_key(Key::plain("shop"), "shop", Purpose::Tag);
        let keys = [Key::plain("users:7"), tag.key(), Key::plain("")];
        let command = |name: &str, keys: &[Key<'_>]| {
            let mut command = redis::cmd(name);
            for key in keys {
                command.arg(key.full());
            }
            command.get_packed_command()
        };
        let (value, both) = (Want::VALUE, Want::VALUE.and(Want::TTL));
        for (keys, want, expected) in [
            (&keys[..], value, vec![command("MGET", &keys)]),
            (&keys, both, vec![command("PTTL", &keys[..1]), command("PTTL", &keys[2..]), command("MGET", &keys)]),
            (&keys[..1], value, vec![command("GET", &keys[..1])]),
            (&keys[..1], both, vec![command("PTTL", &keys[..1]), command("GET", &keys[..1])]),
        ] {
            let (glance, mut out) = (Glance::new(keys, want), Vec::new());
            let left = match glance.encode(0, &mut out) {
                Expect::Many { left, .. } => left,
                _ => 1,
            };
            assert_eq!((left, out), (expected.len(), expected.concat()));
            let asked = glance.lives().filter(|asked| *asked).count();
            assert_eq!(asked + 1, left);
        }
    }
}
