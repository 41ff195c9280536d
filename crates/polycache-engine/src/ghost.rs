//! The hashes of keys that were evicted lately: a key that comes back soon is known as one worth keeping.
//!
//! A set-associative table of hash tags with the time of eviction, counted in evictions. A tag isn't removed for its age: one that is older
//! than the span asked about doesn't count, and is overwritten first. Source: the ghost queue of J. Yang et al., "FIFO queues are all you
//! need for cache eviction" (S3-FIFO), SOSP 2023, section 4.

use crate::places::first_place;

/// Tags in a bucket, which is one cache line.
const WAYS: usize = 8;

/// Tags in the order of their eviction, the latest first; the free places come last.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
struct Bucket {
    hashes: [u32; WAYS],
    /// Zero: the place is free.
    times: [u32; WAYS],
}

impl Bucket {
    /// Adds a tag, in place of the oldest if the bucket is full.
    #[inline]
    fn push(&mut self, hash: u32, time: u32) {
        self.hashes.copy_within(..WAYS - 1, 1);
        self.times.copy_within(..WAYS - 1, 1);
        (self.hashes[0], self.times[0]) = (hash, time);
    }

    /// Takes out the latest tag with this hash. Returns when it was evicted.
    #[inline]
    fn take(&mut self, hash: u32) -> Option<u32> {
        let place = first_place(&self.hashes, hash, WAYS)?;
        self.take_at(place)
    }

    fn take_at(&mut self, place: usize) -> Option<u32> {
        let time = self.times[place];
        self.hashes.copy_within(place + 1.., place);
        self.times.copy_within(place + 1.., place);
        (self.hashes[WAYS - 1], self.times[WAYS - 1]) = (0, 0);
        (time != 0).then_some(time)
    }
}

#[derive(Debug)]
pub(crate) struct Ghost {
    buckets: Vec<Bucket>,
    time: u32,
}

impl Ghost {
    pub(crate) const fn new() -> Self {
        Self { buckets: Vec::new(), time: 0 }
    }

    /// Remembers an eviction. The table grows until it can hold `span` of them.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u32, span: usize) {
        // Half as large again as the span, so that few tags are pushed out of a full bucket before their time.
        let wanted = (span + span / 2).max(1);
        if self.buckets.len() * WAYS < wanted {
            self.grow(wanted.div_ceil(WAYS).next_power_of_two());
        }
        self.time = self.time.checked_add(1).unwrap_or_else(|| self.begin_again());
        let index = self.index(hash);
        self.buckets[index].push(hash, self.time);
    }

    /// Whether `hash` is among the last `span` evictions; forgets it if so.
    #[inline]
    pub(crate) fn take(&mut self, hash: u32, span: usize) -> bool {
        if self.buckets.is_empty() {
            return false;
        }
        let index = self.index(hash);
        self.buckets[index].take(hash).is_some_and(|time| self.time - time < span as u32)
    }

    pub(crate) fn clear(&mut self) {
        self.buckets = Vec::new();
    }

    fn index(&self, hash: u32) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    #[cold]
    fn grow(&mut self, buckets: usize) {
        let old = std::mem::replace(&mut self.buckets, vec![Bucket::default(); buckets]);
        for bucket in &old {
            let tags = bucket.hashes.iter().zip(&bucket.times).rev();
            for (&hash, &time) in tags.filter(|(_, time)| **time != 0) {
                let index = self.index(hash);
                self.buckets[index].push(hash, time);
            }
        }
    }

    /// The count of evictions has overflowed: the remembered ones would look new for ever.
    #[cold]
    fn begin_again(&mut self) -> u32 {
        self.buckets.fill_with(Bucket::default);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_about_the_last_span() {
        let mut ghost = Ghost::new();
        let hash = |n: u32| n.wrapping_mul(0x9E37_79B1);
        for n in 0..10_000 {
            ghost.insert(hash(n), 1_000);
        }
        assert!((0..9_000).all(|n| !ghost.take(hash(n), 1_000)), "too old");
        let kept = (9_000..10_000).filter(|&n| ghost.take(hash(n), 1_000)).count();
        assert!(kept > 930, "{kept} of 1000");
        assert!(!ghost.take(hash(9_999), 1_000), "taken once");
    }

    #[test]
    fn a_full_bucket_forgets_its_oldest() {
        let mut ghost = Ghost::new();
        let ways = WAYS as u32;
        (0..ways).for_each(|n| ghost.insert(n, 5));
        assert_eq!(ghost.buckets.len(), 1);
        assert!(ghost.take(3, WAYS), "from the middle");
        assert!(!ghost.take(3, WAYS));
        ghost.insert(ways, 5);
        assert_eq!(ghost.buckets[0].hashes, [8, 7, 6, 5, 4, 2, 1, 0], "there was room for it");
        assert_eq!(ghost.buckets[0].times, [9, 8, 7, 6, 5, 3, 2, 1]);
        ghost.insert(ways + 1, 5);
        assert!(!ghost.take(0, 100));
        assert!([9, 8, 7, 6, 5, 4, 2, 1].into_iter().all(|n| ghost.take(n, 100)));
    }

    #[test]
    fn a_free_place_is_no_tag() {
        let mut ghost = Ghost::new();
        ghost.insert(7, 8);
        assert!(!ghost.take(0, 8));
        ghost.insert(0, 8);
        assert!(ghost.take(0, 8));
        assert!(ghost.take(7, 8));
    }

    #[test]
    fn grows_without_forgetting() {
        let mut ghost = Ghost::new();
        for n in 0..16 {
            ghost.insert(n, 16);
        }
        ghost.insert(16, 4_096);
        assert!((0..17).all(|n| ghost.take(n, 4_096)));
    }

    #[test]
    fn grows_in_order() {
        let mut ghost = Ghost::new();
        (0..8).for_each(|n| ghost.insert(n, 5));
        ghost.insert(8, 10);
        let hashes: Vec<_> = ghost.buckets.iter().map(|bucket| bucket.hashes).collect();
        assert_eq!(hashes, [[8, 6, 4, 2, 0, 0, 0, 0], [7, 5, 3, 1, 0, 0, 0, 0]]);
    }

    #[test]
    fn survives_the_end_of_its_count() {
        let mut ghost = Ghost::new();
        ghost.time = u32::MAX - 1;
        ghost.insert(1, 8);
        ghost.insert(2, 8);
        assert!(!ghost.take(1, 8), "forgotten with the wrap");
        assert!(ghost.take(2, 8));
    }
}
