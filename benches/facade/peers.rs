//! The contenders: what each cache makes of [`Store`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use polycache::backends::memory::Memory;
use polycache::serializer::Serializer;
use polycache::serializers::{Json, Null};
use polycache::{Cache, Ttl};
use polycache_benches::accesses::Accesses;
use polycache_benches::user::User;

use crate::store::Store;

/// The TTL of every entry, where a cache knows TTLs.
pub(crate) const TTL: Duration = Duration::from_secs(3600);

/// F, the floor: a hash map with a fast hasher, for one thread, that forgets nothing by itself.
#[derive(Default)]
pub(crate) struct Floor(HashMap<String, Arc<User>, foldhash::fast::RandomState>);

impl Store for Floor {
    #[inline]
    async fn read(&mut self, key: &str) -> Option<Arc<User>> {
        self.0.get(key).cloned()
    }

    #[inline]
    async fn write(&mut self, key: &str, user: User) {
        self.share(key, Arc::new(user)).await;
    }

    #[inline]
    async fn share(&mut self, key: &str, user: Arc<User>) {
        self.0.insert(key.to_owned(), user);
    }
}

/// F where room must be made: each write removes the key written `capacity` writes before. The caller writes `keys` in their order,
/// round and round.
pub(crate) struct BoundedFloor<'a> {
    pub(crate) floor: Floor,
    pub(crate) keys: &'a Accesses,
    pub(crate) capacity: usize,
    pub(crate) written: usize,
}

impl Store for BoundedFloor<'_> {
    async fn read(&mut self, key: &str) -> Option<Arc<User>> {
        self.floor.read(key).await
    }

    #[inline]
    async fn write(&mut self, key: &str, user: User) {
        self.share(key, Arc::new(user)).await;
    }

    #[inline]
    async fn share(&mut self, key: &str, user: Arc<User>) {
        self.floor.share(key, user).await;
        if let Some(old) = self.written.checked_sub(self.capacity) {
            self.floor.0.remove(self.keys.key(old % self.keys.len()));
        }
        self.written += 1;
    }
}

/// M: `moka::future::Cache` with a TTL for each entry.
#[derive(Clone)]
pub(crate) struct Moka(pub(crate) moka::future::Cache<String, Arc<User>>);

/// Every entry has the same TTL, but moka has to ask for each.
pub(crate) struct PerEntry;

impl<V> Expiry<String, V> for PerEntry {
    fn expire_after_create(&self, _: &String, _: &V, _: Instant) -> Option<Duration> {
        Some(TTL)
    }

    fn expire_after_update(&self, _: &String, _: &V, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(TTL)
    }
}

impl Moka {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(moka::future::Cache::builder().max_capacity(capacity as u64).expire_after(PerEntry).build())
    }
}

impl Store for Moka {
    #[inline]
    async fn read(&mut self, key: &str) -> Option<Arc<User>> {
        self.0.get(key).await
    }

    #[inline]
    async fn write(&mut self, key: &str, user: User) {
        self.share(key, Arc::new(user)).await;
    }

    #[inline]
    async fn share(&mut self, key: &str, user: Arc<User>) {
        self.0.insert(key.to_owned(), user).await;
    }
}

/// `quick_cache::sync::Cache`, which knows no TTL.
#[derive(Clone)]
pub(crate) struct Quick(Arc<quick_cache::sync::Cache<String, Arc<User>>>);

impl Quick {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Arc::new(quick_cache::sync::Cache::new(capacity)))
    }
}

impl Store for Quick {
    #[inline]
    async fn read(&mut self, key: &str) -> Option<Arc<User>> {
        self.0.get(key)
    }

    #[inline]
    async fn write(&mut self, key: &str, user: User) {
        self.share(key, Arc::new(user)).await;
    }

    #[inline]
    async fn share(&mut self, key: &str, user: Arc<User>) {
        self.0.insert(key.to_owned(), user);
    }
}

/// foyer's in-memory cache, which knows no TTL.
#[derive(Clone)]
pub(crate) struct Foyer(foyer::Cache<String, Arc<User>>);

impl Foyer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(foyer::CacheBuilder::new(capacity).build())
    }
}

impl Store for Foyer {
    #[inline]
    async fn read(&mut self, key: &str) -> Option<Arc<User>> {
        self.0.get(key).map(|entry| Arc::clone(entry.value()))
    }

    #[inline]
    async fn write(&mut self, key: &str, user: User) {
        self.share(key, Arc::new(user)).await;
    }

    #[inline]
    async fn share(&mut self, key: &str, user: Arc<User>) {
        self.0.insert(key.to_owned(), user);
    }
}

/// polycache through its whole facade, with a TTL for each entry.
#[derive(Clone)]
pub(crate) struct Polycache(Cache);

impl Polycache {
    /// As its users have it in memory: live objects, no namespace, no plugin.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with(capacity, "", Null)
    }

    pub(crate) fn with(capacity: usize, namespace: &str, serializer: impl Serializer) -> Self {
        let memory = Memory::builder().max_entries(capacity as u64).build().expect("a bound above zero");
        let cache = Cache::builder().backend(memory).serializer(serializer).namespace(namespace).ttl(Ttl::After(TTL));
        Self(cache.build().expect("settings that fit"))
    }

    pub(crate) fn json(capacity: usize) -> Self {
        Self::with(capacity, "", Json)
    }
}

impl Store for Polycache {
    #[inline]
    async fn read(&mut self, key: &str) -> Option<Arc<User>> {
        self.0.get_object(key).await.expect("a user is stored")
    }

    #[inline]
    async fn read_copy(&mut self, key: &str) -> Option<User> {
        self.0.get(key).await.expect("a user is stored")
    }

    #[inline]
    async fn write(&mut self, key: &str, user: User) {
        self.0.set(key, user).await.expect("it fits");
    }

    #[inline]
    async fn share(&mut self, key: &str, user: Arc<User>) {
        self.0.set_object(key, user).await.expect("it fits");
    }
}
