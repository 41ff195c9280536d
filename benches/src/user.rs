//! The value that the caches hold.

use serde::{Deserialize, Serialize};

/// A small record, as a service would cache it: one heap allocation of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its number.
    pub id: u64,
    /// Twelve characters.
    pub name: String,
    /// Some figure.
    pub score: f64,
    /// Some flag.
    pub active: bool,
}

impl User {
    /// The user with this number.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self { id, name: String::from("Ada Lovelace"), score: id as f64 / 7.0, active: id.is_multiple_of(2) }
    }
}
