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

fn main() {}
