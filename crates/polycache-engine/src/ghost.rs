//! Which keys were evicted lately: their hashes alone, so that a key that comes back soon is known as one worth keeping.
//!
//! A set-associative table of hash tags with the time of eviction, counted in evictions. Nothing is ever taken out for
//! being old: what is older than the span asked about doesn't count, and is overwritten first. Source: the ghost queue of
//! J. Yang et al., "FIFO queues are all you need for cache eviction" (S3-FIFO), SOSP 2023, section 4.

/// Tags in a bucket, which is one cache line.
const WAYS: usize = 8;

#[derive(Debug, Clone, Copy, Default)]
struct Tag {
    hash: u32,
    /// Zero: nothing here.
    time: u32,
}

#[derive(Debug, Clone, Default)]
#[repr(align(64))]
struct Bucket([Tag; WAYS]);

#[derive(Debug)]
pub(crate) struct Ghost {
    buckets: Vec<Bucket>,
    time: u32,
}

impl Ghost {
    pub(crate) const fn new() -> Self {
        Self { buckets: Vec::new(), time: 0 }
    }

    /// Remembers an eviction. `span` is how many the caller wants remembered; the table grows to hold them.
    pub(crate) fn insert(&mut self, hash: u32, span: usize) {
        // Half as large again as the span: few tags are pushed out of a full bucket before their time.
        let wanted = (span + span / 2).div_ceil(WAYS).max(1).next_power_of_two();
        if self.buckets.len() < wanted {
            self.grow(wanted);
        }
        self.time = match self.time.checked_add(1) {
            Some(time) => time,
            None => {
                // The count of evictions has come round: what is remembered would look new for ever.
                self.buckets.fill_with(Bucket::default);
                1
            }
        };
        let tag = Tag { hash, time: self.time };
        self.put(tag);
    }

    /// Whether `hash` is among the last `span` evictions; forgets it if so.
    pub(crate) fn take(&mut self, hash: u32, span: usize) -> bool {
        if self.buckets.is_empty() {
            return false;
        }
        let (now, index) = (self.time, self.index(hash));
        let found = self.buckets[index].0.iter_mut().find(|tag| tag.time != 0 && tag.hash == hash);
        found.is_some_and(|tag| {
            let recent = (now - tag.time) < span as u32;
            *tag = Tag::default();
            recent
        })
    }

    pub(crate) fn clear(&mut self) {
        self.buckets = Vec::new();
    }

    fn index(&self, hash: u32) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    fn put(&mut self, new: Tag) {
        let index = self.index(new.hash);
        let bucket = &mut self.buckets[index].0;
        // The same hash counts as the oldest.
        let age = |tag: &Tag| if tag.hash == new.hash { 0 } else { tag.time };
        if let Some(oldest) = bucket.iter_mut().min_by_key(|tag| age(tag)) {
            *oldest = new;
        }
    }

    #[cold]
    fn grow(&mut self, buckets: usize) {
        let old = std::mem::replace(&mut self.buckets, vec![Bucket::default(); buckets]);
        for tag in old.iter().flat_map(|bucket| bucket.0).filter(|tag| tag.time != 0) {
            self.put(tag);
        }
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
    fn grows_without_forgetting() {
        let mut ghost = Ghost::new();
        for n in 0..16 {
            ghost.insert(n, 16);
        }
        ghost.insert(16, 4_096);
        assert!((0..17).all(|n| ghost.take(n, 4_096)));
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
