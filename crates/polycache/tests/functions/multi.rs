//! Functions about many keys.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::{Cache, ErrorKind, Ttl, multi_cached};
use polycache_testkit::Intercept;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

/// What the function was asked for.
type Asked = Arc<Mutex<Vec<Vec<u64>>>>;

fn caches() -> [Cache; 2] {
    [Cache::memory(), Cache::builder().backend(Intercept::delayed(Arc::new(Memory::new()))).build().unwrap()]
}

fn taken(asked: &Asked) -> Vec<Vec<u64>> {
    std::mem::take(&mut *asked.lock().unwrap())
}

#[multi_cached(cache = cache, keys = ids, key = "user:{ids}", ttl = "60s")]
async fn users(cache: &Cache, ids: &[u64], asked: &Asked) -> Result<HashMap<u64, String>, String> {
    asked.lock().unwrap().push(ids.to_vec());
    if ids.contains(&13) {
        return Err("unlucky".to_owned());
    }
    yield_now().await;
    Ok(ids.iter().filter(|id| **id != 404).map(|id| (*id, format!("user {id}"))).collect())
}

#[tokio::test]
async fn the_function_is_called_for_what_is_missing() {
    for cache in caches() {
        let asked = Asked::default();
        let found = users(&cache, &[1, 2], &asked).await.unwrap();
        assert_eq!(found, HashMap::from([(1, "user 1".to_owned()), (2, "user 2".to_owned())]));
        assert_eq!(taken(&asked), [[1, 2]]);

        let found = users(&cache, &[3, 2, 404, 3, 1], &asked).await.unwrap();
        let mut ids: Vec<_> = found.into_keys().collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3]);
        assert_eq!(taken(&asked), [[3, 404]]);
        assert!(matches!(cache.ttl("user:3").await.unwrap(), Some(Ttl::After(_))));

        assert!(users(&cache, &[], &asked).await.unwrap().is_empty());
        users(&cache, &[1, 2, 3], &asked).await.unwrap();
        assert_eq!(taken(&asked), Vec::<Vec<u64>>::new());
    }
}

#[tokio::test]
async fn hits_keep_their_ttl() {
    let (cache, asked) = (Cache::memory(), Asked::default());
    cache.set("user:1", "old").await.unwrap();
    users(&cache, &[1, 2], &asked).await.unwrap();
    assert_eq!(cache.ttl("user:1").await.unwrap(), Some(Ttl::Never));
    assert_eq!(cache.get::<String>("user:1").await.unwrap().as_deref(), Some("old"));
}

#[tokio::test]
async fn an_error_is_the_calls() {
    for cache in caches() {
        let asked = Asked::default();
        users(&cache, &[1], &asked).await.unwrap();
        assert_eq!(users(&cache, &[1, 13], &asked).await, Err("unlucky".to_owned()));
        assert_eq!(users(&cache, &[1, 13], &asked).read_only().await, Err("unlucky".to_owned()));
        assert!(!cache.exists("user:13").await.unwrap());
        assert_eq!(taken(&asked), [[1], [13], [13]]);
    }
}

#[tokio::test]
async fn a_call_can_be_told_otherwise() {
    for cache in caches() {
        let asked = Asked::default();
        users(&cache, &[1], &asked).await.unwrap();
        users(&cache, &[1, 2], &asked).refresh().await.unwrap();
        users(&cache, &[2, 3], &asked).read_only().await.unwrap();
        users(&cache, &[1, 1], &asked).uncached().await.unwrap();
        assert_eq!(taken(&asked), [vec![1], vec![1, 2], vec![3], vec![1, 1]]);
        assert!(!cache.exists("user:3").await.unwrap());

        let call = users(&cache, &[1, 2, 1, 3], &asked);
        assert_eq!(call.keys().unwrap(), ["user:1", "user:2", "user:3"]);
        assert_eq!(call.cache().unwrap().multi_get::<String>(&["user:1"]).await.unwrap(), [Some("user 1".to_owned())]);
        assert_eq!(call.invalidate().await.unwrap(), 2);

        users(&cache, &[1, 2], &asked).write_behind().await.unwrap();
        timeout(Duration::from_secs(60), async {
            while cache.multi_get::<String>(&["user:1", "user:2"]).await.unwrap().contains(&None) {
                yield_now().await;
            }
        })
        .await
        .expect("they are stored");
    }
}

// Caches and counters are no part of a key.
fn by_name(_: &Cache, name: &String, _: &Arc<Mutex<u32>>) -> String {
    format!("length:{name}")
}

#[multi_cached(cache = cache, keys = names, key_builder = by_name)]
async fn lengths(cache: Cache, names: Vec<String>, calls: Arc<Mutex<u32>>) -> BTreeMap<String, usize> {
    *calls.lock().unwrap() += 1;
    for _ in 0..100 {
        yield_now().await;
    }
    names.into_iter().map(|name| (name.clone(), name.len())).collect()
}

#[tokio::test]
async fn each_key_is_computed_once_for_all() {
    for cache in caches() {
        let calls = Arc::new(Mutex::new(0));
        let names = vec!["a".to_owned(), "bb".to_owned()];
        let all: JoinSet<_> = (0..50).map(|_| lengths(cache.clone(), names.clone(), Arc::clone(&calls))).collect();
        for found in all.join_all().await {
            assert_eq!(found, BTreeMap::from([("a".to_owned(), 1), ("bb".to_owned(), 2)]));
        }
        assert_eq!(*calls.lock().unwrap(), 1);
        assert_eq!(cache.get::<usize>("length:bb").await.unwrap(), Some(2));
    }
}

struct Shop {
    cache: Cache,
    currency: &'static str,
}

impl Shop {
    #[multi_cached(cache = self.cache, keys = items, key = "{self.currency}:{items}:{discount}", skip_if = |price| *price == 0)]
    async fn prices(&self, items: &[&'static str], discount: u64) -> Vec<(&'static str, u64)> {
        items.iter().map(|item| (*item, (item.len() as u64).saturating_sub(discount))).collect()
    }
}

#[tokio::test]
async fn methods_work_too() {
    let shop = Shop { cache: Cache::memory(), currency: "EUR" };
    assert_eq!(shop.prices(&["cup", "a"], 1).await, [("cup", 2), ("a", 0)]);
    assert_eq!(shop.cache.get::<u64>("EUR:cup:1").await.unwrap(), Some(2));
    assert!(!shop.cache.exists("EUR:a:1").await.unwrap());
}

#[multi_cached(cache = cache, keys = words, key = "word:{words:.1}")]
async fn words(cache: &Cache, words: &[&'static str]) -> BTreeMap<&'static str, String> {
    words.iter().map(|word| (*word, (*word).to_owned())).collect()
}

#[tokio::test]
async fn keys_that_are_called_the_same_are_computed_without_the_cache() {
    let cache = Cache::memory();
    let asked = ["ape", "ant", "bee"];
    let expected = BTreeMap::from(asked.map(|word| (word, word.to_owned())));
    assert_eq!(words(&cache, &asked).await, expected);
    assert_eq!(words(&cache, &asked).refresh().await, expected);
    assert_eq!(words(&cache, &asked).read_only().await, expected);
    assert_eq!(words(&cache, &asked).keys().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(!cache.exists("word:b").await.unwrap());
}
