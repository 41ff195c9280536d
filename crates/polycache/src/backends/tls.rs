//! The settings of TLS connections.

use std::path::PathBuf;

use serde::Deserialize;

use crate::Result;
use crate::settings::Choice;
use crate::settings::server_url::wrong;

/// The settings of TLS connections to servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Tls {
    /// A PEM file of the authorities that may have signed the server's certificate. By default those that the system trusts; memcached
    /// needs it.
    pub ca: Option<PathBuf>,
    /// A PEM file with the certificate that the client shows.
    pub certificate: Option<PathBuf>,
    /// A PEM file with the certificate's key.
    pub key: Option<PathBuf>,
    /// Whether the server's certificate is checked; memcached's always is. Without the check anybody on the way can read and change
    /// everything.
    pub verify: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { ca: None, certificate: None, key: None, verify: true }
    }
}

const VERIFY: Choice<bool> = Choice::new("verify", &[("true", true), ("false", false)]);

/// Takes a setting of TLS from a URL. Returns whether it is one.
pub(super) fn set(tls: &mut Option<Tls>, name: &str, value: &str) -> Result<bool> {
    if !["ca", "cert", "key", "verify"].contains(&name) {
        return Ok(false);
    }
    let Some(tls) = tls else {
        return Err(wrong(format!(
            "`{name}` is a setting of TLS, which the URL's scheme asks for with an s: rediss, memcacheds"
        )));
    };
    match name {
        "ca" => tls.ca = Some(value.into()),
        "cert" => tls.certificate = Some(value.into()),
        "key" => tls.key = Some(value.into()),
        _ => tls.verify = VERIFY.read(value)?,
    }
    Ok(true)
}
