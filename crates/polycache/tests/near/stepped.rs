//! A far store that does each operation in steps, which the test takes.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use polycache::backend::{self, Backend, Entry, Found, Key, OwnedKey, SetOptions, Want, When};
use polycache::backends::memory::{ManualClock, Memory};
use polycache::{Raw, Reply, Result, Ttl, Value};

/// Each operation takes three polls: it is on its way; it is done, and the answer on its way back; it is answered.
#[derive(Debug)]
pub(crate) struct Stepped(pub(crate) Arc<Memory>);

/// One poll.
pub(crate) fn step<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

async fn give_way() {
    let mut is_second = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_second, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Stepped {
    pub(crate) fn on(clock: &ManualClock) -> Self {
        Self(Arc::new(Memory::builder().max_bytes(1 << 30).manual_clock(clock).build().unwrap()))
    }

    fn steps<T: Send + 'static>(&self, call: impl FnOnce(&Memory) -> Reply<T> + Send + 'static) -> Reply<T> {
        let memory = Arc::clone(&self.0);
        Reply::pending(async move {
            give_way().await;
            let result = call(&memory).await;
            give_way().await;
            result
        })
    }
}

fn owned(keys: &[Key<'_>]) -> Vec<OwnedKey> {
    keys.iter().map(|key| key.into_owned()).collect()
}

fn borrowed(keys: &[OwnedKey]) -> Vec<Key<'_>> {
    keys.iter().map(OwnedKey::key).collect()
}

impl Backend for Stepped {
    backend::forward!(self.0, all but [get look multi_get set multi_set increment expire delete multi_delete clear raw]);

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        let key = key.into_owned();
        self.steps(move |memory| memory.get(key.key()))
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        let key = key.into_owned();
        self.steps(move |memory| memory.look(key.key(), want))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        let keys = owned(keys);
        self.steps(move |memory| memory.multi_get(&borrowed(&keys), want))
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let key = key.into_owned();
        self.steps(move |memory| memory.set(key.key(), value, options))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let entries: Vec<_> =
            entries.into_iter().map(|entry| (entry.key.into_owned(), entry.value, entry.ttl)).collect();
        self.steps(move |memory| {
            memory
                .multi_set(entries.iter().map(|(key, value, ttl)| Entry::new(key.key(), value.clone(), *ttl)).collect())
        })
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        let key = key.into_owned();
        self.steps(move |memory| memory.increment(key.key(), delta, ttl))
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        let key = key.into_owned();
        self.steps(move |memory| memory.expire(key.key(), ttl))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        let key = key.into_owned();
        self.steps(move |memory| memory.delete(key.key(), when))
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        let keys = owned(keys);
        self.steps(move |memory| memory.multi_delete(&borrowed(&keys)))
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        let prefix = prefix.to_owned();
        self.steps(move |memory| memory.clear(&prefix))
    }

    /// As a command of a server that writes.
    fn raw(&self, _: &str, _: &[&[u8]]) -> Reply<Raw> {
        self.steps(|memory| {
            let stored = memory.set(Key::plain("k"), Value::bytes(*b"2"), SetOptions::new(Ttl::Never, When::Always));
            let stored: Result<bool> = stored.now().expect("memory answers at once");
            Reply::from(stored.map(|_| Raw::Nil))
        })
    }
}
