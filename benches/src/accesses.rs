//! Keys, and in what order they are asked for.

use std::fmt::Write;
use std::ops::Range;

/// The bytes of a key.
pub const KEY_LEN: usize = 20;

/// Appends the key of a number: always [`KEY_LEN`] bytes.
pub fn write_key(text: &mut String, number: u64) {
    write!(text, "user:{number:015}").expect("a string takes everything");
}

/// A sequence of keys, made before the clock starts.
///
/// The text of the keys lies together, as it would be hot in the processor's cache in a program that has just made its key; only
/// what a cache itself touches shall be cold.
#[derive(Debug, Clone)]
pub struct Accesses {
    text: String,
    order: Vec<u32>,
}

impl Accesses {
    /// These numbers, each with a text of its own: the processor reads the text in sequence.
    #[must_use]
    pub fn in_sequence(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut text = String::new();
        let mut count = 0;
        for number in numbers {
            write_key(&mut text, number);
            count += 1;
        }
        Self { text, order: (0..count).collect() }
    }

    /// `count` accesses to the numbers in `range`, at random. The text of each key is there once: for few keys.
    #[must_use]
    pub fn at_random(range: Range<u64>, count: usize, rng: &mut fastrand::Rng) -> Self {
        let keys = u32::try_from(range.end - range.start).expect("few keys");
        Self { order: (0..count).map(|_| rng.u32(0..keys)).collect(), ..Self::in_sequence(range) }
    }

    /// How many accesses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The key of the access at `index`.
    #[inline]
    #[must_use]
    pub fn key(&self, index: usize) -> &str {
        let start = self.order[index] as usize * KEY_LEN;
        &self.text[start..start + KEY_LEN]
    }

    /// The keys of some accesses.
    pub fn keys(&self, range: Range<usize>) -> impl Iterator<Item = &str> {
        range.map(|index| self.key(index))
    }
}
