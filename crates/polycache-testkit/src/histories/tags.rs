//! Clears of tags.

use fastrand::Rng;
use polycache::{Cache, Ttl};

use super::books::Stored;
use super::process::Process;

/// The tags of a key: its own, and one that it shares with each third.
fn tags(key: usize) -> [String; 2] {
    [format!("key:{key}"), format!("group:{}", key % 3)]
}

impl Process {
    /// The cache to store values of these keys with.
    pub(super) fn storing(&self, rng: &mut Rng, keys: &[usize], ttl: Ttl) -> Cache {
        let cache = self.cache(rng).with_ttl(ttl);
        if self.tagged { cache.tagged(keys.iter().flat_map(|key| tags(*key))) } else { cache }
    }

    /// The same for computed values, whose tags may come with the value.
    pub(super) fn computing(&self, rng: &mut Rng, keys: &[usize]) -> Cache {
        let ttl = self.books.lives.draw(rng);
        if !self.tagged || rng.bool() {
            return self.storing(rng, keys, ttl);
        }
        let tags = |key: &str, _: &Stored| tags(key.parse().expect("a key of these histories")).to_vec();
        self.cache(rng).with_ttl(ttl).tagged_by(tags)
    }

    /// Changes the keys of a tag in the source, then clears the tag.
    pub(super) async fn clear_tag(&self, rng: &mut Rng) {
        let tag = tags(rng.usize(self.books.keys()))[rng.usize(..2)].clone();
        let keys: Vec<usize> = self.books.keys().filter(|key| tags(*key).contains(&tag)).collect();
        let _turns = self.turns(&keys).await;
        let versions = self.bump(&keys, "clear_tag");
        if self.done(self.cache(rng).clear_tag(&tag), rng, None, "clear_tag").await.is_some() {
            versions.iter().for_each(|(key, version)| self.acknowledge(*key, "clear_tag", *version));
        }
    }
}
