//! What the tests of tracking share.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use polycache::backend::{Backend, Gap, Key, SetOptions, Tracker, When};
use polycache::backends::redis::Redis;
use polycache::{Ttl, Value};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything may take that must come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a tracker hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Changed(String),
    Disconnected,
    Unread,
    Flushed,
    Moved,
}

/// A tracker that writes down what it hears.
#[derive(Debug, Default)]
pub(crate) struct Log(watch::Sender<Vec<Heard>>);

impl Tracker for Log {
    fn changed(&self, key: &[u8]) {
        let key = String::from_utf8_lossy(key).into_owned();
        self.0.send_modify(|log| log.push(Heard::Changed(key)));
    }

    fn lost(&self, gap: Gap<'_>) {
        let heard = match gap {
            Gap::Disconnected { .. } => Heard::Disconnected,
            Gap::Unread { .. } => Heard::Unread,
            Gap::Flushed { .. } => Heard::Flushed,
            Gap::Moved => Heard::Moved,
            other => panic!("{other}"),
        };
        self.0.send_modify(|log| log.push(heard));
    }
}

/// A tracked handle, and what its tracker has heard.
pub(crate) struct Tracked {
    pub(crate) backend: Arc<dyn Backend>,
    log: Arc<Log>,
}

pub(crate) fn tracked(url: &str) -> Tracked {
    tracked_on(&Redis::open(url).unwrap())
}

pub(crate) fn tracked_on(backend: &dyn Backend) -> Tracked {
    let log = Arc::new(Log::default());
    let backend = backend.tracked(log.clone()).unwrap().unwrap();
    Tracked { backend, log }
}

impl Tracked {
    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        self.backend.get(Key::plain(key)).await.unwrap().as_ref().map(text)
    }

    pub(crate) async fn set(&self, key: &str, value: &str) {
        set(&*self.backend, key, value).await;
    }

    /// Everything heard since this was last asked.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let mut heard = Vec::new();
        self.log.0.send_modify(|log| std::mem::swap(log, &mut heard));
        heard
    }

    /// Whether this was heard, and not taken yet.
    pub(crate) fn has_heard(&self, what: &Heard) -> bool {
        self.log.0.borrow().contains(what)
    }

    /// Everything heard since this was last asked, as soon as `last` is among it.
    pub(crate) async fn heard_until(&self, last: Heard) -> Vec<Heard> {
        let mut log = self.log.0.subscribe();
        let heard = timeout(PATIENCE, log.wait_for(|log| log.contains(&last))).await.is_ok();
        assert!(heard, "{last:?} isn't heard within {PATIENCE:?}, but {:?}", self.heard());
        self.heard()
    }

    /// Everything heard until the server has told all that it has to tell: a mark is told behind it. The mark's change is left out.
    pub(crate) async fn heard_so_far(&self, other: &dyn Backend) -> Vec<Heard> {
        let mark = "the mark";
        self.get(mark).await;
        set(other, mark, "").await;
        let mut heard = self.heard_until(changed(mark)).await;
        heard.retain(|heard| *heard != changed(mark));
        heard
    }
}

pub(crate) fn changed(key: &str) -> Heard {
    Heard::Changed(key.to_owned())
}

pub(crate) async fn set(backend: &dyn Backend, key: &str, value: &str) {
    set_with(backend, key, value, Ttl::Never).await;
}

pub(crate) async fn set_with(backend: &dyn Backend, key: &str, value: &str, ttl: Ttl) {
    let value = Value::bytes(value.as_bytes());
    assert!(backend.set(Key::plain(key), value, SetOptions::new(ttl, When::Always)).await.unwrap());
}

pub(crate) fn text(value: &Value) -> String {
    String::from_utf8(value.as_bytes().unwrap().to_vec()).unwrap()
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::task::yield_now().await;
    }
}

/// A store near the reader, with the guard that the contract asks for: it keeps a value only if nothing was told since its read began.
#[derive(Debug, Default)]
pub(crate) struct Near {
    kept: Mutex<HashMap<String, String>>,
    epoch: AtomicU64,
}

impl Tracker for Near {
    fn changed(&self, key: &[u8]) {
        let mut kept = self.kept.lock();
        self.epoch.fetch_add(1, Ordering::SeqCst);
        kept.remove(&*String::from_utf8_lossy(key));
    }

    fn lost(&self, _: Gap<'_>) {
        let mut kept = self.kept.lock();
        self.epoch.fetch_add(1, Ordering::SeqCst);
        kept.clear();
    }
}

impl Near {
    pub(crate) fn kept(&self) -> HashMap<String, String> {
        self.kept.lock().clone()
    }

    pub(crate) fn forget(&self) {
        self.kept.lock().clear();
    }

    pub(crate) async fn read(&self, backend: &dyn Backend, key: &str) {
        let departed = self.epoch.load(Ordering::SeqCst);
        let Ok(Some(value)) = backend.get(Key::plain(key)).await else { return };
        let mut kept = self.kept.lock();
        if self.epoch.load(Ordering::SeqCst) == departed {
            kept.insert(key.to_owned(), text(&value));
        }
    }
}
