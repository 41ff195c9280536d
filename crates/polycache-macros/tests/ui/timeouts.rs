use polycache::{cached, multi_cached};

#[cached(detached)]
async fn borrows(name: &str) -> String {
    name.to_owned()
}

#[cached(soft_timeout = "1s")]
async fn in_a_macro(name: &str) -> String {
    format!("{name}")
}

struct Shop(u64);

impl Shop {
    #[cached(key = "a", soft_timeout = "1s")]
    async fn method(&self) -> u64 {
        self.0
    }

    #[cached(key = "b", refresh_early = 0.8)]
    async fn by_type(self: &Shop) -> u64 {
        self.0
    }

    #[cached(key = "c{self.0}", detached)]
    async fn in_the_key_alone(&self) -> u64 {
        7
    }
}

#[cached(key = "d{name}", detached)]
async fn bound_again(name: &str) -> u64 {
    let name = 7;
    name
}

#[cached(hard_timeout = "2s")]
async fn tells_nothing(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(hard_timeout = "2s")]
async fn has_no_error(id: u64) -> u64 {
    id
}

#[cached(hard_timeout = 0)]
async fn none(id: u64) -> u64 {
    id
}

#[cached(refresh_early = 80)]
async fn percent(id: u64) -> u64 {
    id
}

#[multi_cached(keys = ids, soft_timeout = "1s")]
async fn many_by(ids: &[u64], name: &str) -> Vec<(u64, String)> {
    ids.iter().map(|id| (*id, name.to_owned())).collect()
}

#[multi_cached(keys = ids, hard_timeout = "2s")]
async fn many_tell_nothing(ids: &[u64]) -> Vec<(u64, u64)> {
    ids.iter().map(|id| (*id, *id)).collect()
}

fn main() {}
