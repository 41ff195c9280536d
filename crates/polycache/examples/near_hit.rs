//! Hits for valgrind to count the instructions of: `near_hit near|memory|json CALLS [NAMESPACE]`. The guide's chapter on near caches has
//! the figures.

use std::sync::Arc;
use std::time::Duration;

use polycache::backends::memory::Memory;
use polycache::backends::near::Near;
use polycache::serializers::Json;
use polycache::{Cache, Ttl};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct User {
    id: u64,
    age: u32,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tier, calls, namespace @ ..] = &*arguments else {
        return Err("near_hit near|memory|json CALLS [NAMESPACE]".into());
    };
    let builder = Cache::builder().ttl(Ttl::secs(3_600)).namespace(namespace.join(":"));
    let cache = match &**tier {
        "memory" => builder.backend(Memory::new()),
        "json" => builder.backend(Memory::new()).serializer(Json),
        _ => {
            let far = Arc::new(Memory::builder().max_bytes(1 << 20).build()?);
            builder.backend(Near::builder().ttl(Duration::from_secs(600)).build(far)?).serializer(Json)
        }
    };
    let cache = cache.build()?;
    let ready = "memory answers at once";
    cache.set("user:1234", User { id: 7, age: 30 }).now().map_err(|_| ready)??;
    let mut sum = 0;
    for _ in 0..calls.parse()? {
        let user: User = cache.get("user:1234").now().map_err(|_| ready)??.ok_or("it is set")?;
        sum += user.id + u64::from(user.age);
    }
    println!("{sum}");
    Ok(())
}
