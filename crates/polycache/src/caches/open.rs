//! A cache, or its backend, by URL.

use std::sync::Arc;

use super::alias;
use crate::backend::Backend;
use crate::backends::around;
use crate::registry::BACKENDS;
use crate::settings::Settings;
use crate::settings::url::{CACHE, guarded, split};
use crate::{Cache, Error, ErrorKind, Result};

/// The cache at `url`, with what its query says.
pub(super) fn open(url: &str) -> Result<Cache> {
    guarded(url, || {
        let (place, fields) = split(url)?;
        let mut settings = Settings::of_fields(fields);
        let builder = alias::apply(Cache::builder(), &mut settings)?;
        builder.shared_backend(around(&mut settings, backend(&place)?)?).build()
    })
}

/// The backend at `url`.
pub(super) fn backend(url: &str) -> Result<Arc<dyn Backend>> {
    let Some((scheme, _)) = url.split_once("://") else {
        let text = "this is no URL; it has the form backend://address?setting=value, as redis://127.0.0.1:6379 or memory://?ttl=60s";
        return Err(Error::new(ErrorKind::Config, text));
    };
    let wrong = |text: String| Error::new(ErrorKind::Config, format!("the URL's scheme {text}"));
    let make = BACKENDS.find_scheme(scheme).map_err(wrong)?;
    let mut settings = Settings::of_url(url);
    let backend = make(&mut settings)?;
    settings.know(&CACHE);
    settings.finish()?;
    Ok(backend)
}
