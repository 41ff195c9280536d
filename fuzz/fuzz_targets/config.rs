#![no_main]

use polycache::{Cache, Caches, Config};

// Text in any format and a URL: an error or a cache, nothing else, and no server is contacted.
libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (text, url) = input;
    for config in [Config::json(text), Config::toml(text), Config::yaml(text)].into_iter().flatten() {
        let caches = Caches::new();
        if caches.set_config(config).is_ok() {
            for alias in caches.aliases() {
                let _ = caches.get(&alias);
            }
        }
    }
    let redis = ["redis://", "redis+cluster://", "redis+sentinel://", "redis+unix://"];
    for scheme in ["", "memory://", "memcached://"].into_iter().chain(redis) {
        let _ = Cache::open(&format!("{scheme}{url}"));
    }
});
