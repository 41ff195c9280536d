use polycache::{cached, multi_cached};

struct User {
    id: u64,
}

#[cached(key = "user:{name}")]
async fn unknown(id: u64) -> u64 {
    id
}

#[cached(key = "user:{}")]
async fn unnamed(id: u64) -> u64 {
    id
}

#[cached(key = "user:{id")]
async fn open(id: u64) -> u64 {
    id
}

#[cached(key = "user:{id + 1}")]
async fn computed(id: u64) -> u64 {
    id
}

#[cached(key = "user:{self.id}")]
async fn no_self(id: u64) -> u64 {
    id
}

#[cached(key = "user:{user.name}")]
async fn no_field(user: &User) -> u64 {
    user.id
}

#[cached(key = "user:{user}")]
async fn no_display(user: &User) -> u64 {
    user.id
}

#[cached(key = "user:{id}")]
async fn in_pattern((id, _): (u64, u64)) -> u64 {
    id
}

#[cached(key = "user:{_}")]
async fn placeholder(_: u64) -> u64 {
    1
}

struct Db;

#[cached]
async fn without_serde(db: &Db, id: u64) -> u64 {
    drop(db);
    id
}

impl Db {
    #[cached]
    async fn method(&self, id: u64) -> u64 {
        id
    }
}

#[multi_cached(keys = ids)]
async fn many_without_serde(db: Db, ids: &[u64]) -> Vec<(u64, u64)> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[cached(skip(bd))]
async fn skips_another(db: &Db, id: u64) -> u64 {
    id
}

#[cached(key = "{id}", skip(db))]
async fn skips_what_is_not_there(db: &Db, id: u64) -> u64 {
    id
}

#[cached(skip = db)]
async fn skips_by_value(db: &Db, id: u64) -> u64 {
    id
}

#[cached(skip())]
async fn skips_nothing(db: &Db, id: u64) -> u64 {
    id
}

#[cached(ttl("60s"))]
async fn in_parentheses(id: u64) -> u64 {
    id
}

impl Db {
    #[cached(skip(self))]
    async fn skips_self(&self, id: u64) -> u64 {
        id
    }
}

#[multi_cached(keys = ids, skip(ids))]
async fn skips_the_keys(ids: &[u64]) -> Vec<(u64, u64)> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[cached(key_builder = |id| id.name)]
async fn builder_without_such_a_field(id: u64) -> u64 {
    id
}

#[cached(key_builder = |_| Db)]
async fn builder_of_no_text(id: u64) -> u64 {
    id
}

fn main() {}
