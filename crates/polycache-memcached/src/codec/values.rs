//! The reply to a classic `get`.

use bytes::{Buf, Bytes, BytesMut};

use super::expect::Keys;
use super::lines::digits;
use super::reply::Item;

/// Values up to this many bytes are copied out of the input, so that a small value doesn't keep all of the input in memory. Larger ones
/// stay where they were read.
pub(super) const COPIED_MAX: usize = 16 * 1024;

/// The values of a classic `get` that have arrived. Small ones are copied into one shared buffer: they came together, and are mostly used
/// and dropped together.
#[derive(Debug, Default)]
pub(super) struct Values {
    found: Vec<Option<(Place, u32)>>,
    shared: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Place {
    Shared { start: usize, end: usize },
    Own(Bytes),
}

impl Values {
    pub(super) fn expect(&mut self, count: usize) {
        if self.found.is_empty() {
            self.found.resize(count, None);
        }
    }

    /// Takes a value and its line end from the front of the input.
    pub(super) fn take(&mut self, index: usize, flags: u32, length: usize, input: &mut BytesMut) {
        if length > COPIED_MAX {
            let value = input.split_to(length).freeze();
            input.advance(2);
            self.put(index, Place::Own(value), flags);
        } else {
            self.copy(index, &input[..length], flags);
            input.advance(length + 2);
        }
    }

    /// Takes whole, small values from the front of the input, for as long as each is the next one asked for: the common case, in one
    /// pass. Stops at anything else.
    pub(super) fn take_run(&mut self, keys: &mut Keys, input: &mut BytesMut, max: usize) {
        let mut at = 0;
        while let Some((key, index)) = keys.next() {
            let head = Head::read(&input[at..], key).filter(|head| head.length <= max.min(COPIED_MAX));
            let Some(head) = head else { break };
            let start = at + head.bytes;
            let end = start + head.length;
            if input.get(end..end + 2) != Some(b"\r\n") {
                break;
            }
            self.copy(index, &input[start..end], head.flags);
            keys.pass();
            at = end + 2;
        }
        input.advance(at);
    }

    pub(super) fn finish(self) -> Vec<Option<Item>> {
        let shared = Bytes::from(self.shared);
        let item = |(place, flags)| match place {
            Place::Shared { start, end } => Item { value: shared.slice(start..end), flags },
            Place::Own(value) => Item { value, flags },
        };
        self.found.into_iter().map(|found| found.map(item)).collect()
    }

    fn copy(&mut self, index: usize, value: &[u8], flags: u32) {
        let start = self.shared.len();
        self.shared.extend_from_slice(value);
        self.put(index, Place::Shared { start, end: start + value.len() }, flags);
    }

    fn put(&mut self, index: usize, place: Place, flags: u32) {
        if let Some(found) = self.found.get_mut(index) {
            *found = Some((place, flags));
        }
    }
}

/// The first line of a value.
struct Head {
    flags: u32,
    length: usize,
    /// The length of the line, with its end.
    bytes: usize,
}

impl Head {
    /// Reads `VALUE`, this key, flags and a length; `None` for anything else.
    #[inline]
    fn read(input: &[u8], key: &[u8]) -> Option<Self> {
        let rest = input.strip_prefix(b"VALUE ")?.strip_prefix(key)?.strip_prefix(b" ")?;
        let (flags, rest) = digits(rest)?;
        let (length, rest) = digits(rest.strip_prefix(b" ")?)?;
        let rest = rest.strip_prefix(b"\r\n")?;
        Some(Self { flags, length: length as usize, bytes: input.len() - rest.len() })
    }
}
