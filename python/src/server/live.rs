//! The connections of a server object: a child of a fork makes its own.

use std::sync::Arc;

use arc_swap::ArcSwap;
use polycache::{Error, ErrorKind, Result};

use super::config::{Config, Open};
use crate::bridge::{Runtime, runtime};
use crate::fork;
use crate::locks::no_runtime;

/// A cache on a server, and the runtime that drives its connections.
#[derive(Debug)]
pub(crate) struct Live {
    /// Only empty during the drop.
    open: Option<Open>,
    runtime: Runtime,
}

/// The servers of a server object, and its connections.
#[derive(Debug)]
pub(super) struct Connections {
    config: Config,
    live: ArcSwap<Live>,
}

impl Connections {
    pub(super) fn new(config: Config) -> Result<Self> {
        let live = ArcSwap::from_pointee(Live::open(&config)?);
        Ok(Self { config, live })
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    /// The connections of this process.
    #[inline]
    pub(super) fn live(&self) -> Result<arc_swap::Guard<Arc<Live>>> {
        let live = self.live.load();
        if live.runtime.generation == fork::generation() { Ok(live) } else { self.reopened() }
    }

    #[cold]
    fn reopened(&self) -> Result<arc_swap::Guard<Arc<Live>>> {
        self.live.store(Arc::new(Live::open(&self.config)?));
        Ok(self.live.load())
    }
}

impl Live {
    fn open(config: &Config) -> Result<Self> {
        let runtime = runtime().map_err(no_runtime)?;
        Ok(Self { open: Some(config.open()?), runtime })
    }

    #[inline]
    pub(super) fn open_one(&self) -> Result<&Open> {
        self.open.as_ref().ok_or_else(|| Error::new(ErrorKind::Closed, "the cache was closed"))
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// Connections that a child of a fork has inherited belong to the parent: not even their locks may be touched.
impl Drop for Live {
    fn drop(&mut self) {
        if self.runtime.generation != fork::generation() {
            std::mem::forget(self.open.take());
        }
    }
}
