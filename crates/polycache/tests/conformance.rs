//! The contract, line by line, on every backend that comes with the crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use polycache::Result;
use polycache::backend::{self, Backend, Holder, Tracker};
use polycache::backends::breaker::Breaker;
use polycache::backends::fallback::Fallback;
use polycache::backends::memory::{ManualClock, MemoryBuilder};
use polycache::backends::near::Near;
use polycache::backends::recovery::Recovery;
use polycache_testkit::{InMemory, Intercept, Subject};

/// Live objects, bounded by their number: the default.
fn by_entries() -> InMemory {
    InMemory::new(|memory| memory)
}

/// Bytes, encoded as JSON, bounded by their size.
fn by_bytes() -> InMemory {
    InMemory::new(|memory| memory.max_bytes(512 << 20))
}

polycache_testkit::conformance!(memory, by_entries());
polycache_testkit::conformance!(memory_by_bytes, by_bytes());
polycache_testkit::conformance!(memory_unbounded, InMemory::new(MemoryBuilder::unbounded));

// Every reply is pending at first, as over a network.
polycache_testkit::conformance!(delayed, by_entries().inside(Intercept::delayed));

/// Passes on everything.
#[derive(Debug)]
struct Forwarding {
    inner: Arc<dyn Backend>,
}

impl Backend for Forwarding {
    backend::forward!(self.inner, all but []);

    fn ending_leases(&self, holder: &Holder) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { inner: self.inner.ending_leases(holder)? }))
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        let Some(inner) = self.inner.tracked(tracker)? else { return Ok(None) };
        Ok(Some(Arc::new(Self { inner })))
    }
}

polycache_testkit::conformance!(forwarding, by_entries().inside(|inner| Forwarding { inner }));

polycache_testkit::conformance!(breaker, by_entries().inside(Breaker::new));
polycache_testkit::conformance!(
    recovery,
    by_entries().inside(|inner| Recovery::new(Arc::new(Intercept::delayed(inner))))
);
polycache_testkit::conformance!(
    fallback,
    by_bytes().inside(|inner| Fallback::new(Arc::new(Intercept::delayed(inner))))
);

/// Keeps all it may, for as long as it may: nothing is forgiven by a short life near.
fn near(far: Arc<dyn Backend>, clock: &ManualClock) -> Near {
    Near::builder().ttl(LONG).misses(LONG).manual_clock(clock).build(far).unwrap()
}

const LONG: Duration = Duration::from_secs(3_600);

polycache_testkit::conformance!(near, by_entries().inside_with_clock(near));
polycache_testkit::conformance!(
    near_delayed,
    by_bytes().inside_with_clock(|memory, clock| near(Arc::new(Intercept::delayed(memory)), clock))
);

// A backend that declares absent what it can do without.
polycache_testkit::conformance!(
    limited,
    by_bytes().inside(|memory| {
        Intercept::delayed(memory).declaring(|info| {
            info.name = "limited".into();
            info.capabilities.scan = false;
            info.capabilities.live_objects = false;
            info.capabilities.exclusive = false;
        })
    })
);

// The guide's example of a backend of one's own.
#[path = "../examples/files/file.rs"]
mod file;
#[path = "../examples/files/store.rs"]
mod store;

struct InFolder {
    backend: Arc<store::Files>,
    _folder: tempfile::TempDir,
}

impl InFolder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { backend: Arc::new(store::Files::new(folder.path()).unwrap()), _folder: folder }
    }
}

impl Subject for InFolder {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend) as Arc<dyn Backend>
    }
}

polycache_testkit::conformance!(files, InFolder::new());

/// One line makes the backend known to URLs. The next cache on the folder finds the stored entries.
#[tokio::test]
async fn files_are_opened_by_url() {
    polycache::register_backend("files", store::Files::from_settings);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("files://{}?namespace=shop", folder.path().display());
    polycache::Cache::open(&url).unwrap().set("k", 1).await.unwrap();
    assert_eq!(polycache::Cache::open(&url).unwrap().get::<i32>("k").await.unwrap(), Some(1));
}

#[cfg(feature = "msgpack")]
#[tokio::test]
async fn values_come_back_through_msgpack() {
    for subject in [by_entries(), by_bytes(), by_entries().inside(Intercept::delayed)] {
        polycache_testkit::cases::values::with_serializer(&subject, polycache::serializers::MsgPack).await;
    }
}

#[cfg(feature = "pickle")]
#[tokio::test]
async fn values_come_back_through_pickle() {
    for subject in [by_entries(), by_bytes(), by_entries().inside(Intercept::delayed)] {
        polycache_testkit::cases::values::with_serializer(&subject, polycache::serializers::Pickle).await;
    }
}
