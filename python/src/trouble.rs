//! The settings of a cache for when its source or its server is in trouble: a grace, and what is put around a server.

use std::sync::Arc;
use std::time::Duration;

use polycache::backend::Backend;
use polycache::backends::breaker::{Breaker, BreakerBuilder};
use polycache::backends::fallback::{Fallback, FallbackBuilder};
use polycache::backends::memory::Memory;
use polycache::backends::near::{Near, NearBuilder};
use polycache::backends::recovery::{Recovery, RecoveryBuilder};
use polycache::{CacheBuilder, Result};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::errors::{invalid, raised};

/// How long entries stay after their TTL, and how long their source rests after a failure.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Grace {
    grace: Duration,
    /// `None`: the core's default.
    throttle: Option<Duration>,
}

impl Grace {
    pub(crate) fn new(py: Python<'_>, grace: Option<f64>, throttle: Option<f64>) -> PyResult<Self> {
        let grace = grace.map(|seconds| duration(py, "grace", seconds)).transpose()?.unwrap_or_default();
        let throttle = throttle.map(|seconds| duration(py, "throttle", seconds)).transpose()?;
        Ok(Self { grace, throttle })
    }

    pub(crate) const fn is_none(&self) -> bool {
        self.grace.is_zero()
    }

    pub(crate) fn apply(&self, builder: CacheBuilder) -> CacheBuilder {
        let builder = builder.grace(self.grace);
        match self.throttle {
            Some(throttle) => builder.throttle(throttle),
            None => builder,
        }
    }
}

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
    let fields = Fields::new("near", given, &["max_entries", "tracking", "ttl", "misses"])?;
    let mut builder = Near::builder();
    if let Some(entries) = fields.whole("max_entries")? {
        builder = builder.max_entries(entries);
    }
    if let Some(tracking) = fields.get("tracking")? {
        builder = builder.tracking(tracking.extract()?);
    }
    if let Some(ttl) = fields.time("ttl")? {
        builder = builder.ttl(ttl);
    }
    if let Some(ttl) = fields.time("misses")? {
        builder = builder.misses(ttl);
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

/// The fields of a setting, whose values are numbers or texts of numbers and times.
struct Fields<'a, 'py>(&'a Bound<'py, PyDict>);

impl<'a, 'py> Fields<'a, 'py> {
    fn new(setting: &str, given: &'a Bound<'py, PyDict>, known: &[&str]) -> PyResult<Self> {
        for name in given.keys() {
            let name = name.cast::<PyString>()?.to_str()?.to_owned();
            if !known.contains(&&*name) {
                let text = format!("`{setting}` has no `{name}`; it has {}", known.join(", "));
                return Err(invalid(given.py(), &text));
            }
        }
        Ok(Self(given))
    }

    fn get(&self, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.0.get_item(field)?.filter(|value| !value.is_none()))
    }

    fn whole<T: TryFrom<i128>>(&self, field: &str) -> PyResult<Option<T>> {
        let Some(value) = self.get(field)? else { return Ok(None) };
        let number = match value.cast::<PyString>() {
            Ok(text) => text.to_str()?.trim().parse::<i128>().ok(),
            Err(_) if value.is_instance_of::<PyBool>() => None,
            Err(_) => value.extract::<i128>().ok(),
        };
        match number.and_then(|number| T::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(field, &value, "is no whole number above 0 that has room")),
        }
    }

    fn fraction(&self, field: &str) -> PyResult<Option<f64>> {
        let Some(value) = self.get(field)? else { return Ok(None) };
        match number(&value) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(field, &value, "is no number")),
        }
    }

    fn time(&self, field: &str) -> PyResult<Option<Duration>> {
        let Some(value) = self.get(field)? else { return Ok(None) };
        let seconds = number(&value).or_else(|| parse(value.extract::<&str>().ok()?));
        match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            Some(time) => Ok(Some(time)),
            None => {
                Err(self.wrong(field, &value, "is no time; write seconds as a number, or a text like 500ms, 2s or 1h"))
            }
        }
    }

    fn wrong(&self, field: &str, value: &Bound<'_, PyAny>, what: &str) -> PyErr {
        let shown = value.repr().map_or_else(|_| String::new(), |text| text.to_string());
        invalid(value.py(), &format!("`{field}` is {shown}, which {what}"))
    }
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

/// A number, or a text of one.
fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    match value.cast::<PyString>() {
        Ok(text) => text.to_str().ok()?.trim().parse().ok(),
        Err(_) if value.is_instance_of::<PyBool>() => None,
        Err(_) => value.extract().ok(),
    }
}

/// The seconds of a text such as `1h 30m`.
fn parse(text: &str) -> Option<f64> {
    humantime::parse_duration(text.trim()).ok().map(|time| time.as_secs_f64())
}

/// The seconds of a text such as `500ms` or `1h 30m`.
#[pyfunction]
pub(crate) fn seconds(text: &str) -> PyResult<f64> {
    parse(text).ok_or_else(|| {
        PyValueError::new_err(format!("{text:?} is no time; write seconds as a number, or a text like 500ms, 2s or 1h"))
    })
}

/// This many seconds. More than a clock has are as many as it has.
fn duration(py: Python<'_>, what: &str, seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(invalid(py, &format!("`{what}` is {seconds}; it begins at 0 seconds")));
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
