//! What a call of a cached function can be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::functions::{CachedCall, CallBuilder, Fallible, Whole};
use polycache::serializers::Json;
use polycache::{Cache, Reply, Ttl, cached};
use polycache_testkit::Intercept;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A source that counts how often it is asked.
#[derive(Default)]
struct Source {
    asked: AtomicU32,
}

impl Source {
    fn ask(&self) -> u32 {
        self.asked.fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[cached(cache = cache, key = "answer", ttl = "1m")]
async fn answer(cache: &Cache, source: &Source) -> u32 {
    source.ask()
}

#[tokio::test]
async fn a_value_is_computed_once_and_kept() {
    let (cache, source) = (Cache::memory(), Source::default());
    assert_eq!(answer(&cache, &source).await, 1);
    assert_eq!(answer(&cache, &source).await, 1);
    let Some(Ttl::After(left)) = cache.ttl("answer").await.unwrap() else { panic!("no TTL") };
    assert!(left > Duration::from_secs(55) && left <= Duration::from_secs(60), "{left:?}");
}

#[tokio::test]
async fn refresh_computes_and_replaces() {
    let (cache, source) = (Cache::memory(), Source::default());
    assert_eq!(answer(&cache, &source).refresh().await, 1);
    assert_eq!(answer(&cache, &source).refresh().await, 2);
    assert_eq!(answer(&cache, &source).await, 2);
}

#[tokio::test]
async fn read_only_stores_nothing() {
    let (cache, source) = (Cache::memory(), Source::default());
    assert_eq!(answer(&cache, &source).read_only().await, 1);
    assert!(!cache.exists("answer").await.unwrap());
    assert_eq!(answer(&cache, &source).await, 2);
    assert_eq!(answer(&cache, &source).read_only().await, 2);
}

#[tokio::test]
async fn uncached_leaves_the_cache_alone() {
    let (cache, source) = (Cache::memory(), Source::default());
    cache.set("answer", 100_u32).await.unwrap();
    assert_eq!(answer(&cache, &source).uncached().await, 1);
    assert_eq!(answer(&cache, &source).await, 100);
}

#[cached(cache = cache, key = "gated")]
async fn gated(cache: &Cache, gate: &Semaphore) -> u32 {
    gate.acquire().await.map_or(0, |_| 1)
}

#[tokio::test]
async fn uncached_goes_on_where_the_call_computes_already() {
    let (cache, gate) = (Cache::memory(), Semaphore::new(0));
    let (mut leads, mut waits) = (gated(&cache, &gate), gated(&cache, &gate));
    assert!(crate::is_pending(&mut leads).await && crate::is_pending(&mut waits).await);
    gate.add_permits(1);
    assert_eq!(timeout(Duration::from_secs(60), leads.uncached()).await, Ok(1));
    assert_eq!(timeout(Duration::from_secs(60), waits.uncached()).await, Ok(1));
}

#[tokio::test]
async fn invalidate_deletes() {
    let (cache, source) = (Cache::memory(), Source::default());
    assert!(!answer(&cache, &source).invalidate().await.unwrap());
    assert_eq!(answer(&cache, &source).await, 1);
    assert!(answer(&cache, &source).invalidate().await.unwrap());
    assert_eq!(answer(&cache, &source).await, 2);
}

#[tokio::test]
async fn a_call_tells_its_key_and_cache() {
    let (cache, source) = (Cache::memory().namespace("n"), Source::default());
    let call = answer(&cache, &source);
    assert_eq!(call.key().unwrap(), "answer");
    assert_eq!(call.cache().unwrap().namespace_name(), "n");
    assert_eq!(source.asked.load(Ordering::SeqCst), 0, "nothing runs before the call is awaited");
}

#[tokio::test]
async fn write_behind_returns_before_the_value_is_stored() {
    let gate = Arc::new(Semaphore::new(0));
    let at_gate = Arc::clone(&gate);
    let backend = Intercept::new(Arc::new(Memory::new()), move |operation| {
        let gate = Arc::clone(&at_gate);
        match operation {
            "set" => {
                Reply::pending(async move { gate.acquire().await.map(drop).map_err(|_| unreachable!("never closed")) })
            }
            _ => Reply::ready(()),
        }
    });
    let cache = Cache::builder().backend(backend.remote()).build().unwrap();
    let source = Source::default();
    assert_eq!(answer(&cache, &source).write_behind().await, 1);
    assert!(!cache.exists("answer").await.unwrap());
    // Until it is stored, others wait for it rather than compute.
    let (mut waits, opens) = (answer(&cache, &source), async { gate.add_permits(1) });
    assert!(crate::is_pending(&mut waits).await);
    let (waited, ()) = tokio::join!(waits, opens);
    assert_eq!(waited, 1);
    assert_eq!(cache.get::<u32>("answer").await.unwrap(), Some(1));
}

#[cached(cache = cache, key = "n:{number}", ttl_from = |n: &u32| Ttl::secs(u64::from(*n)), skip_if = |n| *n > 100)]
async fn number(cache: &Cache, number: u32) -> u32 {
    number
}

#[tokio::test]
async fn the_value_decides_on_its_ttl_and_whether_it_is_stored() {
    let cache = Cache::memory();
    assert_eq!(number(&cache, 50).await, 50);
    let Some(Ttl::After(left)) = cache.ttl("n:50").await.unwrap() else { panic!("no TTL") };
    assert!(left > Duration::from_secs(45) && left <= Duration::from_secs(50), "{left:?}");
    assert_eq!(number(&cache, 101).await, 101);
    assert!(!cache.exists("n:101").await.unwrap());
}

#[tokio::test]
async fn a_refresh_that_is_not_stored_leaves_nothing_out_of_date() {
    #[cached(cache = cache, key = "n", skip_if = |n| *n == 0)]
    async fn latest(cache: &Cache, n: u32) -> u32 {
        n
    }
    let cache = Cache::memory();
    assert_eq!(latest(&cache, 1).await, 1);
    assert_eq!(latest(&cache, 0).refresh().await, 0);
    assert!(!cache.exists("n").await.unwrap());
    cache.set("n", 2_u32).await.unwrap();
    assert_eq!(latest(&cache, 0).await, 2);
}

/// A TTL of zero, as by "max-age=0"; and what the serializer has no form for.
#[tokio::test]
async fn a_refresh_that_cannot_be_stored_leaves_nothing_out_of_date() {
    #[cached(cache = cache, key = "n", ttl_from = |n: &f64| Ttl::After(Duration::from_secs_f64(n.min(60.0))))]
    async fn latest(cache: &Cache, n: f64) -> f64 {
        n
    }
    let on = |leased: bool| {
        let backend = Intercept::delayed(Arc::new(Memory::new()));
        let backend = backend.declaring(|info| info.capabilities.exclusive = !leased);
        let builder = Cache::builder().backend(backend).serializer(Json);
        builder.lease(Duration::from_secs(if leased { 2 } else { 0 })).build().unwrap()
    };
    for cache in [Cache::builder().serializer(Json).build().unwrap(), on(false), on(true)] {
        for n in [0.0, f64::INFINITY] {
            assert_eq!(latest(&cache, 50.0).await, 50.0);
            assert_eq!(latest(&cache, 40.0).await, 50.0);
            assert_eq!(latest(&cache, n).refresh().await, n);
            assert!(!cache.exists("n").await.unwrap());
        }
    }
}

#[cached(cache = cache, key = "maybe")]
async fn maybe(cache: &Cache, source: &Source) -> Option<u32> {
    source.ask();
    None
}

#[tokio::test]
async fn none_is_a_value() {
    let (cache, source) = (Cache::memory(), Source::default());
    assert_eq!(maybe(&cache, &source).await, None);
    assert_eq!(maybe(&cache, &source).await, None);
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
}

#[cached(cache = cache, key = "fails")]
async fn fails(cache: &Cache, source: &Source) -> Result<u32, String> {
    match source.ask() {
        1 => Err("first".to_owned()),
        n => Ok(n),
    }
}

#[cached(cache = cache, key = "fails", cache_errors)]
async fn fails_for_good(cache: &Cache, source: &Source) -> Result<u32, String> {
    Err(source.ask().to_string())
}

#[tokio::test]
async fn errors_are_stored_only_where_that_is_asked_for() {
    let (cache, source) = (Cache::memory(), Source::default());
    assert_eq!(fails(&cache, &source).await, Err("first".to_owned()));
    assert_eq!(fails(&cache, &source).await, Ok(2));
    assert_eq!(fails(&cache, &source).await, Ok(2));

    let (cache, source) = (Cache::memory(), Source::default());
    assert_eq!(fails_for_good(&cache, &source).await, Err("1".to_owned()));
    assert_eq!(fails_for_good(&cache, &source).await, Err("1".to_owned()));
}

#[tokio::test]
async fn it_works_without_macros() {
    fn square(cache: &Cache, n: u64) -> CachedCall<Whole<u64>, impl Future<Output = u64>> {
        CallBuilder::new(cache.clone(), format_args!("square:{n}")).compute(async move { n * n }).ttl(Ttl::secs(60))
    }
    fn root(
        cache: &Cache,
        n: i64,
    ) -> CachedCall<Fallible<Result<i64, String>>, impl Future<Output = Result<i64, String>>, &Cache> {
        let root = async move { n.checked_isqrt().ok_or_else(|| "negative".to_owned()) };
        CallBuilder::new(cache, format_args!("root:{n}")).compute(root).share_errors()
    }
    let cache = Cache::memory();
    assert_eq!(square(&cache, 7).await, 49);
    assert_eq!(cache.get::<u64>("square:7").await.unwrap(), Some(49));
    assert_eq!(root(&cache, 49).await, Ok(7));
    assert_eq!(root(&cache, -1).await, Err("negative".to_owned()));
}

#[test]
fn a_call_is_send_where_the_function_is_and_small() {
    fn send<T: Send>(_: &T) {}
    let (cache, source) = (Cache::memory(), Source::default());
    let call = answer(&cache, &source);
    send(&call);
    assert!(size_of_val(&call) <= 144, "{}", size_of_val(&call));
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        // A body that isn't Send.
        #[cached(cache = cache, key = "local")]
        async fn local(cache: &Cache, shared: std::rc::Rc<u32>) -> u32 {
            tokio::task::yield_now().await;
            *shared
        }
        assert_eq!(local(&cache, std::rc::Rc::new(3)).await, 3);
    });
}
