//! Settings that are tables, from Python's dicts.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::errors::invalid;

/// The fields of a setting, whose values are numbers or texts of numbers and times.
pub(crate) struct Fields<'a, 'py>(&'a Bound<'py, PyDict>);

impl<'a, 'py> Fields<'a, 'py> {
    pub(crate) fn new(setting: &str, given: &'a Bound<'py, PyDict>, known: &[&str]) -> PyResult<Self> {
        for name in given.keys() {
            let name = name.cast::<PyString>()?.to_str()?.to_owned();
            if !known.contains(&&*name) {
                let text = format!("`{setting}` has no `{name}`; it has {}", known.join(", "));
                return Err(invalid(given.py(), &text));
            }
        }
        Ok(Self(given))
    }

    pub(crate) fn get(&self, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.0.get_item(field)?.filter(|value| !value.is_none()))
    }

    pub(crate) fn whole<T: TryFrom<i128>>(&self, field: &str) -> PyResult<Option<T>> {
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

    pub(crate) fn fraction(&self, field: &str) -> PyResult<Option<f64>> {
        let Some(value) = self.get(field)? else { return Ok(None) };
        match number(&value) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(field, &value, "is no number")),
        }
    }

    pub(crate) fn switch(&self, field: &str) -> PyResult<Option<bool>> {
        let Some(value) = self.get(field)? else { return Ok(None) };
        match value.cast::<PyBool>() {
            Ok(value) => Ok(Some(value.is_true())),
            Err(_) => Err(self.wrong(field, &value, "is neither True nor False")),
        }
    }

    pub(crate) fn time(&self, field: &str) -> PyResult<Option<Duration>> {
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
