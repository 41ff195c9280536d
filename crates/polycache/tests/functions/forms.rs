//! Functions of every form are cached, and behave as they did before.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use polycache::{Cache, cached, multi_cached};
use serde::Serialize;

static CACHE: LazyLock<Cache> = LazyLock::new(Cache::memory);

// Named like what a macro might need for itself.
#[cached(cache = CACHE)]
async fn names(__cache: u64, __key: u64, __call: u64, __build: u64, cache: u64, f: u64) -> u64 {
    __cache + __key * 2 + __call * 3 + __build * 5 + cache * 7 + f * 11
}

#[multi_cached(cache = CACHE, keys = __keys, key_builder = |__call: &u64, __keys: &u64, _: &u64| format!("many{__call}:{__keys}"))]
async fn many_names(__call: u64, __keys: &[u64], __formatter: u64) -> HashMap<u64, u64> {
    __keys.iter().map(|key| (*key, key + __call + __formatter)).collect()
}

#[tokio::test]
async fn arguments_may_have_any_name() {
    assert_eq!(names(1, 1, 1, 1, 1, 1).await, 29);
    assert_eq!(many_names(1, &[1, 2], 3).await, HashMap::from([(1, 5), (2, 6)]));
}

#[cached(cache = CACHE, key = "raw:{type}:{r#fn}")]
async fn raw(r#type: u64, r#fn: u64) -> u64 {
    r#type + r#fn
}

#[tokio::test]
async fn keywords_are_names_as_for_format() {
    assert_eq!(raw(1, 2).key().unwrap(), "raw:1:2");
    assert_eq!(raw(1, 2).await, 3);
}

#[cached(cache = CACHE)]
async fn changed(mut n: u64) -> u64 {
    n += 1;
    n
}

#[multi_cached(cache = CACHE, keys = names, key = "changed:{names}:{n}")]
async fn all_changed(mut names: Vec<u64>, mut n: u64) -> Vec<(u64, u64)> {
    n += 1;
    names.sort_unstable();
    names.into_iter().map(|name| (name, n)).collect()
}

#[tokio::test]
async fn arguments_may_be_changed() {
    assert_eq!(changed(1).await, 2);
    assert_eq!(all_changed(vec![2, 1], 4).await, [(2, 5), (1, 5)]);
}

#[multi_cached(cache = CACHE, keys = names, key = "hidden:{names}:{unit}")]
async fn hidden(
    names: &[u64],
    unit: impl Display + Clone + Send,
    scale: impl Fn(&u64) -> u64 + Clone + Send,
) -> Vec<(u64, String)> {
    names.iter().map(|name| (*name, format!("{}{unit}", scale(name)))).collect()
}

#[multi_cached(cache = CACHE, keys = names)]
async fn generic<const N: usize, T: Serialize + Clone + Send + Sync, U>(names: &[u64], _: T, _: U) -> Vec<(u64, usize)>
where
    U: Serialize + Clone + Send + Sync,
{
    names.iter().map(|name| (*name, N)).collect()
}

#[tokio::test]
async fn types_may_be_hidden_or_generic() {
    assert_eq!(hidden(&[1, 2], "s", |n| n * 2).await, [(1, "2s".to_owned()), (2, "4s".to_owned())]);
    assert_eq!(generic::<3, _, _>(&[1], "a", 1_u8).await, [(1, 3)]);
    assert_eq!(generic::<4, _, _>(&[1], "a", 1_u8).await, [(1, 4)]);
}

#[cached(cache = CACHE)]
async fn boxed(n: u64) -> Result<u64, Box<dyn Error + Send>> {
    if n == 0 {
        return Err(Box::new(std::fmt::Error));
    }
    Ok(n)
}

#[multi_cached(cache = CACHE, keys = names, key = "boxed:{names}")]
async fn all_boxed(names: &[u64]) -> Result<Vec<(u64, u64)>, Box<dyn Error + Send>> {
    if names.contains(&0) {
        return Err(Box::new(std::fmt::Error));
    }
    Ok(names.iter().map(|name| (*name, *name)).collect())
}

#[tokio::test]
async fn what_is_returned_early_is_coerced() {
    assert_eq!(boxed(1).await.unwrap(), 1);
    assert!(boxed(0).await.unwrap_err().is::<std::fmt::Error>());
    assert_eq!(all_boxed(&[1]).await.unwrap(), [(1, 1)]);
    assert!(all_boxed(&[0]).await.unwrap_err().is::<std::fmt::Error>());
}

#[cached(cache = CACHE, key = "held:{n}")]
async fn held(n: u64, _guard: Arc<()>, _: Arc<()>, (_, count): (Arc<()>, &Arc<()>)) -> usize {
    tokio::task::yield_now().await;
    Arc::strong_count(count)
}

#[tokio::test]
async fn arguments_live_while_the_body_runs() {
    let count = Arc::new(());
    let call = held(1, Arc::clone(&count), Arc::clone(&count), (Arc::clone(&count), &count));
    assert_eq!(call.await, 4);
}

trait Prices {
    async fn price(&self, item: u64) -> u64;
}

struct Shop(Cache);

impl Prices for Shop {
    #[allow(refining_impl_trait, reason = "the call is a future, and more")]
    #[cached(cache = self.0, key = "price:{item}")]
    async fn price(&self, item: u64) -> u64 {
        item * 2
    }
}

impl Shop {
    #[cached(cache = self.0, key = "fibonacci:{n}")]
    async fn fibonacci(self: Arc<Self>, n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        Box::pin(Arc::clone(&self).fibonacci(n - 1)).await + Box::pin(self.fibonacci(n - 2)).await
    }
}

#[tokio::test]
async fn methods_may_implement_a_trait_or_call_themselves() {
    let shop = Arc::new(Shop(Cache::memory()));
    assert_eq!(Prices::price(&*shop, 4).await, 8);
    assert_eq!(shop.0.get::<u64>("price:4").await.unwrap(), Some(8));
    assert_eq!(Arc::clone(&shop).fibonacci(60).await, 1_548_008_755_920);
}
