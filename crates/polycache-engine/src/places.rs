//! Looking for a word among the few of a cache line.

/// The first of so many places where this word is.
///
/// Without a branch for each, whose outcome the processor couldn't foresee.
#[inline]
pub(crate) fn first_place<const WORDS: usize>(words: &[u32; WORDS], word: u32, among: usize) -> Option<usize> {
    // From the second bit on: a first place of bit 0 is a boolean to the compiler, and the whole no longer goes into vectors.
    let places = words.iter().zip(1..).map(|(&found, bit)| if found == word { 1 << bit } else { 0 });
    let found = places.fold(0_u32, |all, bit| all | bit) & ((2 << among) - 1);
    (found != 0).then(|| found.trailing_zeros() as usize - 1)
}
