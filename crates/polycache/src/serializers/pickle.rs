use erased_serde::Serialize;
use serde_core::ser::Error as _;

use super::guard::{Guarded, Large, Rules};
use super::{MAX_DEPTH, decode_error_at, encode_error};
use crate::Result;
use crate::serializer::{Context, Serializer, Visit};

mod literals;
mod machine;
mod opcodes;
mod tree;

/// Python's pickle, for a cache shared with Python programs that store their values by `pickle`.
///
/// Writes protocol 3, which every Python 3 reads; reads protocols 0 to 5. Nothing in a pickle is ever run: the result is plain data.
///
/// | Python | reads as |
/// |---|---|
/// | `None`, `bool`, `int` up to 128 bits, `float`, `str` | `()` or `Option`, `bool`, integers, floats, `String` |
/// | `uuid.UUID` | its text |
/// | `bytes`, `bytearray` | serde's bytes, or `Vec<u8>` |
/// | `list`, `tuple`, `set`, `frozenset`, `deque` | sequences, tuples |
/// | `dict`, `OrderedDict`, `defaultdict`, `Counter` | maps, structs (by field name), enums (`{variant: content}`) |
/// | an instance of a subclass of `dict` or `list` | the same, where it has no attributes besides |
/// | an instance of another class | its attributes by name: its `__dict__`, or its slots |
///
/// Every other object (a `datetime`, a `Decimal`, a member of an `Enum`, a `namedtuple`, one with a state of its own form) is an error
/// that names its class.
///
/// A `Vec<u8>` is written as a list of numbers; for Python's `bytes`, write serde's bytes (as the crate `serde_bytes` does). Integers
/// beyond 64 bits are an error when written, and so is nesting beyond 128. Recursive data is refused, and so is data that shares its
/// parts so often that it would grow out of proportion. A counter that the backend keeps as decimal text doesn't read back, so
/// `increment` is refused.
///
/// ```
/// use polycache::Cache;
/// use polycache::serializers::Pickle;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().serializer(Pickle).build()?;
/// cache.set("user", ("Ada", 36)).await?; // ("Ada", 36) in Python
/// assert_eq!(cache.get::<(String, u8)>("user").await?, Some(("Ada".to_owned(), 36)));
/// assert!(cache.increment("visits", 1).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Pickle;

impl Serializer for Pickle {
    fn name(&self) -> &str {
        "pickle"
    }

    fn serialize(&self, value: &dyn Serialize, _context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        let (value, start) = (Guard(value), out.len());
        serde_pickle::to_writer(out, &value, serde_pickle::SerOptions::new()).map_err(|error| match error {
            // Shown whole, the error calls itself a decoding error.
            serde_pickle::Error::Syntax(what) => encode_error("pickle", what),
            _ => encode_error("pickle", error),
        })?;
        // serde_pickle cuts the length of a longer string to 32 bits, and the pickle would be garbage.
        if u32::try_from(out.len() - start).is_err() {
            return Err(encode_error("pickle", "it takes 4 GiB or more"));
        }
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], _context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let tree = machine::run(bytes).map_err(|fault| decode_error_at("pickle", fault.what, fault.at))?;
        visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(tree.root()))
            .map_err(|error| decode_error_at("pickle", error, tree.last_place()))
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

/// A value that is written by the rules.
struct Guard<'a>(&'a dyn Serialize);

impl serde_core::Serialize for Guard<'_> {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(Guarded::<_, OfPickle>::new(serializer))
    }
}

struct OfPickle;

impl Rules for OfPickle {
    const MAX_DEPTH: usize = MAX_DEPTH;
    const HAS_NAN: bool = true;
    const IS_COUNTED: bool = false;

    fn large<S: serde_core::Serializer>(_: S, number: Large) -> std::result::Result<S::Ok, S::Error> {
        Err(S::Error::custom(format_args!("{number} is an integer beyond 64 bits; write it as text")))
    }
}

#[cfg(test)]
mod tests;
