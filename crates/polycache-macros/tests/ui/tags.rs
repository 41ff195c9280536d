use polycache::{cached, multi_cached};

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct User {
    id: u64,
}

#[cached(tags = "user:{id}")]
async fn no_list(id: u64) -> u64 {
    id
}

#[cached(tags = [id])]
async fn no_text(id: u64) -> u64 {
    id
}

#[cached(tags = ["user:{name}"])]
async fn unknown(id: u64) -> u64 {
    id
}

#[cached(tags = ["user:{id"])]
async fn open(id: u64) -> u64 {
    id
}

#[cached(tags = ["team:{result.team}"])]
async fn no_field(id: u64) -> User {
    User { id }
}

#[multi_cached(keys = ids, tags = ["team:{result.team}:{ids}"])]
async fn no_field_of_many(ids: &[u64]) -> Vec<(u64, User)> {
    ids.iter().map(|id| (*id, User { id: *id })).collect()
}

fn main() {}
