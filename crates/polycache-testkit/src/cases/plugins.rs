//! Hooks around the commands of this backend.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::backend::Want;
use polycache::plugins::{HitMissRatio, Timing};
use polycache::{Answer, Cache, Command, CommandName, Error, ErrorKind, Held, Outcome, Plugin, Reply, Ttl};

use crate::Subject;
use crate::subject::builder;

/// The arguments of a hook: the command, its keys, and its answer or the kind of its error.
type Seen = (CommandName, Vec<String>, Result<Answer, ErrorKind>);

#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl Recorder {
    fn last(&self) -> Seen {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

impl Plugin for Recorder {
    fn after(&self, command: &Command<'_>, outcome: &Outcome<'_>, _took: Duration, _held: Held) -> Reply<()> {
        let keys = command.keys().map(str::to_owned).collect();
        assert_eq!(command.namespace(), "n");
        self.0.lock().unwrap().push((command.name(), keys, outcome.map_err(Error::kind)));
        Reply::ready(())
    }
}

/// Hooks see every command with the caller's keys and its answer.
pub async fn hooks_see_every_command(subject: &dyn Subject) {
    use CommandName as Name;

    let recorder = Recorder::default();
    let cache = builder(subject).plugin(recorder.clone()).namespace("n").build().unwrap();
    let seen = |name, keys: &[&str], outcome| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(recorder.last(), (name, keys, outcome));
    };

    cache.set("k", 1).await.unwrap();
    seen(Name::Set, &["k"], Ok(Answer::Done));
    assert!(!cache.add("k", 2).await.unwrap());
    seen(Name::Add, &["k"], Ok(Answer::Did(false)));
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    seen(Name::Get, &["k"], Ok(Answer::Found { hits: 1, asked: 1 }));
    assert_eq!(cache.get::<i32>("x").await.unwrap(), None);
    seen(Name::Get, &["x"], Ok(Answer::Found { hits: 0, asked: 1 }));
    assert!(cache.get::<polycache::Value>("k").await.unwrap().is_some());
    seen(Name::Get, &["k"], Ok(Answer::Found { hits: 1, asked: 1 }));
    cache.multi_set([("b", 2), ("a", 1), ("b", 3)]).await.unwrap();
    seen(Name::MultiSet, &["b", "a", "b"], Ok(Answer::Done));
    assert_eq!(cache.multi_get::<i32>(&["b", "x", "b"]).await.unwrap(), [Some(3), None, Some(3)]);
    seen(Name::MultiGet, &["b", "x", "b"], Ok(Answer::Found { hits: 2, asked: 3 }));
    assert!(cache.look::<i32>("k", Want::NOTHING).await.unwrap().is_some());
    seen(Name::Look, &["k"], Ok(Answer::Found { hits: 1, asked: 1 }));
    assert!(cache.exists("k").await.unwrap());
    seen(Name::Exists, &["k"], Ok(Answer::Did(true)));
    let (_, version) = cache.get_versioned::<i32>("k").await.unwrap();
    seen(Name::GetVersioned, &["k"], Ok(Answer::Found { hits: 1, asked: 1 }));
    assert!(cache.cas("k", 5, version).await.unwrap());
    seen(Name::Cas, &["k"], Ok(Answer::Did(true)));
    assert_eq!(cache.increment("k", 2).await.unwrap(), 7);
    seen(Name::Increment, &["k"], Ok(Answer::Sum(7)));
    assert!(cache.expire("k", Ttl::secs(60)).await.unwrap());
    seen(Name::Expire, &["k"], Ok(Answer::Did(true)));
    assert!(cache.ttl("k").await.unwrap().is_some());
    seen(Name::Ttl, &["k"], Ok(Answer::Did(true)));
    assert!(cache.get::<Vec<i32>>("k").await.is_err());
    seen(Name::Get, &["k"], Err(ErrorKind::Decode));
    if cache.info().capabilities.scan {
        assert_eq!(cache.scan("a").collect().await.unwrap(), ["a"]);
        assert_eq!((recorder.last().0, recorder.last().1), (Name::Scan, Vec::new()));
    }
    assert!(cache.delete("k").await.unwrap());
    seen(Name::Delete, &["k"], Ok(Answer::Did(true)));
    assert_eq!(cache.multi_delete(&["a", "b", "k"]).await.unwrap(), 2);
    seen(Name::MultiDelete, &["a", "b", "k"], Ok(Answer::Count(2)));
    cache.clear().await.unwrap();
    seen(Name::Clear, &[], Ok(Answer::Done));
    cache.set("k", polycache::Value::bytes(*b"1")).await.unwrap();
    seen(Name::Set, &["k"], Ok(Answer::Done));
    cache.raw("no such command", &[""; 0]).await.unwrap_err();
    assert_eq!(recorder.last().0, Name::Raw);
}

#[derive(Debug)]
struct Guard;

impl Plugin for Guard {
    fn before(&self, command: &Command<'_>) -> Reply<Held> {
        if command.keys().any(|key| key == "forbidden") {
            return Reply::error(Error::new(ErrorKind::Refused, "this key is forbidden"));
        }
        Reply::ready(Held::NOTHING)
    }
}

/// An error in `before` is the command's error, and the command isn't executed.
pub async fn an_error_before_stops_the_command(subject: &dyn Subject) {
    let cache = builder(subject).build().unwrap();
    let guarded = cache.with_plugin(Guard);
    cache.set("forbidden", 1).await.unwrap();
    let errors = [
        guarded.set("forbidden", 2).await.unwrap_err(),
        guarded.increment("forbidden", 1).await.unwrap_err(),
        guarded.multi_set([("allowed", 2), ("forbidden", 2)]).await.unwrap_err(),
        guarded.delete("forbidden").await.unwrap_err(),
        guarded.get::<i32>("forbidden").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.to_string().contains("forbidden"), "{error}");
    }
    assert_eq!(cache.get::<i32>("forbidden").await.unwrap(), Some(1));
    assert!(!cache.exists("allowed").await.unwrap());
    guarded.set("allowed", 3).await.unwrap();
    assert_eq!(cache.get::<i32>("allowed").await.unwrap(), Some(3));
}

/// Counts how often each key is written, in the cache itself.
#[derive(Debug)]
struct Counting;

impl Counting {
    async fn count(cache: Cache, key: String) -> polycache::Result<()> {
        cache.namespace("written").increment(&key, 1).await?;
        Ok(())
    }
}

impl Plugin for Counting {
    fn after(&self, command: &Command<'_>, _outcome: &Outcome<'_>, _took: Duration, _held: Held) -> Reply<()> {
        match (command.name(), command.key()) {
            (CommandName::Set, Some(key)) => Reply::pending(Self::count(command.cache().clone(), key.to_owned())),
            _ => Reply::ready(()),
        }
    }
}

/// A hook may use the cache, on which no hook runs.
pub async fn hooks_may_use_the_cache(subject: &dyn Subject) {
    let cache = builder(subject).plugin(Counting).build().unwrap();
    for _ in 0..3 {
        cache.set("k", "v").await.unwrap();
    }
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    assert_eq!(cache.namespace("written").get::<i64>("k").await.unwrap(), Some(3));
}

/// The bundled plugins count and measure on this backend too.
pub async fn the_bundled_plugins_work(subject: &dyn Subject) {
    let cache = builder(subject).plugin(HitMissRatio::new()).plugin(Timing::new()).build().unwrap();
    cache.set("a", 1).await.unwrap();
    cache.get::<i32>("a").await.unwrap();
    cache.multi_get::<i32>(&["a", "b", "c"]).await.unwrap();
    let ratio = cache.plugin::<HitMissRatio>().unwrap();
    assert_eq!((ratio.hits(), ratio.total(), ratio.ratio()), (2, 4, 0.5));
    let timing = cache.plugin::<Timing>().unwrap();
    assert_eq!(timing.figures(CommandName::MultiGet).unwrap().count, 1);
    assert!(timing.figures(CommandName::Delete).is_none());
}
