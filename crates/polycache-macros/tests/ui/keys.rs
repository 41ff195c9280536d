use polycache::cached;

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

fn main() {}
