//! A near cache by URL and by configuration, and what plugins hear of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::events::{Event, EventKinds, Flushed};
use polycache::plugins::HitMissRatio;
use polycache::{Cache, Caches, Config, Plugin};

use crate::Pair;

#[derive(Debug, Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Vec<String>>>);

impl Ear {
    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Plugin for Ear {
    fn events(&self) -> EventKinds {
        EventKinds::NEAR
    }

    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push(match event {
            Event::NearHit { key } => format!("{key} hit"),
            Event::NearMiss { key } => format!("{key} missed"),
            Event::NearChanged { key } => format!("{key} changed"),
            Event::NearBound { .. } => return,
            Event::NearFlushed { why: Flushed::Asked } => "flushed".to_owned(),
            other => format!("{other:?}"),
        });
    }
}

/// Two reads of one key.
async fn reads(cache: &Cache) -> Vec<String> {
    let ear = Ear::default();
    let cache = cache.with_plugin(ear.clone());
    cache.set("k", 1).await.unwrap();
    for _ in 0..2 {
        assert_eq!(cache.get("k").await.unwrap(), Some(1));
    }
    ear.taken()
}

#[tokio::test]
async fn a_url_and_a_configuration_say_it() {
    const BOTH: [&str; 2] = ["k missed", "k hit"];
    for (query, heard) in [
        ("near=100", &BOTH[..]),
        ("near=true", &BOTH),
        ("near=0", &[]),
        ("near=false", &[]),
        ("", &[]),
        ("near=100&breaker=true&recovery=true&fallback=true", &BOTH),
        ("near=100&grace=1h&ttl=1h", &BOTH),
    ] {
        let cache = Cache::open(&format!("memory://?{query}")).unwrap();
        assert_eq!(reads(&cache).await, heard, "{query}");
    }
    for (setting, heard) in [
        ("near = 100", &BOTH[..]),
        ("near = true", &BOTH),
        ("near = { max_entries = 5, ttl = '2s', misses = '100ms' }", &BOTH),
        ("near = {}", &BOTH),
        ("near = 0", &[]),
        ("near = false", &[]),
    ] {
        let caches = Caches::new();
        caches.set_config(Config::toml(&format!("default = {{ cache = 'memory', {setting} }}")).unwrap()).unwrap();
        assert_eq!(reads(&caches.get("default").unwrap()).await, heard, "{setting}");
    }
    for (setting, text) in [
        ("near = -1", "`near` is -1; it goes from 1 to 18446744073709551615; zero is none"),
        ("near = { max_entries = 0 }", "`max_entries` is 0; it goes from 1 to 18446744073709551615"),
        ("near = { ttl = '0s' }", "`ttl` is 0ns; it begins at 1ms"),
        ("near = { size = 5 }", "`near.size`"),
    ] {
        let caches = Caches::new();
        let config = Config::toml(&format!("default = {{ cache = 'memory', {setting} }}"));
        let error = config.and_then(|config| caches.set_config(config)).and_then(|()| caches.get("default").map(drop));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(text), "{setting}: {error}");
    }
}

/// A plugin hears of the bound as it begins to listen.
#[derive(Debug, Default)]
struct Bound(Mutex<Vec<Option<Duration>>>);

impl Plugin for Bound {
    fn events(&self) -> EventKinds {
        EventKinds::NEAR
    }

    fn event(&self, event: &Event<'_>) {
        if let Event::NearBound { ttl } = event {
            self.0.lock().unwrap().push(*ttl);
        }
    }
}

#[test]
fn plugins_hear_of_the_bound() {
    let pair = Pair::new(|near| near.ttl(Duration::from_secs(7)));
    let cache = pair.cache.with_plugin(Bound::default());
    assert_eq!(*cache.plugin::<Bound>().unwrap().0.lock().unwrap(), [Some(Duration::from_secs(7))]);
}

#[tokio::test]
async fn the_ratio_tells_near_hits_from_others() {
    let pair = Pair::new(|near| near);
    let cache = pair.cache.with_plugin(HitMissRatio::new());
    cache.set("k", 1).await.unwrap();
    for _ in 0..3 {
        cache.get::<i32>("k").await.unwrap();
    }
    cache.multi_get::<i32>(&["k", "none"]).await.unwrap();
    pair.near.tracker().changed(b"k");
    pair.near.tracker().changed(b"none");
    pair.near.flush();
    let figures = cache.plugin::<HitMissRatio>().unwrap();
    assert_eq!((figures.total(), figures.hits(), figures.near_hits()), (5, 4, 3));
    assert_eq!((figures.near_changes(), figures.near_flushes()), (1, 1));
}

#[tokio::test]
async fn plugins_hear_what_is_near() {
    let pair = Pair::new(|near| near);
    let ear = Ear::default();
    let cache = pair.cache.with_plugin(ear.clone());
    cache.multi_set([("a", 1), ("b", 2)]).await.unwrap();
    cache.get::<i32>("a").await.unwrap();
    cache.multi_get::<i32>(&["a", "b"]).await.unwrap();
    assert_eq!(ear.taken(), ["a missed", "a hit", "b missed"]);
    pair.near.flush();
    assert_eq!(ear.taken(), ["flushed"]);
}
