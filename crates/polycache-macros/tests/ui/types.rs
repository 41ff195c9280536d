use polycache::{cached, multi_cached};

#[cached(skip_if = |value: &u64| *value > id)]
async fn capturing(id: u64) -> u64 {
    id
}

#[cached]
async fn wrong_body(id: u64) -> u64 {
    id.to_string()
}

#[derive(Clone)]
struct NoSerde;

#[cached(key = "a")]
async fn no_serde() -> NoSerde {
    NoSerde
}

#[cached(key = "b")]
async fn no_serde_in_a_result() -> Result<NoSerde, String> {
    Ok(NoSerde)
}

#[cached(object, key = "c")]
async fn no_arc() -> NoSerde {
    NoSerde
}

#[multi_cached(keys = ids, key = "d{ids}")]
async fn no_serde_of_many(ids: &[u64]) -> Vec<(u64, NoSerde)> {
    ids.iter().map(|id| (*id, NoSerde)).collect()
}

#[multi_cached(keys = ids, key = "e{ids}")]
async fn no_pairs(ids: &[u64]) -> Result<Vec<u64>, String> {
    Ok(ids.to_vec())
}

fn main() {}
