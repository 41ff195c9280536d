use polycache::Cache;

async fn borrowed(cache: Cache) -> polycache::Result<()> {
    cache.get::<&str>("k").await?;
    Ok(())
}

fn main() {}
