//! The form that the reply to a request must have.

use super::reply::{RefusalKind, Reply};

/// The form that the reply to one request must have. Made by [`Request::encode`](super::Request::encode), for the
/// [`Decoder`](super::Decoder).
#[derive(Debug, Clone)]
pub struct Expect(pub(super) Form);

#[derive(Debug, Clone)]
pub(super) enum Form {
    /// A meta reply with this opaque.
    Meta(Opaque),
    /// Two meta replies with this opaque.
    LookAndWrite(Opaque, Looked),
    /// Values of these keys, then `END`.
    Values(Box<Keys>),
    /// One line that begins with these bytes.
    Line(&'static [u8]),
    /// Anything, then the reply to [`END_MARK`]. `is_get` is for a classic get, and `broke_off` for one that broke off.
    Raw { is_get: bool, broke_off: bool },
    /// Lines with any line end, up to one that is known to be the last.
    Dump,
}

/// The reply to a look, which waits for that to the write behind it.
#[derive(Debug, Clone, Default)]
pub(super) enum Looked {
    #[default]
    NotYet,
    /// There is no such entry.
    Missing,
    At(Box<Reply>),
}

/// Sent behind a request whose reply shows no end: some commands answer with one line, others with several, and an error line may be the
/// last one or not.
pub(super) const END_MARK: &[u8] = b"mn\r\n";

impl Expect {
    pub(super) fn meta(opaque: Opaque) -> Self {
        Self(Form::Meta(opaque))
    }

    /// The form of this meta reply together with that to a look before it.
    pub(super) fn after_look(self) -> Self {
        match self.0 {
            Form::Meta(opaque) => Self(Form::LookAndWrite(opaque, Looked::NotYet)),
            other => Self(other),
        }
    }

    pub(super) fn values(keys: Keys) -> Self {
        Self(Form::Values(Box::new(keys)))
    }

    pub(super) fn line(start: &'static [u8]) -> Self {
        Self(Form::Line(start))
    }

    pub(super) fn raw(is_get: bool) -> Self {
        Self(Form::Raw { is_get, broke_off: false })
    }

    pub(super) fn dump() -> Self {
        Self(Form::Dump)
    }

    /// Tells why no reply after this one can be trusted, if that is so.
    ///
    /// A server that misunderstood a request may take the rest of it for another request. And a memcached that breaks off the reply to a
    /// classic get, with an error in place of `END`, drops the replies to earlier requests that it hasn't sent yet.
    #[must_use]
    pub fn out_of_step(&self, reply: &Reply) -> Option<String> {
        let refusal = match reply {
            Reply::Refused(refusal) => refusal,
            Reply::LookAndWrite(both) => return both.iter().find_map(|reply| self.out_of_step(reply)),
            _ => return None,
        };
        let (broke_off, understood) = match (&self.0, refusal.kind) {
            (Form::Raw { broke_off, .. }, _) => (*broke_off, true),
            (Form::Values(keys), RefusalKind::Server) => (keys.broke_off, true),
            (Form::Dump, _) | (_, RefusalKind::Server) => (false, true),
            (_, RefusalKind::Client) => (false, refusal.is_not_a_number()),
            (_, RefusalKind::Unknown) => (false, false),
        };
        let what = match (broke_off, understood) {
            (true, _) => "the server broke off a reply",
            (false, false) => "the server didn't understand a request",
            (false, true) => return None,
        };
        Some(format!("{what}: {}", refusal.message))
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
    /// The keys as on the line: each with a space before it.
    tokens: Vec<u8>,
    /// Where each key ends.
    ends: Vec<u32>,
    /// How many keys are passed.
    passed: usize,
    /// Whether an error came in place of the end.
    pub(super) broke_off: bool,
}

impl Keys {
    pub(super) fn new<'a>(keys: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let (mut tokens, mut ends) = (Vec::with_capacity(keys.len() * 24), Vec::with_capacity(keys.len()));
        for key in keys {
            tokens.push(b' ');
            tokens.extend_from_slice(key);
            ends.push(u32::try_from(tokens.len()).unwrap_or(u32::MAX));
        }
        Self { tokens, ends, passed: 0, broke_off: false }
    }

    pub(super) fn tokens(&self) -> &[u8] {
        &self.tokens
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// The first key that isn't passed yet, and its number.
    #[inline]
    pub(super) fn next(&self) -> Option<(&[u8], usize)> {
        let end = *self.ends.get(self.passed)?;
        let before = if self.passed == 0 { 0 } else { self.ends[self.passed - 1] };
        Some((self.tokens.get(before as usize + 1..end as usize)?, self.passed))
    }

    #[inline]
    pub(super) fn pass(&mut self) {
        self.passed += 1;
    }

    /// The number of `key` among the keys that aren't passed yet. Passes it and those before it.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<usize> {
        while let Some((token, index)) = self.next() {
            let found = token == key;
            self.pass();
            if found {
                return Some(index);
            }
        }
        None
    }
}
