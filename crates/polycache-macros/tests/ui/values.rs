use std::rc::Rc;
use std::sync::Arc;

use polycache::Cache;

#[derive(Clone)]
struct NoSerde;

async fn values(cache: Cache) -> polycache::Result<()> {
    cache.set("k", NoSerde).await?;
    cache.get::<NoSerde>("k").await?;
    cache.get::<Rc<u8>>("k").await?;

    cache.set_object("k", Arc::new(NoSerde)).await?;
    cache.get_object::<NoSerde>("k").await?;
    Ok(())
}

async fn borrowed(cache: Cache) -> polycache::Result<()> {
    cache.get::<&str>("k").await?;
    Ok(())
}

struct NoClone;

async fn computed(cache: Cache) {
    let _ = cache.get_or_set("k", || async { Err::<u64, _>(NoClone) }).await;
    let _ = cache.get_or_set("k", || async { Ok::<_, String>(NoSerde) }).await;
    let _ = cache.multi_get_or_set(&["k"], |_| async { Err::<Vec<(String, u64)>, _>(NoClone) }).await;
    let _ = cache.get_or_set_object("k", || async { Err::<Arc<NoSerde>, _>(NoClone) }).await;
}

fn main() {}
