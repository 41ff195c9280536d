//! The events that a backend tells its listeners.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::events::{Event, EventKinds};
use polycache::{Plugin, Ttl};

use crate::Subject;
use crate::subject::{Life, builder};

/// Keeps the events that it hears.
#[derive(Clone)]
struct Ear {
    kinds: EventKinds,
    heard: Arc<Mutex<Vec<Heard>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Evicted(String),
    Expired(String),
    Connected(String),
    Lost(String),
}

impl Ear {
    fn new(kinds: EventKinds) -> Self {
        Self { kinds, heard: Arc::default() }
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}

impl Plugin for Ear {
    fn events(&self) -> EventKinds {
        self.kinds
    }

    fn event(&self, event: &Event<'_>) {
        assert!(self.kinds.overlaps(event.kind()), "{event:?} wasn't asked for");
        let heard = match event {
            Event::Evicted { key } => Heard::Evicted((*key).to_owned()),
            Event::Expired { key } => Heard::Expired((*key).to_owned()),
            Event::Connected { server } => Heard::Connected((*server).to_owned()),
            Event::Disconnected { server } => Heard::Lost((*server).to_owned()),
            _ => return,
        };
        self.heard.lock().unwrap().push(heard);
    }
}

/// Only expired entries are told as expired, by their full key and once; none are told as evicted while there is room. A connection is
/// made before it is lost. A listener that asks for less hears less, and otherwise all hear the same.
pub async fn what_is_told_has_happened(subject: &dyn Subject) {
    let ears = [EventKinds::ALL, EventKinds::ALL, EventKinds::REMOVALS, EventKinds::NONE].map(Ear::new);
    let cache = ears.iter().fold(builder(subject), |builder, ear| builder.plugin(ear.clone()));
    let cache = cache.namespace("n").build().unwrap();
    let life = Life::of(subject);
    let short = cache.with_ttl(Ttl::After(life.ttl));
    short.multi_set([("expires", 1), ("deleted", 1), ("replaced", 1)]).await.unwrap();
    assert!(cache.delete("deleted").await.unwrap());
    cache.with_ttl(Ttl::Never).multi_set([("replaced", 2), ("stays", 1)]).await.unwrap();
    subject.advance(life.most).await.unwrap();
    subject.advance(life.rest).await.unwrap();
    let found = cache.multi_get::<i32>(&["expires", "deleted", "replaced", "stays"]).await.unwrap();
    assert_eq!(found, [None, None, Some(2), Some(1)]);

    cache.close().await.unwrap();
    let told = || ears.each_ref().map(Ear::heard);
    // One listener after another is told, perhaps on one of the backend's threads.
    for _ in 0..1_000 {
        let [all, also_all, removals, _] = told();
        if sorted(&all, EventKinds::ALL) == sorted(&also_all, EventKinds::ALL)
            && sorted(&all, EventKinds::REMOVALS) == sorted(&removals, EventKinds::ALL)
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let [all, also_all, removals, none] = told();
    let (mut expired, mut connected) = (0, Vec::new());
    for heard in &all {
        match heard {
            Heard::Expired(key) => {
                assert_eq!(key, "n:expires");
                expired += 1;
            }
            Heard::Connected(server) => connected.push(server.as_str()),
            Heard::Lost(server) => {
                let made = connected.iter().position(|connected| connected == server);
                connected.swap_remove(made.expect("a connection is made before it is lost"));
            }
            Heard::Evicted(key) => panic!("{key:?} was evicted, with room for all"),
        }
    }
    assert!(expired <= 1, "{all:?}");
    assert_eq!(sorted(&all, EventKinds::ALL), sorted(&also_all, EventKinds::ALL));
    assert_eq!(sorted(&all, EventKinds::REMOVALS), sorted(&removals, EventKinds::ALL));
    assert_eq!(none, []);
}

/// Two threads may tell two listeners of two events in different orders.
fn sorted(heard: &[Heard], kinds: EventKinds) -> Vec<String> {
    let is_removal = |heard: &Heard| matches!(heard, Heard::Evicted(_) | Heard::Expired(_));
    let wanted = heard.iter().filter(|heard| kinds == EventKinds::ALL || is_removal(heard));
    let mut texts: Vec<String> = wanted.map(|heard| format!("{heard:?}")).collect();
    texts.sort();
    texts
}
