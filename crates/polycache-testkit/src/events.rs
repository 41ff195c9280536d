//! The events that reach `tracing`.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Dispatch, span, subscriber};

/// Collects all events of its thread, of every level, while it exists.
///
/// ```
/// use polycache_testkit::Events;
///
/// let events = Events::collect();
/// tracing::warn!(key = "k", "something failed");
/// assert_eq!(events.take(), [r#"WARN message=something failed key="k""#]);
/// assert!(events.take().is_empty());
/// ```
#[derive(Debug)]
#[must_use = "events are collected only while it lives"]
pub struct Events {
    texts: Texts,
    _guard: subscriber::DefaultGuard,
}

type Texts = Arc<Mutex<Vec<String>>>;

/// Subscribers that want nothing, and stay. While there is only one subscriber, `tracing` asks the thread that comes to an event's place
/// first whether anybody wants it: so another thread, which collects nothing, could switch the event off for this one.
static OTHERS: LazyLock<[Dispatch; 2]> = LazyLock::new(|| [(); 2].map(|()| Dispatch::new(Other)));

struct Other;

impl tracing::Subscriber for Other {
    fn register_callsite(&self, _: &'static tracing::Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Events {
    /// Begins to collect. An earlier collector of this thread gets no events meanwhile.
    pub fn collect() -> Self {
        LazyLock::force(&OTHERS);
        let texts = Texts::default();
        let guard = subscriber::set_default(Collector(Arc::clone(&texts)));
        Self { texts, _guard: guard }
    }

    /// The events since the last call, in order: the level, then each field as `name=value`.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.texts.lock().unwrap())
    }
}

struct Collector(Texts);

impl tracing::Subscriber for Collector {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}
