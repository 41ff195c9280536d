//! Numbers that nobody else has.

use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime};

/// A number that nobody had, in any process. Not from a generator with a state of its own: the children of a fork have copies of that, and
/// would draw the same numbers.
pub(crate) fn unheard_of() -> u64 {
    RandomState::new().hash_one((std::process::id(), SystemTime::now(), Instant::now(), fastrand::u64(..)))
}

/// The same with twice as many bits.
#[cfg(feature = "memcached")]
pub(crate) fn unheard_of_wide() -> u128 {
    u128::from(unheard_of()) << 64 | u128::from(unheard_of())
}
