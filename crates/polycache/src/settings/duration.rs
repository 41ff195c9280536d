//! Durations in settings.

use std::fmt;
use std::time::Duration;

use serde_core::{Deserializer, de};

/// A duration as people write it: `"500ms"`, `"2s"`, `"1h 30m"`, or a number of seconds (`"2"`, `"0.5"`).
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds_of(seconds);
    }
    humantime::parse_duration(text).map_err(|_| format!("{text:?} is no duration; write it like 500ms, 2s or 1h"))
}

/// A duration in a field of a configuration, where it may also be a plain number of seconds.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_any(Written)
}

struct Written;

impl de::Visitor<'_> for Written {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration: a text like \"500ms\" or \"2s\", or a number of seconds")
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Duration, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Duration, E> {
        seconds_of(seconds).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }
}

fn seconds_of(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{seconds} seconds is no duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_durations_in_many_ways() {
        for (text, expected) in
            [("500ms", 500), ("2s", 2_000), ("1m 1s", 61_000), ("2", 2_000), ("0.5", 500), ("0", 0), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        for text in ["", "soon", "-1", "1e400", "NaN", "5 parsecs"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
