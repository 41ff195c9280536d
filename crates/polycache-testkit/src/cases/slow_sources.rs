//! Computations that take longer than their callers wait.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use polycache::{Cache, ErrorKind};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::grace::{HOUR, brief, outlive};
use crate::Subject;
use crate::subject::builder;

/// Nothing takes this long but what waits for ever.
const AT_MOST: Duration = Duration::from_secs(30);

/// A soft timeout for tests that wait for it.
const SOON: Duration = Duration::from_millis(20);

/// An error that takes up the cache's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failed(pub(super) ErrorKind, pub(super) String);

impl From<polycache::Error> for Failed {
    fn from(error: polycache::Error) -> Self {
        assert!(error.is_retryable() && error.key() == Some("k"), "{error}");
        Self(error.kind(), error.to_string())
    }
}

/// Keys and their values, to come.
type Answers = BoxFuture<'static, Result<Vec<(String, i32)>, Failed>>;

/// A source that answers when it is let, and counts who asks.
#[derive(Clone)]
pub(super) struct Source(Arc<(Semaphore, AtomicUsize)>);

impl Source {
    pub(super) fn shut() -> Self {
        Self(Arc::new((Semaphore::new(0), AtomicUsize::new(0))))
    }

    /// Lets it answer from now on.
    pub(super) fn open(&self) {
        self.0.0.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub(super) fn asked(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }

    /// The same for many keys.
    pub(super) fn ask_many(&self, answer: i32) -> impl FnMut(Vec<String>) -> Answers + Send + 'static {
        let own = self.clone();
        move |keys| {
            let answer = own.ask(answer);
            async move { answer.await.map(|answer| keys.into_iter().map(|key| (key, answer)).collect()) }.boxed()
        }
    }

    pub(super) fn ask(&self, answer: i32) -> impl Future<Output = Result<i32, Failed>> + Send + 'static {
        let own = self.clone();
        async move {
            own.0.1.fetch_add(1, Ordering::SeqCst);
            own.0.0.acquire().await.unwrap().forget();
            Ok(answer)
        }
    }
}

/// A cache with `k` at 1, which is stale.
async fn with_stale(subject: &dyn Subject, soft: impl Into<Option<Duration>>) -> Cache {
    let life = brief(subject);
    let cache = builder(subject).ttl(life.ttl).grace(HOUR).soft_timeout(soft).build().unwrap();
    cache.set("k", 1).await.unwrap();
    outlive(subject, life).await;
    cache.with_ttl(HOUR)
}

pub(super) async fn in_time<T>(call: impl Future<Output = T>) -> T {
    timeout(AT_MOST, call).await.expect("it waits for ever")
}

/// Waits until the cache has this value.
pub(super) async fn until_stored(cache: &Cache, value: i32) {
    in_time(async {
        while cache.get::<i32>("k").await.unwrap() != Some(value) {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// After the soft timeout callers get the stale value, and later ones at once. What is computed is stored.
pub async fn a_stale_value_is_given_while_a_task_computes(subject: &dyn Subject) {
    let (cache, source) = (with_stale(subject, SOON).await, Source::shut());
    let calls = join_all((0..8).map(|_| cache.get_or_set("k", || source.ask(2)).detached()));
    assert_eq!(in_time(calls).await, vec![Ok::<_, Failed>(1); 8]);
    assert_eq!(source.asked(), 1);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);

    let patient = cache.with_soft_timeout(HOUR);
    assert_eq!(in_time(patient.get_or_set("k", || source.ask(3)).detached()).await, Ok(1));
    assert_eq!(in_time(patient.get_or_set("k", || source.ask(3))).await, Ok(1));
    assert_eq!(source.asked(), 1);

    source.open();
    until_stored(&cache, 2).await;
    assert_eq!(in_time(cache.get_or_set("k", || source.ask(3)).detached()).await, Ok(2));
}

/// With a soft timeout of zero the stale value is given at once, and one task computes.
pub async fn stale_while_revalidate(subject: &dyn Subject) {
    let (cache, source) = (with_stale(subject, Duration::ZERO).await, Source::shut());
    for _ in 0..8 {
        assert_eq!(in_time(cache.get_or_set("k", || source.ask(2)).detached()).await, Ok(1));
    }
    let calls = join_all((0..8).map(|_| cache.get_or_set("k", || source.ask(2)).detached()));
    assert_eq!(in_time(calls).await, vec![Ok(1); 8]);
    source.open();
    until_stored(&cache, 2).await;
    assert_eq!(source.asked(), 1);
}

/// A computation without a task of its own is finished by its caller; those who wait for it get the stale value.
pub async fn who_computes_itself_goes_on(subject: &dyn Subject) {
    let (cache, source) = (with_stale(subject, SOON).await, Source::shut());
    let mut computes = Box::pin(cache.get_or_set("k", || source.ask(2)));
    in_time(async {
        while source.asked() == 0 {
            assert!(computes.as_mut().now_or_never().is_none());
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let waits = cache.get_or_set("k", || source.ask(3));
    tokio::select! {
        given = in_time(waits) => assert_eq!(given, Ok(1)),
        _ = &mut computes => panic!("the source is shut"),
    }
    source.open();
    assert_eq!(in_time(computes).await, Ok(2));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
    assert_eq!(source.asked(), 1);
}

/// A soft timeout says nothing where there is no stale value.
pub async fn without_a_stale_value_it_is_waited_for(subject: &dyn Subject) {
    for soft in [Duration::ZERO, SOON] {
        let cache = builder(subject).ttl(HOUR).grace(HOUR).soft_timeout(soft).build().unwrap();
        let source = Source::shut();
        let mut calls = Box::pin(join_all((0..4).map(|_| cache.get_or_set("k", || source.ask(2)).detached())));
        assert!(timeout(SOON * 4, &mut calls).await.is_err());
        source.open();
        assert_eq!(in_time(calls).await, vec![Ok(2); 4]);
        assert_eq!(source.asked(), 1);
        cache.delete("k").await.unwrap();
    }
}

/// Where there is no stale value, the hard timeout is an error of its own kind. A detached computation goes on, another one is dropped.
pub async fn the_hard_timeout_is_an_error(subject: &dyn Subject) {
    let cache = builder(subject).ttl(HOUR).hard_timeout(SOON).build().unwrap();
    let never = cache.get_or_set("k", pending::<Result<i32, Failed>>).times_out();
    assert_eq!(in_time(never).await.unwrap_err().0, ErrorKind::HardTimeout);
    // It was dropped: the next caller computes.
    assert_eq!(in_time(cache.get_or_set("k", || async { Ok::<_, Failed>(1) })).await, Ok(1));
    cache.delete("k").await.unwrap();

    let source = Source::shut();
    let calls = join_all((0..4).map(|_| cache.get_or_set("k", || source.ask(2)).detached().times_out()));
    for result in in_time(calls).await {
        assert_eq!(result.unwrap_err().0, ErrorKind::HardTimeout);
    }
    source.open();
    until_stored(&cache, 2).await;
    assert_eq!(source.asked(), 1);
}

/// The stale value is given in place of that error, whoever computes.
pub async fn a_stale_value_is_better_than_the_hard_timeout(subject: &dyn Subject) {
    let cache = with_stale(subject, None).await.with_hard_timeout(SOON);
    let never = cache.get_or_set("k", pending::<Result<i32, Failed>>).times_out();
    assert_eq!(in_time(never).await, Ok(1));
    // Its source rests.
    let never = cache.get_or_set("k", pending::<Result<i32, Failed>>).times_out();
    assert_eq!(in_time(never).await, Ok(1));
}

/// The stale value is looked for when the time is over, so that what was deleted meanwhile isn't given.
pub async fn what_is_deleted_is_not_given(subject: &dyn Subject) {
    let (cache, source) = (with_stale(subject, SOON * 5).await, Source::shut());
    let mut call = Box::pin(cache.get_or_set("k", || source.ask(2)).detached());
    in_time(async {
        while source.asked() == 0 {
            assert!(call.as_mut().now_or_never().is_none());
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    cache.delete("k").await.unwrap();
    assert!(timeout(SOON * 10, &mut call).await.is_err());
    source.open();
    assert_eq!(in_time(call).await, Ok(2));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None, "computed before the deletion");
}

/// A bulk call gives the stale values that there are, and waits for the others until the hard timeout.
pub async fn of_many_keys_each_is_given_what_there_is(subject: &dyn Subject) {
    let (life, source) = (brief(subject), Source::shut());
    let cache = builder(subject).ttl(life.ttl).grace(HOUR).soft_timeout(SOON).build().unwrap();
    cache.multi_set([("a", 1), ("b", 2)]).await.unwrap();
    outlive(subject, life).await;
    let cache = cache.with_ttl(HOUR);
    cache.set("c", 3).await.unwrap();
    for _ in 0..2 {
        let found = cache.multi_get_or_set(&["a", "c", "b"], source.ask_many(9)).detached();
        assert_eq!(in_time(found).await, [Ok(Some(1)), Ok(Some(3)), Ok(Some(2))]);
        // On a busy machine the caller may have gone before the computation began.
        in_time(async {
            while source.asked() == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
    assert_eq!(source.asked(), 1);

    let hurried = cache.with_hard_timeout(SOON * 3);
    let found = in_time(hurried.multi_get_or_set(&["a", "k"], source.ask_many(9)).detached().times_out()).await;
    assert_eq!(found[0], Ok(Some(1)));
    assert_eq!(found[1].as_ref().unwrap_err().0, ErrorKind::HardTimeout);
    assert_eq!(source.asked(), 2);

    source.open();
    until_stored(&cache, 9).await;
    in_time(async {
        while cache.multi_get::<i32>(&["a", "b", "c"]).await.unwrap() != [Some(9), Some(9), Some(3)] {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert_eq!(source.asked(), 2);
}

/// A bulk call that isn't detached is dropped at the hard timeout, and others compute.
pub async fn many_keys_are_dropped_with_their_caller(subject: &dyn Subject) {
    let (cache, source) = (builder(subject).ttl(HOUR).hard_timeout(SOON).build().unwrap(), Source::shut());
    let found = in_time(cache.multi_get_or_set(&["k"], source.ask_many(1)).times_out()).await;
    assert_eq!(found[0].as_ref().unwrap_err().0, ErrorKind::HardTimeout);
    source.open();
    assert_eq!(in_time(cache.with_hard_timeout(HOUR).get_or_set("k", || source.ask(2))).await, Ok(2));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
}
