//! The listeners of events.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::{Event, EventKinds};
use crate::Plugin;
use crate::repeated::tell_repeated;

/// A plugin that wants to hear of events.
#[derive(Debug)]
pub(crate) struct Ear {
    plugin: Arc<dyn Plugin>,
    kinds: EventKinds,
}

/// The plugins of a cache that want to hear of events.
#[derive(Debug, Clone)]
pub(crate) struct Audience {
    ears: Arc<[Arc<Ear>]>,
    kinds: EventKinds,
}

/// A plugin that wants to hear of a backend's events: [`Backend::listen`](crate::backend::Backend::listen) gets one for each plugin. It
/// lasts as long as a cache or a view that has the plugin.
#[derive(Debug, Clone)]
pub struct Listener(Weak<Ear>);

/// The listeners of a backend.
///
/// ```
/// use polycache::events::{Event, EventKinds, Listeners};
///
/// let listeners = Listeners::new(); // `Backend::listen` adds to them
/// if listeners.want(EventKinds::REMOVALS) {
///     listeners.tell(&Event::Evicted { key: "k" });
/// }
/// ```
#[derive(Default)]
pub struct Listeners {
    kinds: AtomicU8,
    /// Read without a lock: each near hit is told.
    all: ArcSwap<Vec<Listener>>,
    adding: Mutex<()>,
}

impl Ear {
    /// The ear of a plugin, if it listens to anything.
    pub(crate) fn of(plugin: &Arc<dyn Plugin>) -> Option<Arc<Self>> {
        let kinds = plugin.events();
        (kinds != EventKinds::NONE).then(|| Arc::new(Self { plugin: Arc::clone(plugin), kinds }))
    }

    pub(crate) fn listener(self: &Arc<Self>) -> Listener {
        Listener(Arc::downgrade(self))
    }

    /// Tells the plugin, and catches its panic: the caller has nothing to do with the plugin.
    fn hear(&self, event: &Event<'_>) {
        if self.kinds.overlaps(event.kind()) && catch_unwind(AssertUnwindSafe(|| self.plugin.event(event))).is_err() {
            let cause = Arc::as_ptr(&self.plugin).cast::<()>().addr();
            tell_repeated!(ERROR, cause, plugin = ?self.plugin, "a plugin's `event` has panicked");
        }
    }
}

impl Audience {
    /// These plugins and one more.
    pub(crate) fn with(present: Option<&Self>, ear: Arc<Ear>) -> Self {
        let kinds = ear.kinds | present.map_or(EventKinds::NONE, |present| present.kinds);
        let present = present.into_iter().flat_map(|present| present.ears.iter().cloned());
        Self { ears: present.chain([ear]).collect(), kinds }
    }

    pub(crate) fn wants(&self, kinds: EventKinds) -> bool {
        self.kinds.overlaps(kinds)
    }

    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.ears.iter().for_each(|ear| ear.hear(event));
    }
}

impl Listener {
    /// The kinds that the plugin wants; none if it is gone.
    #[must_use]
    pub fn kinds(&self) -> EventKinds {
        self.0.upgrade().map_or(EventKinds::NONE, |ear| ear.kinds)
    }

    /// Tells the plugin, if it wants events of this kind. No lock may be held: a plugin may use the cache.
    pub fn hear(&self, event: &Event<'_>) {
        if let Some(ear) = self.0.upgrade() {
            ear.hear(event);
        }
    }
}

impl Listeners {
    /// No listeners.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a listener, and forgets those whose plugins are gone.
    pub fn add(&self, listener: Listener) {
        let _one_at_a_time = self.adding.lock();
        let present = self.all.load();
        let heard = present.iter().filter(|listener| listener.kinds() != EventKinds::NONE);
        let all: Vec<Listener> = heard.cloned().chain([listener]).collect();
        let kinds = all.iter().fold(EventKinds::NONE, |kinds, listener| kinds | listener.kinds());
        self.all.store(Arc::new(all));
        self.kinds.store(kinds.0, Ordering::Release);
    }

    /// Whether somebody wants events of these kinds: a look at a byte.
    #[inline]
    #[must_use]
    pub fn want(&self, kinds: EventKinds) -> bool {
        EventKinds(self.kinds.load(Ordering::Acquire)).overlaps(kinds)
    }

    /// Tells the listeners that want this kind of event. No lock may be held.
    pub fn tell(&self, event: &Event<'_>) {
        if self.want(event.kind()) {
            self.all.load().iter().for_each(|listener| listener.hear(event));
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners")
            .field("kinds", &EventKinds(self.kinds.load(Ordering::Relaxed)))
            .finish_non_exhaustive()
    }
}
