//! What is put around a server.

use std::sync::Arc;

use polycache::Result;
use polycache::backend::Backend;
use polycache::backends::breaker::{Breaker, BreakerBuilder};
use polycache::backends::fallback::{Fallback, FallbackBuilder};
use polycache::backends::memory::Memory;
use polycache::backends::near::{Near, NearBuilder};
use polycache::backends::recovery::{Recovery, RecoveryBuilder};
use polycache::backends::redis::Redis;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::raised;
use crate::fields::Fields;

/// The settings of the backends around a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guards {
    breaker: Option<BreakerBuilder>,
    near: Option<NearBuilder>,
    recovery: Option<RecoveryBuilder>,
    fallback: Option<FallbackBuilder>,
}

/// What is around a server, for questions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    pub(crate) breaker: Option<Breaker>,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) fallback: Option<Fallback>,
}

impl Guards {
    /// Reads the settings, each a dict with some of its fields.
    pub(crate) fn new(
        breaker: Option<&Bound<'_, PyDict>>,
        recovery: Option<&Bound<'_, PyDict>>,
        fallback: Option<&Bound<'_, PyDict>>,
        near: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Ok(Self {
            breaker: breaker.map(read_breaker).transpose()?,
            near: near.map(read_near).transpose()?,
            recovery: recovery.map(read_recovery).transpose()?,
            fallback: fallback.map(read_fallback).transpose()?,
        })
    }

    /// Whether the time of a call is for the core to measure, since one of these wants to know that it is over.
    pub(crate) const fn watch_time(&self) -> bool {
        self.breaker.is_some() || self.recovery.is_some() || self.fallback.is_some()
    }

    /// The server with what is around it, in the order that the core's configurations have.
    pub(crate) fn around(&self, mut server: Arc<dyn Backend>) -> Result<(Arc<dyn Backend>, Watch)> {
        let mut watch = Watch::default();
        if let Some(builder) = &self.breaker {
            let breaker = builder.clone().build(server)?;
            server = Arc::new(breaker.clone());
            watch.breaker = Some(breaker);
        }
        if let Some(builder) = &self.near {
            server = Arc::new(builder.clone().build(server)?);
        }
        if self.recovery.is_none() && self.fallback.is_none() {
            return Ok((server, watch));
        }
        let recovery = self.recovery.clone().unwrap_or_else(Recovery::builder).build(server)?;
        watch.recovery = Some(recovery.clone());
        let Some(builder) = &self.fallback else { return Ok((Arc::new(recovery), watch)) };
        let fallback = builder.clone().build(recovery)?;
        watch.fallback = Some(fallback.clone());
        Ok((Arc::new(fallback), watch))
    }
}

fn read_breaker(given: &Bound<'_, PyDict>) -> PyResult<BreakerBuilder> {
    let fields = Fields::new("breaker", given, &["failures", "failure_rate", "pause"])?;
    let mut builder = Breaker::builder();
    if let Some(failures) = fields.whole("failures")? {
        builder = builder.failures(failures);
    }
    if let Some(rate) = fields.fraction("failure_rate")? {
        builder = builder.failure_rate(rate);
    }
    if let Some(pause) = fields.time("pause")? {
        builder = builder.pause(pause);
    }
    Ok(builder)
}

fn read_near(given: &Bound<'_, PyDict>) -> PyResult<NearBuilder> {
    let fields = Fields::new("near", given, &["max_entries", "tracking", "ttl", "misses", "channel", "shared"])?;
    let mut builder = Near::builder();
    if let Some(entries) = fields.whole("max_entries")? {
        builder = builder.max_entries(entries);
    }
    if let Some(tracking) = fields.switch("tracking")? {
        builder = builder.tracking(tracking);
    }
    // How Python reads what is near.
    fields.switch("shared")?;
    if let Some(ttl) = fields.time("ttl")? {
        builder = builder.ttl(ttl);
    }
    if let Some(ttl) = fields.time("misses")? {
        builder = builder.misses(ttl);
    }
    if let Some(url) = fields.get("channel")? {
        let redis = Redis::open(&url.extract::<String>()?).map_err(|error| raised(given.py(), &error))?;
        builder = builder.channel(&redis);
    }
    Ok(builder)
}

fn read_recovery(given: &Bound<'_, PyDict>) -> PyResult<RecoveryBuilder> {
    let fields = Fields::new("recovery", given, &["max_pending", "close_timeout"])?;
    let mut builder = Recovery::builder();
    if let Some(keys) = fields.whole("max_pending")? {
        builder = builder.max_pending(keys);
    }
    if let Some(timeout) = fields.time("close_timeout")? {
        builder = builder.close_timeout(timeout);
    }
    Ok(builder)
}

fn read_fallback(given: &Bound<'_, PyDict>) -> PyResult<FallbackBuilder> {
    let fields = Fields::new("fallback", given, &["max_bytes", "ttl"])?;
    let mut builder = Fallback::builder();
    if let Some(bytes) = fields.whole("max_bytes")? {
        builder = builder.max_bytes(bytes);
    }
    if let Some(ttl) = fields.time("ttl")? {
        builder = builder.ttl(ttl);
    }
    Ok(builder)
}

/// Refuses what a server would refuse. Around memory none of it has anything to do.
#[pyfunction]
#[pyo3(signature = (breaker = None, recovery = None, fallback = None, near = None))]
pub(crate) fn check_guards(
    py: Python<'_>,
    breaker: Option<&Bound<'_, PyDict>>,
    recovery: Option<&Bound<'_, PyDict>>,
    fallback: Option<&Bound<'_, PyDict>>,
    near: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let guards = Guards::new(breaker, recovery, fallback, near)?;
    guards.around(Arc::new(Memory::new())).map(drop).map_err(|error| raised(py, &error))
}
