//! The bounds of a setting: a builder, a URL and a configuration ask the same [`Range`], and refuse with the same words.

use std::fmt::Debug;

use crate::{Error, ErrorKind, Result};

/// The values that a setting may have.
#[derive(Debug)]
pub(crate) struct Range<T> {
    pub(crate) name: &'static str,
    least: T,
    /// None if there is no upper bound but the type's.
    most: Option<T>,
    /// The meaning of zero, if zero is allowed below `least`.
    zero: Option<&'static str>,
}

impl<T: PartialOrd + Default + Debug + Copy> Range<T> {
    pub(crate) const fn new(name: &'static str, least: T, most: T) -> Self {
        Self { name, least, most: Some(most), zero: None }
    }

    /// A range without an upper bound.
    pub(crate) const fn from(name: &'static str, least: T) -> Self {
        Self { name, least, most: None, zero: None }
    }

    /// The same range, and zero too, which means `what`.
    pub(crate) const fn or_zero(self, what: &'static str) -> Self {
        Self { zero: Some(what), ..self }
    }

    /// The same range, for a setting with another name too.
    #[cfg(feature = "redis")]
    pub(crate) const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same value, if it is within the range.
    pub(crate) fn check(&self, value: T) -> Result<T> {
        let is_zero = self.zero.is_some() && value == T::default();
        if is_zero || value >= self.least && self.most.is_none_or(|most| value <= most) {
            return Ok(value);
        }
        Err(self.refused(&format!("{value:?}")))
    }

    pub(crate) fn refused(&self, value: &str) -> Error {
        let Self { name, least, most, zero } = self;
        let range = match most {
            Some(most) => format!("goes from {least:?} to {most:?}"),
            None => format!("begins at {least:?}"),
        };
        let zero = zero.map(|what| format!("; zero is {what}")).unwrap_or_default();
        Error::new(ErrorKind::Config, format!("`{name}` is {value}; it {range}{zero}"))
    }
}
