//! Every command, step by step: what is asked and what comes back.
//!
//! `cargo run --example quickstart` needs no server; `cargo run --example quickstart -- redis://127.0.0.1:6379` runs on one, or
//! on memcached with `memcached://127.0.0.1:11211`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use polycache::plugins::{HitMissRatio, Timing};
use polycache::{Cache, CommandName, Error, Result, Ttl};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cache = open(std::env::args().nth(1))?;
    println!("a cache on the backend `{}`\n", cache.info().name);

    cache.clear().await?; // a server may hold what an earlier run left
    values(&cache).await?;
    many_at_once(&cache).await?;
    computed_once(&cache).await?;
    counters(&cache).await?;
    races(&cache).await?;
    lifetimes(&cache).await?;
    if cache.info().capabilities.live_objects {
        live_objects(&cache).await?;
    }
    the_end(&cache).await
}

/// The cache to show, in memory or on the server at `url`, with two plugins that watch it.
fn open(url: Option<String>) -> Result<Cache> {
    let mut url = url.unwrap_or_else(|| "memory://".to_owned());
    if url.starts_with("memcached") && !url.contains("generations=") {
        // Memcached can't list keys; with generations it can clear a namespace all the same.
        url += if url.contains('?') { "&generations=0" } else { "?generations=0" };
    }
    let cache = Cache::open(&url)?;
    Ok(cache.namespace("quickstart").with_plugin(HitMissRatio::new()).with_plugin(Timing::new()))
}

fn show(command: &str, answer: impl std::fmt::Debug) {
    println!("  {command:<52} {answer:?}");
}

async fn values(cache: &Cache) -> Result<()> {
    println!("values of any type that serde knows");
    cache.set("k", "v").await?;
    show(r#"set("k", "v"); get::<String>("k")"#, cache.get::<String>("k").await?);
    cache.set("n", 5).await?;
    show(r#"set("n", 5); get::<i64>("n")"#, cache.get::<i64>("n").await?);
    cache.set("user:7", User { id: 7, name: "Ada".into() }).await?;
    show(r#"set("user:7", User { .. }); get::<User>("user:7")"#, cache.get::<User>("user:7").await?);
    show(r#"get::<User>("user:8")"#, cache.get::<User>("user:8").await?);
    show(r#"exists("user:7")"#, cache.exists("user:7").await?);
    show(r#"delete("user:7")"#, cache.delete("user:7").await?);
    show(r#"get::<User>("user:7")"#, cache.get::<User>("user:7").await?);
    Ok(())
}

async fn many_at_once(cache: &Cache) -> Result<()> {
    println!("\nmany at once, and namespaces");
    cache.multi_set([("a", 1), ("b", 2), ("c", 3)]).await?;
    show(r#"multi_get(["c", "x", "a"])"#, cache.multi_get::<i32>(&["c", "x", "a"]).await?);
    show(r#"multi_delete(["a", "x"])"#, cache.multi_delete(&["a", "x"]).await?);

    let cities = cache.namespace("quickstart:cities");
    cities.multi_set([("rome", "Roma"), ("riga", "Rīga"), ("oslo", "Oslo")]).await?;
    if cache.info().capabilities.scan {
        let mut keys = cities.scan("r*").collect().await?;
        keys.sort();
        show(r#"namespace("quickstart:cities").scan("r*")"#, keys);
    }
    cities.clear().await?;
    show("clear(); exists(\"rome\")", cities.exists("rome").await?);
    show(r#"the outer namespace is untouched: exists("b")"#, cache.exists("b").await?);
    Ok(())
}

async fn computed_once(cache: &Cache) -> Result<()> {
    println!("\ncomputed once, however many ask");
    let computed = AtomicU32::new(0);
    let ask = || {
        cache.get_or_set("report", async || {
            computed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, Error>("the report".to_owned())
        })
    };
    let (one, another, third) = tokio::join!(ask(), ask(), ask());
    show(r#"get_or_set("report", ..) by three tasks"#, [one?, another?, third?]);
    show("how often it was computed", computed.load(Ordering::Relaxed));
    let squares = cache.multi_get_or_set(&["2", "3", "x"], |missing| async move {
        let square = |key: &String| key.parse::<i32>().ok().map(|number| (key.clone(), number * number));
        Ok::<Vec<_>, Error>(missing.iter().filter_map(square).collect())
    });
    show(r#"multi_get_or_set(["2", "3", "x"], ..)"#, squares.await.into_iter().collect::<Result<Vec<_>>>()?);
    Ok(())
}

async fn counters(cache: &Cache) -> Result<()> {
    println!("\ncounters");
    show(r#"increment("visits", 1)"#, cache.increment("visits", 1).await?);
    show(r#"increment("visits", 41)"#, cache.increment("visits", 41).await?);
    show(r#"increment("visits", -50)"#, cache.increment("visits", -50).await?);
    show(r#"get::<i64>("visits")"#, cache.get::<i64>("visits").await?);
    cache.set("word", "one").await?;
    show(r#"increment("word", 1)"#, cache.increment("word", 1).await.map_err(|error| error.to_string()));
    Ok(())
}

async fn races(cache: &Cache) -> Result<()> {
    println!("\nwriting only if nobody else has");
    show(r#"add("owner", "me")"#, cache.add("owner", "me").await?);
    show(r#"add("owner", "you")"#, cache.add("owner", "you").await?);
    let (owner, version) = cache.get_versioned::<String>("owner").await?;
    show(r#"get_versioned::<String>("owner")"#, owner);
    show(r#"cas("owner", "us", version)"#, cache.cas("owner", "us", version.clone()).await?);
    show(r#"cas("owner", "them", version)  (it's stale now)"#, cache.cas("owner", "them", version).await?);
    Ok(())
}

async fn lifetimes(cache: &Cache) -> Result<()> {
    println!("\nlifetimes");
    let started = Instant::now();
    cache.with_ttl(Ttl::millis(100)).set("token", 1234).await?;
    let remaining = match cache.ttl("token").await? {
        // Rounded up: to a second on memcached, to a millisecond elsewhere.
        Some(Ttl::After(left)) => left <= cache.info().ttl_resolution.max(Duration::from_millis(100)),
        _ => false,
    };
    show(r#"with_ttl(100 ms).set("token", 1234); ttl is within that"#, remaining);
    show(r#"get::<i32>("token")"#, cache.get::<i32>("token").await?);
    while cache.exists("token").await? {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    show(r#"waited: get::<i32>("token")"#, cache.get::<i32>("token").await?);
    println!("    (gone after {:?})", started.elapsed());
    show(r#"expire("owner", 60 s)"#, cache.expire("owner", Ttl::secs(60)).await?);
    Ok(())
}

async fn live_objects(cache: &Cache) -> Result<()> {
    println!("\nlive objects, shared and not copied");
    let model = Arc::new(vec![0.5_f32; 1_000_000]);
    cache.set_object("model", Arc::clone(&model)).await?;
    let again = cache.get_object::<Vec<f32>>("model").await?;
    show("set_object(..); get_object(..) is the same object", again.is_some_and(|again| Arc::ptr_eq(&again, &model)));
    let value = cache.get::<polycache::Value>("n").await?;
    cache.set("copy of n", value.unwrap_or_else(|| polycache::Value::typed(0))).await?;
    show(r#"get::<Value>("n"), set(.., value): untyped"#, cache.get::<i32>("copy of n").await?);
    if cache.info().name == "memory" {
        show(r#"raw("len"): what the backend itself says"#, cache.raw("len", &[""; 0]).await?);
    }
    Ok(())
}

async fn the_end(cache: &Cache) -> Result<()> {
    println!("\nwhat the plugins saw");
    if let Some(ratio) = cache.plugin::<HitMissRatio>() {
        println!("  hit ratio: {} of {} reads, {:.0} %", ratio.hits(), ratio.total(), ratio.ratio() * 100.0);
    }
    if let Some(timing) = cache.plugin::<Timing>() {
        for name in CommandName::ALL {
            if let Some(figures) = timing.figures(*name) {
                println!(
                    "  {:<14} {:>3} calls, {:>9.1?} on average, p99 {:>9.1?}",
                    name.as_str(),
                    figures.count,
                    figures.average,
                    figures.p99
                );
            }
        }
    }
    cache.clear().await?;
    cache.close().await?;
    println!("\nthe end");
    show(r#"close(); get::<String>("k")"#, cache.get::<String>("k").await.map_err(|error| error.to_string()));
    Ok(())
}
