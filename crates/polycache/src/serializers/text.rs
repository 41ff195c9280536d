use erased_serde::Serialize;

use super::decode_error;
use crate::Result;
use crate::serializer::{Context, Serializer, Visit};

mod read;
mod write;

/// Values as text: strings are stored raw, numbers as their digits.
///
/// For values that other programs read or write as they are, such as `GET` of a Redis client in another language.
///
/// - A string, number, `bool` or `char` is its text, an enum's unit variant its name, `Some` and a newtype their content. Each reads back
///   as any type that its text parses as.
/// - A list, map or struct is stored as its JSON text, and reads back only as a `String`.
/// - Bytes must be UTF-8.
/// - `None` and `()` are refused: a reader couldn't tell them from text.
///
/// ```
/// use polycache::Cache;
/// use polycache::serializers::Text;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// let cache = Cache::builder().serializer(Text).build()?;
/// cache.set("answer", 42).await?;
/// assert_eq!(cache.get::<String>("answer").await?, Some("42".to_owned()));
/// assert_eq!(cache.get::<u8>("answer").await?, Some(42));
///
/// cache.set("pair", (1, "two")).await?;
/// assert_eq!(cache.get::<String>("pair").await?, Some(r#"[1,"two"]"#.to_owned()));
/// assert!(cache.get::<(i32, String)>("pair").await.is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Text;

impl Serializer for Text {
    fn name(&self) -> &str {
        "text"
    }

    fn serialize(&self, value: &dyn Serialize, _context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        write::append(value, out)
    }

    fn deserialize(&self, bytes: &[u8], _context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            decode_error("text", format_args!("expected UTF-8, but byte {} isn't", error.valid_up_to()))
        })?;
        visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(read::WholeText(text)))
            .map_err(|error| decode_error("text", error))
    }

    fn reads_decimal_text(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
