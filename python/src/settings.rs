//! The settings of a cache that the core keeps.

use std::time::Duration;

use polycache::{Cache, CacheBuilder, OnError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fields::Fields;

/// The core's word for never.
const NEVER_EARLY: f64 = 1.0;

/// The names of the settings.
const NAMES: [&str; 10] = [
    "grace",
    "throttle",
    "soft_timeout",
    "hard_timeout",
    "refresh_early",
    "stale_on_clear",
    "ttl_jitter",
    "allow_flush",
    "write_behind",
    "on_decode_error",
];

/// Some of the settings; the core's defaults are in place of the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    grace: Duration,
    throttle: Option<Duration>,
    soft_timeout: Option<Duration>,
    hard_timeout: Duration,
    refresh_early: Option<f64>,
    stale_on_clear: bool,
    ttl_jitter: Option<f64>,
    allow_flush: Option<bool>,
    write_behind: bool,
    on_decode_error: OnError,
}

impl Settings {
    pub(crate) fn new(py: Python<'_>, given: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let none = PyDict::new(py);
        let given = given.unwrap_or(&none);
        let fields = Fields::new("cache", given, &NAMES)?;
        let truth = |field: &str| fields.get(field)?.map(|value| value.is_truthy()).transpose();
        Ok(Self {
            grace: fields.time("grace")?.unwrap_or_default(),
            throttle: fields.time("throttle")?,
            soft_timeout: fields.time("soft_timeout")?,
            hard_timeout: fields.time("hard_timeout")?.unwrap_or_default(),
            refresh_early: fields.fraction("refresh_early")?,
            stale_on_clear: truth("stale_on_clear")?.unwrap_or_default(),
            ttl_jitter: fields.fraction("ttl_jitter")?,
            allow_flush: truth("allow_flush")?,
            write_behind: truth("write_behind")?.unwrap_or_default(),
            on_decode_error: match fields.get("on_decode_error")? {
                Some(word) if word.extract::<&str>()? == "miss" => OnError::Miss,
                _ => OnError::Fail,
            },
        })
    }

    /// A builder of caches whose keys are full ones. How long commands may take is told with each.
    pub(crate) fn builder(&self) -> CacheBuilder {
        let mut builder = Cache::builder()
            .separator("")
            .timeout(Duration::ZERO)
            .grace(self.grace)
            .soft_timeout(self.soft_timeout)
            .hard_timeout(self.hard_timeout)
            .stale_on_clear(self.stale_on_clear)
            .allow_flush(self.allow_flush.unwrap_or(true))
            .write_behind(self.write_behind)
            .on_decode_error(self.on_decode_error);
        if let Some(throttle) = self.throttle {
            builder = builder.throttle(throttle);
        }
        if let Some(part) = self.refresh_early {
            builder = builder.refresh_early(part);
        }
        match self.ttl_jitter {
            Some(part) => builder.ttl_jitter(part),
            None => builder,
        }
    }

    /// A view of a cache that has these settings instead of its own, as far as views may differ in them.
    pub(crate) fn view_of(&self, cache: &Cache) -> Cache {
        cache
            .with_grace(self.grace)
            .with_refresh_early(self.refresh_early.unwrap_or(NEVER_EARLY))
            .with_soft_timeout(self.soft_timeout)
            .with_hard_timeout(self.hard_timeout)
    }

    /// A view of a cache that keeps nothing beside a value.
    pub(crate) fn bare(cache: &Cache) -> Cache {
        cache.with_grace(Duration::ZERO).with_refresh_early(NEVER_EARLY)
    }

    /// Whether something is kept beside a value, which other programs can't read then.
    pub(crate) fn keeps_more(&self) -> bool {
        !self.grace.is_zero() || self.is_early()
    }

    fn is_early(&self) -> bool {
        self.refresh_early.is_some_and(|part| part < NEVER_EARLY)
    }

    /// Whether every write has to be the core's own, for the sake of the TTL or of what is kept beside the value.
    pub(crate) fn shapes_writes(&self) -> bool {
        self.keeps_more() || self.ttl_jitter.is_some_and(|part| part > 0.0)
    }

    /// Whether computations go on without their callers.
    pub(crate) fn are_detached(&self) -> bool {
        self.soft_timeout.is_some() || self.is_early()
    }

    /// Whether somebody waits for a while, which takes a timer.
    pub(crate) fn wait(&self) -> bool {
        self.soft_timeout.is_some_and(|limit| !limit.is_zero()) || !self.hard_timeout.is_zero()
    }
}
