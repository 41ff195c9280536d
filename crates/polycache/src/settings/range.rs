//! Reading settings that have a [`Range`].

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;

use super::duration;
use crate::range::Range;
use crate::{Error, ErrorKind, Result};

/// The value of a setting with a range: a whole number, a fraction, or a time.
pub(crate) trait Ranged: PartialOrd + Default + Debug + Copy {
    /// Reads the value of a URL or a configuration. `Err` tells why it is none, and is `None` if only the range is to blame.
    fn read(value: &Value) -> Result<Self, Option<String>>;
}

impl<T: Ranged> Range<T> {
    /// A value from a URL or a configuration.
    pub(crate) fn read(&self, value: &Value) -> Result<T> {
        match T::read(value) {
            Ok(value) => self.check(value),
            Err(Some(why)) => Err(Error::new(ErrorKind::Config, format!("`{}` {why}", self.name))),
            Err(None) => Err(self.refused(&match value {
                Value::String(text) if text.parse::<f64>().is_ok() => text.clone(),
                other => other.to_string(),
            })),
        }
    }
}

macro_rules! whole_number {
    ($($number:ty),*) => {$(
        impl Ranged for $number {
            fn read(value: &Value) -> Result<Self, Option<String>> {
                let number = match value {
                    Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
                    Value::String(text) => text.parse().ok(),
                    _ => None,
                };
                number.ok_or(None)
            }
        }
    )*};
}
whole_number!(u16, u32, u64, usize);

impl Ranged for f64 {
    fn read(value: &Value) -> Result<Self, Option<String>> {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.ok_or(None)
    }
}

impl Ranged for Duration {
    fn read(value: &Value) -> Result<Self, Option<String>> {
        duration::deserialize(value).map_err(|error| Some(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_names_the_setting_its_value_and_its_bounds() {
        const PORT: Range<u16> = Range::new("port", 1, 65_535);
        const BEAT: Range<Duration> =
            Range::new("beat", Duration::from_millis(2), Duration::from_secs(60)).or_zero("none");
        const ENTRIES: Range<u64> = Range::new("entries", 1, u64::MAX);
        let refused = |error: Result<()>| error.unwrap_err().to_string();
        assert_eq!(PORT.read(&json!("80")).unwrap(), 80);
        assert_eq!(BEAT.read(&json!(0)).unwrap(), Duration::ZERO);
        for (value, text) in [
            (json!(0), "`port` is 0; it goes from 1 to 65535"),
            (json!(65_536), "`port` is 65536; it goes from 1 to 65535"),
            (json!("-1"), "`port` is -1; it goes from 1 to 65535"),
            (json!(-1), "`port` is -1; it goes from 1 to 65535"),
            (json!(80.5), "`port` is 80.5; it goes from 1 to 65535"),
            (json!("x"), "`port` is \"x\"; it goes from 1 to 65535"),
        ] {
            assert_eq!(refused(PORT.read(&value).map(drop)), text);
        }
        assert_eq!(refused(BEAT.read(&json!("1ns")).map(drop)), "`beat` is 1ns; it goes from 2ms to 60s; zero is none");
        assert!(refused(BEAT.read(&json!("soon")).map(drop)).starts_with("`beat` \"soon\" is no duration"));
        assert_eq!(refused(ENTRIES.check(0).map(drop)), "`entries` is 0; it goes from 1 to 18446744073709551615");
    }
}
