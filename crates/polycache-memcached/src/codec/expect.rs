//! What the reply to a request has to look like.

use memchr::memchr;

use super::reply::{RefusalKind, Reply};

/// What the reply to one request has to look like. Made by [`Request::encode`](super::Request::encode), given to the
/// [`Decoder`](super::Decoder).
#[derive(Debug, Clone)]
pub struct Expect(pub(super) Form);

#[derive(Debug, Clone)]
pub(super) enum Form {
    /// A meta reply with this opaque.
    Meta(Opaque),
    /// Values of these keys, then `END`.
    Values(Box<Keys>),
    /// One line that begins so.
    Line(&'static [u8]),
    /// One line, with a data block where it has one; or lines up to `END`.
    Raw { lines: bool },
}

impl Expect {
    pub(super) fn meta(opaque: Opaque) -> Self {
        Self(Form::Meta(opaque))
    }

    pub(super) fn values(keys: Keys) -> Self {
        Self(Form::Values(Box::new(keys)))
    }

    pub(super) fn line(start: &'static [u8]) -> Self {
        Self(Form::Line(start))
    }

    pub(super) fn raw(lines: bool) -> Self {
        Self(Form::Raw { lines })
    }

    /// What the server said, if this reply shows that it misunderstood a request of ours: then it may take the rest of the
    /// request for another one, and the connection is out of step.
    #[must_use]
    pub fn misunderstood(&self, reply: &Reply) -> Option<String> {
        let Reply::Refused(refusal) = reply else { return None };
        let understood = match (&self.0, refusal.kind) {
            (Form::Raw { .. }, _) | (_, RefusalKind::Server) => true,
            (_, RefusalKind::Client) => refusal.is_not_a_number(),
            (_, RefusalKind::Unknown) => false,
        };
        (!understood).then(|| refusal.message.clone())
    }
}

/// Twelve bits that a reply repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opaque([u8; 2]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Opaque {
    pub(super) fn new(number: u16) -> Self {
        Self([number >> 6, number].map(|digit| ALPHABET[usize::from(digit & 63)]))
    }

    pub(super) fn token(self) -> [u8; 2] {
        self.0
    }
}

/// The keys of a classic `get`, in the order in which their values will come.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// Each with a space before it.
    tokens: Vec<u8>,
    count: usize,
    /// Where the next key starts, and its number.
    at: usize,
    index: usize,
}

impl Keys {
    pub(super) fn new(tokens: &[u8], count: usize) -> Self {
        Self { tokens: tokens.to_vec(), count, at: 0, index: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The number of `key` among those not yet passed; it and those before it have now been passed.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<usize> {
        while self.at < self.tokens.len() {
            let rest = &self.tokens[self.at + 1..];
            let token = &rest[..memchr(b' ', rest).unwrap_or(rest.len())];
            self.at += 1 + token.len();
            self.index += 1;
            if token == key {
                return Some(self.index - 1);
            }
        }
        None
    }
}
