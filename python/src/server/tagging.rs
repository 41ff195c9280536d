//! The tags of one command on a server.

use std::borrow::Cow;

use polycache::Cache;
use pyo3::prelude::*;

use crate::tags::Tags;

/// The tags of a command, if it has any: its keys are in their namespace.
#[derive(Clone, Copy)]
pub(super) struct Tagging<'a>(Option<&'a Tags>);

impl<'a> Tagging<'a> {
    pub(super) fn of<'k>(
        py: Python<'_>,
        tags: Option<&'a Bound<'_, Tags>>,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> PyResult<Self> {
        let tags = tags.map(Bound::get);
        if let Some(tags) = tags {
            keys.into_iter().try_for_each(|key| tags.name(py, key).map(drop))?;
        }
        Ok(Self(tags))
    }

    /// The view of this cache that gives these tags.
    #[inline]
    pub(super) fn on(self, cache: &Cache) -> Cow<'_, Cache> {
        self.0.map_or(Cow::Borrowed(cache), |tags| Cow::Owned(tags.view(cache)))
    }

    /// The name of a full key in the namespace.
    #[inline]
    pub(super) fn name(self, key: &str) -> &str {
        self.0.and_then(|tags| key.strip_prefix(&tags.prefix)).unwrap_or(key)
    }
}
