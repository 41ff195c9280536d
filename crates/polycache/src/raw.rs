//! Answers to a backend's own commands.

/// The answer to [`Cache::raw`](crate::Cache::raw), as the backend gave it. Binary-safe.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// use polycache::{Cache, Raw};
///
/// let cache = Cache::memory();
/// cache.set("k", 1).await?;
/// assert_eq!(cache.raw("len", &[""; 0]).await?, Raw::Int(1));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Raw {
    /// Nothing.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// A status line or other text, or a number of more than 64 bits.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list or a set.
    List(Vec<Raw>),
    /// Keys and values, in the order given.
    Map(Vec<(Raw, Raw)>),
}

impl Raw {
    /// The integer, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes of bytes or text.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Text(text) => Some(text.as_bytes()),
            _ => None,
        }
    }
}
