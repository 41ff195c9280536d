use polycache::{cached, cached_stampede, multi_cached};

type DbResult<T> = std::result::Result<T, String>;

#[cached]
async fn by_another_name(id: u64) -> DbResult<u64> {
    Ok(id)
}

#[cached_stampede(lease = "2s")]
async fn across_processes(id: u64) -> DbResult<u64> {
    Ok(id)
}

#[cached(key = "generic")]
async fn of_a_parameter<T>() -> DbResult<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    Err("none".to_owned())
}

struct Shop<T>(T);

impl<T: serde::Serialize + serde::de::DeserializeOwned + Clone + Send + Sync + 'static> Shop<T> {
    #[cached(key = "method")]
    async fn method(&self) -> DbResult<T> {
        Ok(self.0.clone())
    }
}

trait Source {
    type Answer;
}

impl Source for Shop<u64> {
    type Answer = Result<u64, String>;
}

#[cached]
async fn of_a_trait(id: u64) -> <Shop<u64> as Source>::Answer {
    Ok(id)
}

macro_rules! function {
    ($name:ident, $ret:ty) => {
        #[cached]
        async fn $name(id: u64) -> $ret {
            Ok(id)
        }
    };
}
function!(by_a_macro, DbResult<u64>);

mod other {
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    pub struct Result(pub u64);
}

#[cached]
async fn another_type_of_that_name(id: u64) -> other::Result {
    other::Result(id)
}

#[multi_cached(keys = ids)]
async fn one_for_each(ids: &[u64]) -> Vec<(u64, DbResult<u64>)> {
    ids.iter().map(|id| (*id, Ok(*id))).collect()
}

#[cached]
async fn borrowed(id: u64) -> &'static str {
    "text"
}

#[cached]
async fn borrowed_in_a_result(id: u64) -> Result<Option<&'static [u64]>, String> {
    Ok(None)
}

#[cached(crate = "polycache")]
async fn no_path(id: u64) -> u64 {
    id
}

fn main() {}
