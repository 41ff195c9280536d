//! The serializers that come with the crate; [`Serializer`] is the contract.
//!
//! | serializer | stored as | choose it for |
//! |---|---|---|
//! | [`Null`] | the object itself | a cache in this process (the default there) |
//! | `Json` (feature `json`) | compact JSON | everything else (the default there) |
//! | `Text` (feature `json`) | plain text | strings and numbers that other programs read as they are |
//! | `MsgPack` (feature `msgpack`) | `MessagePack` | smaller and faster than JSON, bytes included |
//! | `Pickle` (feature `pickle`) | Python's pickle | values shared with Python programs |
//!
//! Around any of them but [`Null`], and around each other:
//!
//! | serializer | stored as | choose it for |
//! |---|---|---|
//! | `Compressed` (feature `zstd` or `lz4`) | a frame of zstd or lz4, where that is shorter | large values |
//! | `Sealed` (feature `sealed`) | XChaCha20-Poly1305 | values that a server mustn't know |
//! | `Signed` (feature `signed`) | HMAC-SHA-256 and the value | values on a server that others write to |

#[cfg(any(feature = "lz4", feature = "zstd"))]
mod compressed;
#[cfg(any(feature = "json", feature = "msgpack", feature = "pickle"))]
mod guard;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
mod null;
#[cfg(feature = "pickle")]
mod pickle;
#[cfg(feature = "sealed")]
mod sealed;
#[cfg(any(feature = "sealed", feature = "signed"))]
mod secret_keys;
#[cfg(feature = "signed")]
mod signed;
#[cfg(test)]
mod testing;
#[cfg(feature = "json")]
mod text;

#[cfg(any(feature = "lz4", feature = "zstd"))]
pub use compressed::Compressed;
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "msgpack")]
pub use msgpack::MsgPack;
pub use null::Null;
#[cfg(feature = "pickle")]
pub use pickle::Pickle;
#[cfg(feature = "sealed")]
pub use sealed::Sealed;
#[cfg(any(feature = "sealed", feature = "signed"))]
pub use secret_keys::SecretKeys;
#[cfg(feature = "signed")]
pub use signed::Signed;
#[cfg(feature = "json")]
pub use text::Text;

#[cfg(any(feature = "json", feature = "msgpack", feature = "pickle"))]
use std::fmt::Display;
#[cfg(feature = "config")]
use std::sync::Arc;

#[cfg(any(feature = "lz4", feature = "sealed", feature = "signed", feature = "zstd"))]
use crate::registry::SERIALIZERS;
#[cfg(feature = "config")]
use crate::registry::{Row, row};
#[cfg(feature = "config")]
use crate::serializer::Serializer;
#[cfg(any(feature = "json", feature = "msgpack", feature = "pickle"))]
use crate::{Error, ErrorKind};
#[cfg(any(feature = "lz4", feature = "sealed", feature = "signed", feature = "zstd"))]
use crate::{Result, Settings};

/// A row for each serializer.
#[cfg(feature = "config")]
pub(crate) const TABLE: &[Row<dyn Serializer>] = &[
    row!(Serializer, |_| Ok(Arc::new(Null)), ["null", "aiocache.serializers.NullSerializer"]),
    row!(Serializer, |_| Ok(Arc::new(Json)), ["json", "aiocache.serializers.JsonSerializer"]),
    row!(Serializer, |_| Ok(Arc::new(Text)), ["text", "aiocache.serializers.StringSerializer"]),
    row!(Serializer if "msgpack", |_| Ok(Arc::new(MsgPack)), ["msgpack", "aiocache.serializers.MsgPackSerializer"]),
    row!(Serializer if "pickle", |_| Ok(Arc::new(Pickle)), ["pickle", "aiocache.serializers.PickleSerializer"]),
    row!(Serializer if "zstd", compressed::zstd_from_settings, ["zstd"]),
    row!(Serializer if "lz4", compressed::lz4_from_settings, ["lz4"]),
    row!(Serializer if "sealed", sealed::from_settings, ["sealed"]),
    row!(Serializer if "signed", signed::from_settings, ["signed"]),
];

/// The inner serializer, from the outer one's setting `serializer`: JSON by default.
#[cfg(any(feature = "lz4", feature = "sealed", feature = "signed", feature = "zstd"))]
fn inner(settings: &mut Settings) -> Result<Arc<dyn Serializer>> {
    const FIELD: &str = "serializer";
    let Some(spec) = settings.take(FIELD)? else { return Ok(Arc::new(Json)) };
    let inner = SERIALIZERS.part(settings, FIELD, spec)?;
    if inner.keeps_objects() {
        let text = format!("is {}, which keeps live objects and has no bytes; use json or another one", inner.name());
        return Err(settings.error(FIELD, &text));
    }
    Ok(inner)
}

/// The deepest nesting that a decoder of this crate follows.
#[cfg(any(feature = "msgpack", feature = "pickle"))]
const MAX_DEPTH: usize = 128;

#[cfg(any(feature = "json", feature = "msgpack", feature = "pickle"))]
#[cold]
fn encode_error(serializer: &str, detail: impl Display) -> Error {
    Error::new(ErrorKind::Encode, format!("{serializer} can't encode this: {}", shorten(detail)))
}

/// `detail` tells what was expected and, if known, at which position.
#[cfg(any(feature = "json", feature = "msgpack", feature = "pickle"))]
#[cold]
fn decode_error(serializer: &str, detail: impl Display) -> Error {
    Error::new(ErrorKind::Decode, format!("{serializer} can't decode this: {}", shorten(detail)))
}

/// As [`decode_error`], for a format whose positions are byte offsets.
#[cfg(any(feature = "msgpack", feature = "pickle"))]
#[cold]
fn decode_error_at(serializer: &str, detail: impl Display, at: usize) -> Error {
    decode_error(serializer, format_args!("{}, at byte {at}", shorten(detail)))
}

/// Cuts the middle out of a long text: serde's messages quote the found value, however large, and `serde_json`'s end with the position.
#[cfg(any(feature = "json", feature = "msgpack", feature = "pickle"))]
fn shorten(text: impl Display) -> String {
    const HEAD: usize = 140;
    const TAIL: usize = 60;

    let text = text.to_string();
    let Some((cut, _)) = text.char_indices().nth(HEAD + TAIL) else {
        return text;
    };
    let tail_start = text.char_indices().rev().nth(TAIL - 1).map_or(cut, |(at, _)| at);
    let head_end = text.char_indices().nth(HEAD).map_or(cut, |(at, _)| at);
    format!("{} … {}", &text[..head_end], &text[tail_start..])
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn a_long_detail_keeps_its_head_and_its_end() {
        assert_eq!(shorten("short"), "short");
        assert_eq!(shorten("é".repeat(200)), "é".repeat(200));

        let long = format!("unexpected {} at line 3 column 7", "😀".repeat(1_000_000));
        let short = shorten(&long);
        assert!(short.starts_with("unexpected 😀") && short.ends_with("at line 3 column 7"), "{short}");
        assert_eq!(short.chars().count(), 203);
    }
}
