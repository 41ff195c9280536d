//! Writes the key of a call.

use std::fmt::{self, Write};

use arrayvec::ArrayString;
use compact_str::CompactString;

use crate::{Error, ErrorKind, Result};

/// Keys up to this many bytes are put together on the stack.
const SHORT: usize = 128;

/// The text so far. Serde writes it in many small pieces.
#[derive(Default)]
struct Written {
    short: ArrayString<SHORT>,
    /// The whole text, once it is longer than `short` can hold.
    long: String,
}

/// The text of a key.
// Inlined: otherwise a hit passes the key through memory.
#[inline(always)]
pub(super) fn key_text(key: impl fmt::Display) -> Result<CompactString> {
    let mut written = Written::default();
    match write!(written, "{key}") {
        Ok(()) if written.long.is_empty() => Ok(CompactString::new(written.short.as_str())),
        Ok(()) => Ok(written.long.into()),
        Err(_) => Err(unwritable()),
    }
}

#[cold]
fn unwritable() -> Error {
    Error::new(ErrorKind::InvalidInput, "an argument can't be written into the key: its `Display` or `Serialize` fails")
}

impl Write for Written {
    #[inline]
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if !self.long.is_empty() || self.short.try_push_str(piece).is_err() {
            self.write_long(piece);
        }
        Ok(())
    }
}

impl Written {
    #[cold]
    fn write_long(&mut self, piece: &str) {
        if self.long.is_empty() {
            self.long.push_str(&self.short);
        }
        self.long.push_str(piece);
    }
}
