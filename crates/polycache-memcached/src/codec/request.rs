//! Requests, written as bytes.

use super::expect::{END_MARK, Expect, Keys, Opaque};
use super::lines::shifted;
use super::raw::RawCommand;
use crate::key::WireKey;

/// A request to one server.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Some parts of the entry under a key.
    Get {
        /// The entry's key.
        key: &'a WireKey<'a>,
        /// The parts to read.
        parts: Parts,
    },
    /// Reads the values and flags under several keys, by one classic `get`, which takes no base64 key. It is the fastest form: a server
    /// executes 20 commands of a connection in a row (its option `-R`) before it turns to others, and this is one.
    MultiGet {
        /// The keys: at least one, and none in base64.
        keys: &'a [WireKey<'a>],
    },
    /// Stores a value.
    Store {
        /// The condition.
        mode: Mode,
        /// The key to store under.
        key: &'a WireKey<'a>,
        /// The value.
        value: &'a [u8],
        /// Flags to keep with the value, for the clients to agree upon.
        flags: u32,
        /// The TTL in the protocol's form: 0 for ever, seconds up to 30 days, beyond that Unix time.
        exptime: u32,
        /// Whether to ask for the CAS number of the stored entry.
        cas: bool,
    },
    /// Deletes a key; with `cas`, only an entry that has this CAS number.
    Delete {
        /// The key to delete.
        key: &'a WireKey<'a>,
        /// The only CAS number to delete, if any.
        cas: Option<u64>,
    },
    /// Changes an unsigned decimal number and asks for the new one.
    Count {
        /// The number's key.
        key: &'a WireKey<'a>,
        /// The difference.
        delta: Delta,
        /// The number to store if there is none, and its exptime.
        create: Option<(u64, u32)>,
    },
    /// Gives an entry another exptime.
    Touch {
        /// The entry's key.
        key: &'a WireKey<'a>,
        /// The new exptime.
        exptime: u32,
    },
    /// Looks at an entry, such as a lease, and writes right behind that: two commands as one request, between which the server executes
    /// nothing else of this connection.
    LookAndWrite {
        /// The key to look at.
        look: &'a WireKey<'a>,
        /// The parts to read there.
        parts: Parts,
        /// The write: a meta command.
        write: &'a Self,
    },
    /// Deletes everything.
    FlushAll,
    /// Asks for the server's version.
    Version,
    /// Does nothing: a sign of life.
    Noop,
    /// Logs in, at a server started with `-Y`. Any other server would *store* this.
    Authenticate {
        /// The user; without a space.
        user: &'a str,
        /// The password.
        password: &'a str,
    },
    /// A command line of the user.
    Raw(RawCommand<'a>),
}

/// Parts of an entry that a [`Request::Get`] asks for.
///
/// ```
/// use polycache_memcached::codec::{Parts, Request, WireKey};
///
/// let request = Request::Get { key: &WireKey::new(b"k"), parts: Parts::VALUE.and(Parts::TTL) };
/// let mut out = Vec::new();
/// request.encode(7, &mut out);
/// assert_eq!(out, b"mg k v f t OAH\r\n");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts(u8);

impl Parts {
    /// No part: only whether there is an entry.
    pub const NONE: Self = Self(0);
    /// The value, and its flags.
    pub const VALUE: Self = Self(1);
    /// The CAS number.
    pub const CAS: Self = Self(2);
    /// The rest of the entry's life.
    pub const TTL: Self = Self(4);

    /// These parts and `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The protocol's flags that ask for these parts.
    const fn flags(self) -> &'static [u8] {
        match self.0 & 7 {
            0 => b"",
            1 => b" v f",
            2 => b" c",
            3 => b" v f c",
            4 => b" t",
            5 => b" v f t",
            6 => b" c t",
            _ => b" v f c t",
        }
    }
}

/// The condition to store a value on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No condition.
    Set,
    /// There is no value.
    Add,
    /// There is a value.
    Replace,
    /// The value has this CAS number.
    Cas(u64),
}

/// How a number changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delta {
    /// It grows. Beyond 2^64 it starts again at 0.
    Add(u64),
    /// It shrinks, to 0 at least.
    Subtract(u64),
}

impl Request<'_> {
    /// As [`encode`](Self::encode), where the callers know the server's CAS numbers as shifted by `shift`.
    pub(crate) fn encode_shifted(&self, shift: u64, opaque: u16, out: &mut Vec<u8>) -> Expect {
        match *self {
            Self::LookAndWrite { look, parts, write } => {
                Self::Get { key: look, parts }.encode(opaque, out);
                write.encode_shifted(shift, opaque, out).after_look()
            }
            Self::Store { mode: Mode::Cas(number), key, value, flags, exptime, cas } => {
                let mode = Mode::Cas(shifted(number, shift));
                Self::Store { mode, key, value, flags, exptime, cas }.encode(opaque, out)
            }
            Self::Delete { key, cas: Some(cas) } => {
                Self::Delete { key, cas: Some(shifted(cas, shift)) }.encode(opaque, out)
            }
            _ => self.encode(opaque, out),
        }
    }

    /// Appends the request to `out`, and returns the form that its reply must have. Where the protocol allows it, the reply has to repeat
    /// 12 bits of `opaque`, so that a reply to another request is noticed.
    pub fn encode(&self, opaque: u16, out: &mut Vec<u8>) -> Expect {
        let (bits, opaque) = (opaque, Opaque::new(opaque));
        match *self {
            Self::Get { key, parts } => {
                begin(out, b"mg ", key);
                out.extend_from_slice(parts.flags());
                end(out, key, opaque)
            }
            Self::MultiGet { keys } => {
                let keys = Keys::new(keys.iter().map(WireKey::token));
                out.extend_from_slice(b"get");
                out.extend_from_slice(keys.tokens());
                // Without a mark behind it: the server would send the mark's reply apart, and it would be read apart.
                out.extend_from_slice(b"\r\n");
                Expect::values(keys)
            }
            Self::Store { mode, key, value, flags, exptime, cas } => {
                begin(out, b"ms ", key);
                out.push(b' ');
                number(out, value.len() as u64);
                nonzero(out, b" F", flags);
                nonzero(out, b" T", exptime);
                match mode {
                    Mode::Set => {}
                    Mode::Add => out.extend_from_slice(b" ME"),
                    Mode::Replace => out.extend_from_slice(b" MR"),
                    Mode::Cas(cas) => flag(out, b" C", cas),
                }
                if cas {
                    out.extend_from_slice(b" c");
                }
                let expect = end(out, key, opaque);
                out.extend_from_slice(value);
                out.extend_from_slice(b"\r\n");
                expect
            }
            Self::Delete { key, cas } => {
                begin(out, b"md ", key);
                if let Some(cas) = cas {
                    flag(out, b" C", cas);
                }
                end(out, key, opaque)
            }
            Self::Count { key, delta, create } => {
                begin(out, b"ma ", key);
                match delta {
                    Delta::Add(delta) => flag(out, b" D", delta),
                    Delta::Subtract(delta) => flag(out, b" MD D", delta),
                }
                if let Some((initial, exptime)) = create {
                    flag(out, b" N", u64::from(exptime));
                    flag(out, b" J", initial);
                }
                out.extend_from_slice(b" v");
                end(out, key, opaque)
            }
            Self::Touch { key, exptime } => {
                begin(out, b"mg ", key);
                flag(out, b" T", u64::from(exptime));
                end(out, key, opaque)
            }
            Self::LookAndWrite { look, parts, write } => {
                Self::Get { key: look, parts }.encode(bits, out);
                write.encode(bits, out).after_look()
            }
            Self::FlushAll => line(out, b"flush_all\r\n", b"OK"),
            Self::Version => line(out, b"version\r\n", b"VERSION "),
            Self::Noop => {
                // Since 1.6.45, a server with `-Y` closes a connection whose first line is shorter than seven bytes.
                out.extend_from_slice(b"mn O");
                out.extend_from_slice(&opaque.token());
                line(out, b"\r\n", b"MN")
            }
            Self::Authenticate { user, password } => {
                out.extend_from_slice(b"set auth 0 0 ");
                number(out, (user.len() + 1 + password.len()) as u64);
                for part in ["\r\n", user, " ", password] {
                    out.extend_from_slice(part.as_bytes());
                }
                line(out, b"\r\n", b"STORED")
            }
            Self::Raw(command) => {
                if !command.is_mark() {
                    out.extend_from_slice(command.line());
                    out.extend_from_slice(b"\r\n");
                }
                if command.is_dump() {
                    return Expect::dump();
                }
                out.extend_from_slice(END_MARK);
                Expect::raw(command.is_get())
            }
        }
    }

    /// Whether the request changes nothing in the server, so that it may be sent twice.
    #[must_use]
    pub fn is_read(&self) -> bool {
        match self {
            Self::Get { .. } | Self::MultiGet { .. } | Self::Version | Self::Noop => true,
            Self::Store { .. }
            | Self::Delete { .. }
            | Self::Count { .. }
            | Self::Touch { .. }
            | Self::LookAndWrite { .. }
            | Self::FlushAll
            | Self::Authenticate { .. }
            | Self::Raw(_) => false,
        }
    }

    /// The value that the request stores, if it stores one.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Store { value, .. } => Some(value),
            Self::LookAndWrite { write, .. } => write.value(),
            _ => None,
        }
    }

    /// About how many bytes of keys and values it has on the wire; for bounding queues.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::MultiGet { keys } => keys.iter().map(|key| key.token().len() + 1).sum(),
            Self::Store { key, value, .. } => key.token().len() + value.len(),
            Self::Raw(command) => command.line().len(),
            Self::Get { key, .. } | Self::Delete { key, .. } | Self::Count { key, .. } | Self::Touch { key, .. } => {
                key.token().len()
            }
            Self::LookAndWrite { look, write, .. } => look.token().len() + write.weight(),
            Self::FlushAll | Self::Version | Self::Noop | Self::Authenticate { .. } => 0,
        }
    }
}

fn begin(out: &mut Vec<u8>, command: &[u8], key: &WireKey<'_>) {
    out.extend_from_slice(command);
    out.extend_from_slice(key.token());
}

fn end(out: &mut Vec<u8>, key: &WireKey<'_>, opaque: Opaque) -> Expect {
    if key.is_base64() {
        out.extend_from_slice(b" b");
    }
    let [a, b] = opaque.token();
    out.extend_from_slice(&[b' ', b'O', a, b, b'\r', b'\n']);
    Expect::meta(opaque)
}

fn line(out: &mut Vec<u8>, line: &[u8], reply: &'static [u8]) -> Expect {
    out.extend_from_slice(line);
    Expect::line(reply)
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn flag(out: &mut Vec<u8>, flag: &[u8], token: u64) {
    out.extend_from_slice(flag);
    number(out, token);
}

/// Leaves out a zero, which the server assumes anyway.
fn nonzero(out: &mut Vec<u8>, name: &[u8], token: u32) {
    if token != 0 {
        flag(out, name, u64::from(token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(request: Request<'_>) -> String {
        let mut out = Vec::new();
        request.encode(65, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn requests_are_lines_of_the_protocol() {
        let key = &WireKey::new(b"k");
        let binary = &WireKey::new(b"a b");
        let store =
            |mode, flags, exptime| wire(Request::Store { mode, key, value: b"v\r\n", flags, exptime, cas: flags == 9 });
        assert_eq!(wire(Request::Get { key, parts: Parts::VALUE.and(Parts::CAS) }), "mg k v f c OBB\r\n");
        assert_eq!(wire(Request::Get { key: binary, parts: Parts::VALUE }), "mg YSBi v f b OBB\r\n");
        assert_eq!(store(Mode::Set, 0, 0), "ms k 3 OBB\r\nv\r\n\r\n");
        assert_eq!(store(Mode::Add, 1, 60), "ms k 3 F1 T60 ME OBB\r\nv\r\n\r\n");
        assert_eq!(store(Mode::Set, 9, 0), "ms k 3 F9 c OBB\r\nv\r\n\r\n");
        assert_eq!(store(Mode::Replace, 0, 0), "ms k 3 MR OBB\r\nv\r\n\r\n");
        assert_eq!(store(Mode::Cas(9), 0, 0), "ms k 3 C9 OBB\r\nv\r\n\r\n");
        assert_eq!(wire(Request::Delete { key, cas: Some(9) }), "md k C9 OBB\r\n");
        assert_eq!(wire(Request::Count { key, delta: Delta::Add(2), create: None }), "ma k D2 v OBB\r\n");
        let create = Some((7, 60));
        assert_eq!(wire(Request::Count { key, delta: Delta::Subtract(2), create }), "ma k MD D2 N60 J7 v OBB\r\n");
        assert_eq!(wire(Request::Touch { key, exptime: 5 }), "mg k T5 OBB\r\n");
        assert_eq!(wire(Request::Get { key, parts: Parts::NONE }), "mg k OBB\r\n");
        assert_eq!(wire(Request::Get { key, parts: Parts::TTL.and(Parts::CAS) }), "mg k c t OBB\r\n");
        assert_eq!(wire(Request::MultiGet { keys: &[WireKey::new(b"a"), WireKey::new(b"b")] }), "get a b\r\n");
        let (look, write) = (&WireKey::new(b"l"), &Request::Delete { key: binary, cas: None });
        let both = Request::LookAndWrite { look, parts: Parts::CAS, write };
        assert_eq!(wire(both), "mg l c OBB\r\nmd YSBi b OBB\r\n");
        assert_eq!(wire(Request::Noop), "mn OBB\r\n");
        assert_eq!(wire(Request::Authenticate { user: "u", password: "p w" }), "set auth 0 0 5\r\nu p w\r\n");
    }
}
