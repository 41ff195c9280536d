//! A backend of one's own, known by a name like those of the crate: `cargo run --example files`.

mod file;
mod store;

use polycache::{Cache, Ttl};

use self::store::Files;

#[tokio::main(flavor = "current_thread")]
async fn main() -> polycache::Result<()> {
    // The one line by which URLs and configurations know it.
    polycache::register_backend("files", Files::from_settings);

    let folder = std::env::temp_dir().join("polycache-example-files");
    let cache = Cache::open(&format!("files://{}?namespace=shop&ttl=1h", folder.display()))?;

    let before: Option<u32> = cache.get("started").await?;
    println!("started {} times before, as {} tells", before.unwrap_or(0), folder.display());
    cache.increment("started", 1).await?;

    let price: Result<f64, String> = cache.get_or_set("price:7", || async { Ok(12.5) }).await;
    println!("a price: {price:?}");

    cache.with_ttl(Ttl::secs(5)).set("note", "gone in five seconds").await?;
    let mut names = cache.scan("*").collect().await?;
    names.sort();
    println!("in {}: {}", folder.display(), names.join(", "));
    Ok(())
}
