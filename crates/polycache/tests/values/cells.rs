//! What comes of a value that is written and read by each serializer.

use std::fmt::{self, Debug, Display};

use polycache::serializers::{Json, MsgPack, Null, Pickle, Text};
use polycache::{Cache, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a value must be to be cached, and compared.
pub(crate) trait Stored: Serialize + DeserializeOwned + Debug + Clone + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + Debug + Clone + Send + Sync + 'static> Stored for T {}

/// Reads as `T` does, and is another type: what is live is converted.
#[derive(serde::Serialize, serde::Deserialize, Debug, Clone)]
#[serde(transparent)]
struct Another<T>(T);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Read as it was written.
    Same,
    /// An error of kind `Encode`, with a reason.
    Refused(String),
    /// Stored, and read by `Text` as text alone.
    AsText,
    /// Stored, and read as another value.
    As(String),
    /// Stored, and an error when it is read.
    Unreadable(String),
}

pub(crate) const SERIALIZERS: [&str; 5] = ["Null", "Json", "MsgPack", "Pickle", "Text"];

pub(crate) fn caches() -> [Cache; 5] {
    [
        Cache::builder().serializer(Null).build().unwrap(),
        Cache::builder().serializer(Json).build().unwrap(),
        Cache::builder().serializer(MsgPack).build().unwrap(),
        Cache::builder().serializer(Pickle).build().unwrap(),
        Cache::builder().serializer(Text).build().unwrap(),
    ]
}

/// Debug tells apart what `==` doesn't: the zeros, and NaN from itself it doesn't.
fn look(value: &impl Debug) -> String {
    format!("{value:?}")
}

pub(crate) async fn outcome<T: Stored>(cache: &Cache, is_text: bool, value: &T) -> Outcome {
    let key = "value";
    if let Err(error) = cache.set(key, value.clone()).await {
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        assert!(error.to_string().contains("can't encode this: "), "{error}");
        return Outcome::Refused(error.to_string());
    }
    match cache.get::<T>(key).await {
        Ok(Some(read)) if look(&read) == look(value) => Outcome::Same,
        Ok(read) => Outcome::As(look(&read)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            match cache.get::<String>(key).await {
                Ok(Some(_)) if is_text => Outcome::AsText,
                _ => Outcome::Unreadable(error.to_string()),
            }
        }
    }
}

/// What is live is read as another type by its JSON: as JSON reads it back, or an error where JSON has none.
pub(crate) async fn converted<T: Stored>(null: &Cache, json: &Outcome, value: &T) {
    null.set("live", value.clone()).await.unwrap();
    match (null.get::<Another<T>>("live").await, json) {
        (Ok(Some(Another(read))), Outcome::Same) => assert_eq!(look(&read), look(value)),
        (Ok(Some(Another(read))), Outcome::As(other)) => assert_eq!(look(&Some(read)), *other),
        (Err(error), Outcome::Refused(_) | Outcome::Unreadable(_)) => assert_eq!(error.kind(), ErrorKind::Decode),
        (read, json) => panic!("{value:?} is {json:?} in JSON, and converted {read:?}"),
    }
}

/// Values that fare alike.
pub(crate) struct Row {
    name: &'static str,
    /// Explains what isn't read back.
    note: &'static str,
    /// Parts of the errors.
    reasons: &'static [&'static str],
    cells: [Option<String>; 5],
    pub(crate) faults: Vec<String>,
}

impl Row {
    pub(crate) fn new(name: &'static str, note: &'static str, reasons: &'static [&'static str]) -> Self {
        Self { name, note, reasons, cells: [const { None }; 5], faults: Vec::new() }
    }

    pub(crate) async fn of<T: Stored>(&mut self, values: &[T]) {
        let caches = caches();
        for value in values {
            for (place, cache) in caches.iter().enumerate() {
                let outcome = outcome(cache, SERIALIZERS[place] == "Text", value).await;
                if SERIALIZERS[place] == "Json" {
                    converted(&caches[0], &outcome, value).await;
                }
                let told = Self::told(&outcome);
                let known = self.cells[place].get_or_insert_with(|| told.clone()).clone();
                let is_explained = match &outcome {
                    Outcome::Same | Outcome::AsText => true,
                    Outcome::Refused(reason) => self.reasons.iter().any(|part| reason.contains(part)),
                    Outcome::As(_) | Outcome::Unreadable(_) => !self.note.is_empty() && place > 0,
                };
                if known != told || !is_explained {
                    let which = format!("{}: {value:.200?} by {}", self.name, SERIALIZERS[place]);
                    self.faults.push(format!("{which}: {outcome:?}, {known}"));
                }
            }
        }
    }

    fn told(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Same => "yes".to_owned(),
            Outcome::Refused(_) => "refused".to_owned(),
            Outcome::AsText => "as text".to_owned(),
            Outcome::As(other) if other.starts_with("Some(String(") => "a string".to_owned(),
            Outcome::As(other) => {
                format!("`{}`", other.strip_prefix("Some(").and_then(|other| other.strip_suffix(')')).unwrap())
            }
            Outcome::Unreadable(_) => "unreadable".to_owned(),
        }
    }
}

/// The table, as it stands in the guide.
pub(crate) fn head() -> String {
    format!(
        "| value | {} | |\n|---{}|---|\n",
        SERIALIZERS.map(|name| format!("`{name}`")).join(" | "),
        "|---".repeat(5)
    )
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<&str> = self.cells.iter().map(|cell| cell.as_deref().unwrap()).collect();
        writeln!(f, "| {} | {} | {} |", self.name, cells.join(" | "), self.note)
    }
}
