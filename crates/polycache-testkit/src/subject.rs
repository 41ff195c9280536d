//! The backend that the suite runs against.

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Backend;
use polycache::{Cache, CacheBuilder, Reply, Ttl};

/// A backend under test, made anew for every case, with everything it needs: dropping the subject may stop its server.
///
/// Setting it up may be asynchronous; see [`conformance!`](crate::conformance).
pub trait Subject: Send + Sync {
    /// The backend: always the same one, empty at first, and used only by the one case.
    fn backend(&self) -> Arc<dyn Backend>;

    /// Lets this much time pass for the backend. By default the time really passes.
    fn advance(&self, by: Duration) -> Reply<()> {
        Reply::pending(async move {
            tokio::time::sleep(by).await;
            Ok(())
        })
    }

    /// Whether time passes for the backend only by [`advance`](Self::advance), so that TTLs can be tested to the millisecond.
    fn exact_time(&self) -> bool {
        false
    }

    /// The longest life that the backend can keep; an entry with a longer one may end after this. 100 years by default.
    fn longest_life(&self) -> Duration {
        Duration::from_secs(100 * 365 * 24 * 60 * 60)
    }

    /// The largest value that the backend must hold, in bytes. 32 MB by default.
    fn max_value_bytes(&self) -> usize {
        32_000_000
    }
}

/// Settings for a cache on the subject's backend.
pub(crate) fn builder(subject: &dyn Subject) -> CacheBuilder {
    Cache::builder().shared_backend(subject.backend())
}

/// A cache on the subject's backend, with all defaults.
pub(crate) fn cache(subject: &dyn Subject) -> Cache {
    builder(subject).build().unwrap()
}

/// A life, and the two steps of time between which its end must fall.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) ttl: Duration,
    /// An entry must still be there after this time.
    pub(crate) most: Duration,
    /// And gone after this further time.
    pub(crate) rest: Duration,
}

impl Life {
    pub(crate) fn of(subject: &dyn Subject) -> Self {
        let resolution = subject.backend().info().ttl_resolution;
        if subject.exact_time() {
            let ttl = resolution.max(Duration::from_secs(10));
            return Self { ttl, most: ttl - resolution, rest: resolution };
        }
        // Real time passes between the commands too, more of it on a busy machine.
        let unit = resolution.max(Duration::from_millis(500));
        Self { ttl: unit * 4, most: unit, rest: unit * 4 }
    }
}

/// Asserts that the entry under `key` expires in `expected`, as exactly as the subject's time allows.
pub(crate) async fn assert_expires_in(subject: &dyn Subject, cache: &Cache, key: &str, expected: Duration) {
    let ttl = cache.ttl(key).await.unwrap();
    let Some(Ttl::After(left)) = ttl else {
        panic!("{key:?} has the TTL {ttl:?}, not {expected:?}");
    };
    let passed = if subject.exact_time() { Duration::ZERO } else { Duration::from_secs(5) };
    let least = expected.min(subject.longest_life()).saturating_sub(passed);
    // A clock that ticks in units of the resolution may round up twice: the life, and the time from which it counts.
    let most = expected + cache.info().ttl_resolution;
    assert!(left >= least && left <= most, "{key:?} lives for {left:?}, not {expected:?}");
}

/// Reports that the backend declares `capability` absent, since the test then asserts something else.
pub(crate) fn absent(cache: &Cache, capability: &str) {
    eprintln!("the backend {} declares `{capability}` absent: tested is what it answers then", cache.info().name);
}
