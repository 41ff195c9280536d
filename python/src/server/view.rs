//! The settings with which a server is seen.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use polycache::{Cache, Result};

use super::config::Open;
use crate::fork;
use crate::settings::Settings;

/// With its own settings, with nothing beside the values, or with others.
#[derive(Debug)]
pub(super) enum View {
    Own,
    Bare,
    Other { settings: Box<Settings>, made: ArcSwapOption<Made> },
}

/// A cache on the connections of one process.
#[derive(Debug)]
pub(super) struct Made {
    /// Only empty during the drop.
    cache: Option<Cache>,
    generation: u64,
}

/// A cache on a server: one that is there already, or one of a view.
pub(super) enum Chosen<'a> {
    Kept(&'a Cache),
    Made(Cache),
}

impl View {
    pub(super) fn other(settings: Settings) -> Self {
        Self::Other { settings: Box::new(settings), made: ArcSwapOption::empty() }
    }

    /// Its own settings, if it has any.
    pub(super) fn settings(&self) -> Option<&Settings> {
        match self {
            Self::Other { settings, .. } => Some(settings),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn of<'a>(&self, open: &'a Open) -> Result<Chosen<'a>> {
        Ok(match self {
            Self::Own => Chosen::Kept(&open.cache),
            Self::Bare => Chosen::Kept(&open.bare),
            Self::Other { settings, made } => Chosen::Made(cache(settings, made, open)),
        })
    }
}

fn cache(settings: &Settings, made: &ArcSwapOption<Made>, open: &Open) -> Cache {
    let generation = fork::generation();
    let known = made.load();
    if let Some(cache) =
        known.as_ref().filter(|made| made.generation == generation).and_then(|made| made.cache.as_ref())
    {
        return cache.clone();
    }
    let cache = settings.view_of(&open.cache);
    made.store(Some(Arc::new(Made { cache: Some(cache.clone()), generation })));
    cache
}

/// What a child of a fork has inherited belongs to the parent.
impl Drop for Made {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            std::mem::forget(self.cache.take());
        }
    }
}

impl Deref for Chosen<'_> {
    type Target = Cache;

    #[inline]
    fn deref(&self) -> &Cache {
        match self {
            Self::Kept(cache) => cache,
            Self::Made(cache) => cache,
        }
    }
}
