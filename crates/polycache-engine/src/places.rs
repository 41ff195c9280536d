//! Looking for a word among the few of a cache line.

/// The first place of this word, among the first `among` places.
///
/// Without a branch for each place, whose outcome the processor couldn't foresee.
#[inline]
pub(crate) fn first_place<const WORDS: usize>(words: &[u32; WORDS], word: u32, among: usize) -> Option<usize> {
    // Counted from the second bit on: a first place of bit 0 is a boolean to the compiler, which then doesn't use vector instructions.
    let places = words.iter().zip(1..).map(|(&found, bit)| if found == word { 1 << bit } else { 0 });
    let found = places.fold(0_u32, |all, bit| all | bit) & ((2 << among) - 1);
    (found != 0).then(|| found.trailing_zeros() as usize - 1)
}
