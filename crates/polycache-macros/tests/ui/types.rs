use polycache::cached;

#[cached(skip_if = |value: &u64| *value > id)]
async fn capturing(id: u64) -> u64 {
    id
}

#[cached]
async fn wrong_body(id: u64) -> u64 {
    id.to_string()
}

fn main() {}
