//! Functions that `macro_rules!` write: what an attribute is told arrives in invisible groups.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use polycache::{Cache, Ttl, cached, cached_stampede, multi_cached};

static CACHE: LazyLock<Cache> = LazyLock::new(Cache::memory);
static RUNS: AtomicU64 = AtomicU64::new(0);

type DbResult<T> = Result<T, String>;

macro_rules! function {
    ($name:ident, $ret:ty, $argument:ty, $result:expr) => {
        #[cached(cache = CACHE)]
        async fn $name(n: $argument) -> $ret {
            RUNS.fetch_add(1, Ordering::Relaxed);
            let _ = n;
            $result
        }
    };
}

function!(fails, Result<u64, String>, u64, Err("down".to_owned()));
function!(fails_in_io, std::io::Result<u64>, &str, Err(std::io::Error::other("down")));

#[cached(cache = CACHE)]
#[allow(unused_parens, reason = "a type in parentheses is that type")]
async fn fails_in_parentheses(n: u64) -> (Result<u64, String>) {
    RUNS.fetch_add(1, Ordering::Relaxed);
    Err(format!("{n} is down"))
}

#[tokio::test]
async fn an_error_isnt_stored_however_its_type_is_written() {
    let begun = RUNS.load(Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(fails(1).await, Err("down".to_owned()));
        assert_eq!(fails_in_io("n").await.unwrap_err().to_string(), "down");
        assert_eq!(fails_in_parentheses(1).await, Err("1 is down".to_owned()));
    }
    assert_eq!(RUNS.load(Ordering::Relaxed) - begun, 6);
}

#[cached(cache = CACHE, cache_errors)]
async fn stored_whole(n: u64) -> DbResult<u64> {
    Err(n.to_string())
}

#[multi_cached(cache = CACHE, keys = ids, key = "apart:{ids}", skip_if = Result::is_err)]
async fn apart(ids: &[u64]) -> Vec<(u64, DbResult<u64>)> {
    ids.iter().map(|id| (*id, if *id == 0 { Err("none".to_owned()) } else { Ok(*id) })).collect()
}

#[tokio::test]
async fn an_error_is_stored_where_that_is_said() {
    assert_eq!(stored_whole(1).await, Err("1".to_owned()));
    assert!(stored_whole(1).invalidate().await.unwrap());

    assert_eq!(apart(&[0, 1]).await, [(0, Err("none".to_owned())), (1, Ok(1))]);
    assert!(!CACHE.exists("apart:0").await.unwrap());
    assert!(CACHE.exists("apart:1").await.unwrap());
}

macro_rules! told {
    ($name:ident, $argument:ident, $url:literal, $key:literal, $ttl:literal, $lease:literal) => {
        #[cached_stampede(url = $url, key = $key, ttl = $ttl, lease = $lease)]
        async fn $name($argument: u64) -> u64 {
            $argument
        }
    };
}
told!(by_text, id, "memory://", "by text:{id}", "60s", "2s");
told!(by_number, id, "memory://", "by number:{id}", 60, 2);

macro_rules! told_by_expressions {
    ($name:ident, $cache:expr, $key:expr, $ttl:expr) => {
        #[cached(cache = $cache, key = $key, ttl = $ttl)]
        async fn $name(id: u64) -> u64 {
            id
        }
    };
}
told_by_expressions!(by_expressions, CACHE, "by expressions:{id}", "never");
told_by_expressions!(by_computation, CACHE, "by computation:{id}", Ttl::secs(30 + 30));

/// Its arguments have names that the caller's text can't see, but for the attribute.
macro_rules! template {
    ($key:literal) => {
        #[cached(cache = CACHE, key = $key)]
        async fn by_template(id: u64, user: (u64, &str)) -> u64 {
            id + user.0
        }
    };
}
template!("template:{id}:{user.1:?}");

struct Shop;

macro_rules! method {
    ($key:literal, $field:ident) => {
        impl Shop {
            #[cached(cache = CACHE, key = $key)]
            async fn method(&self, $field: &str) -> usize {
                $field.len()
            }
        }
    };
}
method!("method:{item}", item);

#[tokio::test]
async fn what_is_told_may_be_a_fragment() {
    assert_eq!((by_text(1).await, by_text(1).key().unwrap()), (1, "by text:1"));
    assert_eq!((by_number(1).await, by_number(1).key().unwrap()), (1, "by number:1"));
    assert!(
        matches!(by_text(1).cache().unwrap().ttl("by text:1").await.unwrap(), Some(Ttl::After(left)) if left.as_secs() > 50)
    );
    assert_eq!(by_expressions(1).await, 1);
    assert_eq!(CACHE.ttl("by expressions:1").await.unwrap(), Some(Ttl::Never));
    assert_eq!(by_computation(1).await, 1);
    assert!(matches!(CACHE.ttl("by computation:1").await.unwrap(), Some(Ttl::After(left)) if left.as_secs() > 30));
    assert_eq!((by_template(1, (2, "x")).await, by_template(1, (2, "x")).key().unwrap()), (3, "template:1:\"x\""));
    assert_eq!((Shop.method("cup").await, Shop.method("cup").key().unwrap()), (3, "method:cup"));
}

macro_rules! many {
    ($name:ident, $ids:ident, $keys:expr, $list:ty, $ret:ty, $key:literal) => {
        #[multi_cached(cache = CACHE, keys = $keys, key = $key)]
        async fn $name($ids: $list) -> $ret {
            Ok($ids.iter().map(|id| (*id, *id + 1)).collect())
        }
    };
}
many!(of_slice, ids, ids, &[u64], Result<Vec<(u64, u64)>, String>, "slice:{ids}");
many!(of_vec, ids, ids, Vec<u64>, Result<HashMap<u64, u64>, String>, "vec:{ids}");

macro_rules! slice {
    ($slice:ty) => {
        #[multi_cached(cache = CACHE, keys = ids)]
        async fn of_borrowed(ids: &$slice) -> Vec<(u64, u64)> {
            ids.iter().map(|id| (*id, *id + 1)).collect()
        }
    };
}
slice!([u64]);

#[tokio::test]
async fn keys_may_be_of_a_type_that_is_a_fragment() {
    assert_eq!(of_slice(&[1]).await, Ok(vec![(1, 2)]));
    assert_eq!(of_vec(vec![1]).await, Ok(HashMap::from([(1, 2)])));
    assert_eq!(of_borrowed(&[1]).await, [(1, 2)]);
    assert!(CACHE.exists("slice:1").await.unwrap() && CACHE.exists("vec:1").await.unwrap());
}

macro_rules! parts {
    ($visible:vis, $pattern:pat_param, $name:ident, $generic:ident, $bound:path, $body:expr) => {
        #[cached(cache = CACHE)]
        $visible async fn $name<$generic: $bound>($pattern: ($generic, u64)) -> Option<$generic> {
            $body
        }
    };
}
trait Cacheable: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static {}
impl Cacheable for u8 {}
parts!(pub(crate), (first, _), parts, T, Cacheable, Some(first));

macro_rules! attributed {
    ($function:item) => {
        #[cached(cache = CACHE)]
        $function
    };
}
attributed!(
    async fn item(id: u64) -> u64 {
        id
    }
);

#[tokio::test]
async fn every_part_may_be_a_fragment() {
    assert_eq!(parts((1_u8, 2)).await, Some(1));
    assert_eq!(item(1).await, 1);
}

mod elsewhere {
    pub(crate) use polycache as renamed;
}

macro_rules! at {
    ($library:path) => {
        #[cached(crate = $library, cache = CACHE)]
        async fn at_a_fragment(id: u64) -> u64 {
            id
        }
    };
}
at!(elsewhere::renamed);

#[tokio::test]
async fn the_library_may_be_a_fragment() {
    assert_eq!(at_a_fragment(1).await, 1);
}
