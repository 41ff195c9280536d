//! The backends of a view: the one that was given, and those around it that know of tags and of a grace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;

use super::tags::TagsOf;
use super::{Cache, Grace, NEVER_EARLY, View};
use crate::backend::Backend;
use crate::backends::tagged::{Shared, Tag, Tagged};

/// What the backends of a view are made of.
#[derive(Clone)]
pub(crate) struct Layers {
    pub(super) given: Arc<dyn Backend>,
    pub(super) shared: Arc<Shared>,
    /// The tags of what the view stores, within its namespace.
    pub(super) tags: Arc<[CompactString]>,
    /// The tags that a computed value has besides.
    pub(super) tags_of: Option<TagsOf>,
    pub(super) grace: Duration,
    /// The part of a TTL after which an entry is refreshed early; 1 for never.
    pub(super) early: f64,
    pub(super) stale_on_clear: bool,
}

/// The backends of a view.
pub(crate) struct Made {
    /// For hits.
    pub(crate) direct: Arc<dyn Backend>,
    /// For everything else.
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) tagged: Arc<Tagged>,
    pub(crate) grace: Option<Grace>,
}

impl Layers {
    pub(crate) fn new(given: Arc<dyn Backend>, grace: Duration, early: f64, stale_on_clear: bool) -> Self {
        let shared = Shared::new(&*given);
        Self { given, shared, tags: Arc::new([]), tags_of: None, grace, early, stale_on_clear }
    }

    /// The backend that was given.
    pub(super) fn given(&self) -> &Arc<dyn Backend> {
        &self.given
    }

    /// Shows what the view has beyond its backend.
    pub(super) fn show(&self, shown: &mut fmt::DebugStruct<'_, '_>) {
        if !self.grace.is_zero() {
            shown.field("grace", &self.grace);
        }
        if self.early < NEVER_EARLY {
            shown.field("refresh_early", &self.early);
        }
        if !self.tags.is_empty() {
            shown.field("tags", &self.tags);
        }
    }

    pub(super) fn is_tagged(&self) -> bool {
        !self.tags.is_empty() || self.tags_of.is_some()
    }

    /// The backends for a view with this prefix.
    pub(crate) fn make(&self, prefix: &str) -> Made {
        let own = self.tags.iter().map(|tag| Tag::new(&[prefix, tag].concat()));
        let every = self.tags_of.iter().map(|_| Tag::every(prefix));
        let read: Arc<[Tag]> = own.chain(every).collect();
        let tagged = Tagged::new(
            Arc::clone(&self.given),
            Arc::clone(&self.shared),
            read,
            self.tags.len(),
            self.stale_on_clear && !self.grace.is_zero(),
        );
        let tagged = Arc::new(tagged);
        let (grace, backend) = Grace::around(Arc::clone(&tagged) as Arc<dyn Backend>, self.grace, self.early);
        // A store that marks its hits keeps the clears too, so no tags are read.
        let is_direct = self.shared.marks_hits || grace.is_none();
        let direct = if is_direct && !tagged.reads_tags() { &self.given } else { &backend };
        let direct = Arc::clone(direct);
        Made { direct, backend, tagged, grace }
    }
}

impl View {
    /// The same view on other layers, or with another prefix.
    fn on(&self, layers: &Layers, made: &Made) -> Self {
        let ending = self.writer_ends_leases.then(|| made.backend.ending_leases(self.flights.holder())).flatten();
        Self {
            direct: Arc::clone(&made.direct),
            backend: Arc::clone(&made.backend),
            writer: ending.unwrap_or_else(|| Arc::clone(&made.backend)),
            tagged: Arc::clone(&made.tagged),
            grace: made.grace.clone(),
            layers: layers.clone(),
            ..self.clone()
        }
    }

    /// The same view on other layers.
    pub(super) fn on_layers(&self, layers: &Layers) -> Self {
        let made = layers.make(self.prefix.as_str());
        let bare = self.bare.as_deref().map(|bare| Arc::new(bare.on(layers, &made)));
        Self { bare, ..self.on(layers, &made) }
    }
}

impl Cache {
    pub(super) fn on_layers(&self, layers: &Layers) -> Self {
        Self { view: Arc::new(self.view.on_layers(layers)), ..self.clone() }
    }
}
