use polycache::{cached, cached_stampede, multi_cached};

#[cached]
fn blocking(id: u64) -> u64 {
    id
}

#[cached]
struct Data;

#[cached]
async fn nothing(id: u64) {
    drop(id);
}

#[cached]
async fn hidden(id: u64) -> impl Clone {
    id
}

#[cached(tll = "60s")]
async fn misspelt(id: u64) -> u64 {
    id
}

#[cached(lease = "2s")]
async fn unleased(id: u64) -> u64 {
    id
}

#[cached(ttl = "60s", ttl = "30s")]
async fn twice(id: u64) -> u64 {
    id
}

#[cached(ttl = "60 parsecs")]
async fn parsecs(id: u64) -> u64 {
    id
}

#[cached(ttl = 0)]
async fn zero(id: u64) -> u64 {
    id
}

#[cached(ttl = "60s", ttl_from = |_| polycache::Ttl::Never)]
async fn two_ttls(id: u64) -> u64 {
    id
}

#[cached(alias = "a", url = "memory://")]
async fn two_caches(id: u64) -> u64 {
    id
}

#[cached(key = "a", key_builder = |id: &u64| *id)]
async fn two_keys(id: u64) -> u64 {
    id
}

#[cached(key = user)]
async fn no_text(id: u64) -> u64 {
    id
}

#[cached(key)]
async fn no_value(id: u64) -> u64 {
    id
}

#[cached(noself = true)]
async fn no_flag(id: u64) -> u64 {
    id
}

#[cached(noself)]
async fn no_method(id: u64) -> u64 {
    id
}

#[cached_stampede(lease = LEASE)]
async fn no_duration(id: u64) -> u64 {
    id
}

#[multi_cached]
async fn no_keys(ids: &[u64]) -> Vec<(u64, u64)> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[multi_cached(keys = id)]
async fn other_keys(ids: &[u64]) -> Vec<(u64, u64)> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[multi_cached(keys = ids)]
async fn one_key(ids: u64) -> Vec<(u64, u64)> {
    vec![(ids, ids)]
}

#[multi_cached(keys = ids, key = "user:{tenant}")]
async fn same_key(tenant: u64, ids: &[u64]) -> Vec<(u64, u64)> {
    ids.iter().map(|id| (*id, tenant)).collect()
}

#[cached]
async fn not_always(id: u64, #[cfg(debug_assertions)] more: u64) -> u64 {
    id
}

#[cached]
fn rewritten(id: u64) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { id })
}

#[cached(ttl = 500ms)]
async fn suffix(id: u64) -> u64 {
    id
}

#[cached("60s")]
async fn no_name(id: u64) -> u64 {
    id
}

fn main() {}
