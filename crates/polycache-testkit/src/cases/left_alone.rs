//! Futures that are begun and then left alone: neither polled nor dropped. Nobody else waits for them for long, and no old value is found
//! after a write.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use polycache::backend::Want;
use polycache::locks::RedLock;
use polycache::{Cache, Ttl, cached, multi_cached};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::subject::{builder, cache};
use crate::{LeftAlone, Subject, left_alone};

/// How long others may wait. On an idle machine they wait half a second at most, and for a lease its life and a little more.
const BOUND: Duration = Duration::from_secs(4);

/// No future is left after more polls than this: those that wait for nobody are ready by then.
const POLLS: usize = 12;

/// How many futures are left at the same time: more would keep each other waiting for a processor.
const MOST: usize = 32;

const KEY: &str = "k";
const LIFE: Duration = Duration::from_millis(200);
/// Of leases that outlive the calls beside them.
const LONG_LIFE: Duration = Duration::from_secs(1);

type Begun = Pin<Box<dyn Future<Output = ()> + Send>>;
type Begin = fn(Cache) -> Begun;

macro_rules! begins {
    ($($name:ident: |$cache:ident| $body:expr;)*) => {
        [$((stringify!($name), (|$cache| Box::pin(async move { drop($body.await); })) as Begin)),*]
    };
}

async fn old() -> Result<String, Infallible> {
    tokio::task::yield_now().await;
    Ok("old".to_owned())
}

async fn new() -> Result<String, Infallible> {
    Ok("new".to_owned())
}

/// A stream that is consumed slowly: its consumer's writes wait no longer than a round trip, and win.
pub async fn a_stream_that_is_consumed_slowly_keeps_no_write_waiting(subject: &dyn Subject) {
    let cache = cache(subject).namespace("n");
    for round in 0..6 {
        let keys: Vec<String> = (0..8).map(|key| format!("{round}:{key}")).collect();
        let load = |key: String| {
            let cache = cache.clone();
            async move {
                let Ok(_) = cache.get_or_set(&key, old).await;
                key
            }
        };
        let mut loads = stream::iter(keys.clone()).map(load).buffer_unordered(8);
        let first = loads.next().await.unwrap();
        for key in keys.iter().filter(|key| **key != first) {
            timeout(BOUND, cache.delete(key)).await.expect("it waits for a round trip").unwrap();
            assert_eq!(cache.get::<String>(key).await.unwrap(), None, "{key}");
        }
        drop(loads);
    }
}

/// Leaves a command of each sort after each of its polls.
pub async fn nobody_waits_for_a_command(subject: &dyn Subject) {
    let commands = begins! {
        get: |cache| cache.get::<String>(KEY);
        multi_get: |cache| cache.multi_get::<String>(&[KEY, "other"]);
        get_versioned: |cache| cache.get_versioned::<String>(KEY);
        look: |cache| cache.look::<String>(KEY, Want::VALUE.and(Want::TTL));
        exists: |cache| cache.exists(KEY);
        ttl: |cache| cache.ttl(KEY);
        set: |cache| cache.set(KEY, "left".to_owned());
        multi_set: |cache| cache.multi_set([(KEY, "left".to_owned()), ("other", "left".to_owned())]);
        add: |cache| cache.add(KEY, "left".to_owned());
        increment: |cache| cache.increment("n", 1);
        expire: |cache| cache.expire(KEY, Ttl::secs(60));
        delete: |cache| cache.delete(KEY);
        multi_delete: |cache| cache.multi_delete(&[KEY, "other"]);
        clear: |cache| cache.clear();
        lease: |cache| async move { cache.get_or_set(KEY, new).await };
    };
    leave_each(&leased(subject, LONG_LIFE), &commands, |_| None).await;
    leave_each(&leased(subject, LIFE), &commands, |_| None).await;
}

/// Leaves a flight after each of its polls, while it asks, computes or stores.
pub async fn nobody_waits_for_a_flight(subject: &dyn Subject) {
    let flights = begins! {
        get_or_set: |cache| async move { cache.get_or_set(KEY, old).await };
        detached: |cache| async move { cache.get_or_set(KEY, old).detached().await };
        multi_get_or_set: |cache| async move {
            let load = |keys: Vec<String>| async move {
                let Ok(value) = old().await;
                Ok::<_, Infallible>(keys.into_iter().map(move |key| (key, value.clone())))
            };
            cache.multi_get_or_set(&[KEY, "other"], load).await
        };
    };
    leave_each(&leased(subject, LONG_LIFE), &flights, not_old).await;
    leave_each(&leased(subject, LIFE), &flights, not_old).await;
}

#[cached(cache = cache, key = "k")]
async fn value(cache: Cache) -> Result<String, Infallible> {
    old().await
}

#[multi_cached(cache = cache, keys = keys, key = "{keys}")]
async fn values(cache: Cache, keys: Vec<String>) -> Result<Vec<(String, String)>, Infallible> {
    let value = old().await?;
    Ok(keys.into_iter().map(|key| (key, value.clone())).collect())
}

/// Leaves a call of a cached function after each of its polls, whatever it was told.
pub async fn nobody_waits_for_a_cached_function(subject: &dyn Subject) {
    let calls = begins! {
        cached: |cache| value(cache);
        refreshed: |cache| value(cache).refresh();
        written_behind: |cache| value(cache).write_behind();
        many: |cache| values(cache, vec![KEY.to_owned(), "other".to_owned()]);
    };
    leave_each(&leased(subject, LONG_LIFE), &calls, not_old).await;
    leave_each(&leased(subject, LIFE), &calls, not_old).await;
}

/// Leaves a caller that waits for a lock, or has just been given it.
pub async fn nobody_waits_for_one_who_is_given_a_lock(subject: &dyn Subject) {
    let cache = cache(subject);
    let mut tasks = JoinSet::new();
    for polls in 1..POLLS {
        let cache = cache.namespace(format!("n{polls}"));
        tasks.spawn(async move {
            let lock = |cache: Cache| async move { RedLock::new(&cache, KEY, LIFE).acquire(LONG).await };
            // Nobody has the lock.
            let first = left_alone(lock(cache.clone()), polls).await;
            if matches!(first, LeftAlone::Waits(_)) {
                assert_is_free(&cache).await;
            }
            drop(first);
            // Somebody has the lock, and these two stand in the queue.
            let guard = lock(cache.clone()).await.unwrap();
            let second = left_alone(lock(cache.clone()), polls).await;
            let third = left_alone(lock(cache.clone()), polls).await;
            assert!(matches!((&second, &third), (LeftAlone::Waits(_), LeftAlone::Waits(_))));
            guard.release().await.unwrap();
            assert_is_free(&cache).await;
        });
    }
    tasks.join_all().await;
}

const LONG: Duration = Duration::from_secs(60);

/// A single try gets the lock, too.
async fn assert_is_free(cache: &Cache) {
    let acquired = timeout(BOUND, RedLock::new(cache, KEY, LIFE).acquire(LONG)).await.expect("the lock is free");
    assert!(acquired.unwrap().release().await.unwrap());
}

#[allow(clippy::needless_pass_by_value, reason = "a check takes what a call gives")]
fn not_old(found: Option<String>) -> Option<&'static str> {
    (found.as_deref() == Some("old")).then_some("an old value was found")
}

fn leased(subject: &dyn Subject, life: Duration) -> Cache {
    builder(subject).lease(life).build().unwrap()
}

/// Leaves each future after each of its first polls, with each of the writes as the others' first step.
async fn leave_each(
    cache: &Cache,
    begins: &[(&'static str, Begin)],
    wrong: fn(Option<String>) -> Option<&'static str>,
) {
    let mut tasks = JoinSet::new();
    for &(name, begin) in begins {
        for polls in 1..POLLS {
            for write in WRITES {
                let cache = cache.namespace(format!("{name}:{polls}:{write:?}"));
                tasks.spawn(async move {
                    let left = left_alone(begin(cache.clone()), polls).await;
                    if matches!(left, LeftAlone::Waits(_)) {
                        let what = format!("{name} after {polls} polls, then {write:?}");
                        write.then_others(&cache, &what, wrong).await;
                    }
                    drop(left);
                });
            }
        }
        while tasks.len() > MOST {
            tasks.join_next().await.unwrap().unwrap();
        }
    }
    tasks.join_all().await;
}

#[derive(Debug, Clone, Copy)]
enum Write {
    Delete,
    MultiDelete,
    Set,
    Clear,
    None,
}

const WRITES: [Write; 5] = [Write::Delete, Write::MultiDelete, Write::Set, Write::Clear, Write::None];

impl Write {
    async fn then_others(self, cache: &Cache, what: &str, wrong: fn(Option<String>) -> Option<&'static str>) {
        let within = |name: &'static str| move |_| format!("{name} beside {what}");
        let write = async {
            match self {
                Self::Delete => cache.delete(KEY).await.map(drop),
                Self::MultiDelete => cache.multi_delete(&[KEY]).await.map(drop),
                Self::Set => cache.set(KEY, "new".to_owned()).await,
                Self::Clear => cache.clear().await,
                Self::None => return,
            }
            .unwrap();
            let found = cache.get::<String>(KEY).await.unwrap();
            assert_eq!(wrong(found), None, "{what}");
        };
        timeout(BOUND, write).await.map_err(within("a write")).unwrap();
        let reads = async {
            cache.get::<String>(KEY).await.unwrap();
            cache.get::<String>("another").await.unwrap();
            cache.set("another", "new".to_owned()).await.unwrap();
        };
        timeout(BOUND, reads).await.map_err(within("a read")).unwrap();
        let flight = timeout(BOUND, cache.get_or_set(KEY, new)).await.map_err(within("a flight")).unwrap();
        if !matches!(self, Self::None) {
            assert_eq!(wrong(flight.ok()), None, "{what}");
        }
        let lock = async { RedLock::new(cache, KEY, LIFE).acquire(LONG).await.unwrap().release().await.unwrap() };
        timeout(BOUND, lock).await.map_err(within("a lock")).unwrap();
        if !matches!(self, Self::None) {
            // Late writes have had their chance.
            sleep(Duration::from_millis(5)).await;
            assert_eq!(wrong(cache.get::<String>(KEY).await.unwrap()), None, "{what}");
        }
        timeout(BOUND, cache.delete(KEY)).await.map_err(within("a delete")).unwrap().unwrap();
    }
}
