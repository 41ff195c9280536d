//! Caches by name, from the settings file of an aiocache program.
//!
//! `cargo run --example aliases` needs no server: nothing is contacted before it is used.

use polycache::plugins::{HitMissRatio, Timing};
use polycache::{Caches, Config, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/aliases.json");
    let caches = Caches::new();
    caches.set_config(Config::file(file)?)?;
    println!("aliases: {:?}", caches.aliases());

    // `get` gives the same cache each time, `create` a new one.
    caches.get("default")?.set("key", "value").await?;
    let same = caches.get("default")?.get::<String>("key").await?;
    let new = caches.create("default")?.get::<String>("key").await?;
    println!("default, again: {same:?}; created anew: {new:?}");
    assert_eq!((same.as_deref(), new), (Some("value"), None));

    let (first, second, other) = (caches.get("redis_alt")?, caches.get("redis_alt")?, caches.create("redis_alt")?);
    println!("redis_alt: {first:?}");
    let timing = first.plugin::<Timing>();
    assert!(first.plugin::<HitMissRatio>().is_some() && timing.is_some());
    assert!(timing.zip(second.plugin::<Timing>()).is_some_and(|(a, b)| std::ptr::eq(a, b)));
    assert!(timing.zip(other.plugin::<Timing>()).is_some_and(|(a, b)| !std::ptr::eq(a, b)));

    let overridden = caches.create_with("redis_alt", serde_json::json!({ "namespace": "main", "db": 2 }))?;
    println!("redis_alt with another namespace: {:?}", overridden.namespace_name());
    Ok(())
}
