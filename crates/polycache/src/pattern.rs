//! Patterns for keys.

use crate::{Error, ErrorKind, Result};

/// A glob pattern: `*` is any text, `?` one character, `[a-z_]` one of those, `[^a-z]` one of all others; a backslash takes the next
/// character as it is. The same language as Redis', but a `[` that is never closed is an error here.
///
/// ```
/// use polycache::backend::Pattern;
///
/// let pattern = Pattern::new(r"user:[0-9]*\*")?;
/// assert!(pattern.matches("user:17*"));
/// assert!(!pattern.matches("user:x*"));
/// # Ok::<(), polycache::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    AnyText,
    AnyChar,
    Char(char),
    Class { ranges: Vec<(char, char)>, negated: bool },
}

impl Part {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::AnyText => false,
            Self::AnyChar => true,
            Self::Char(this) => *this == c,
            Self::Class { ranges, negated } => ranges.iter().any(|&(from, to)| (from..=to).contains(&c)) != *negated,
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a `[` without its `]`, and for a backslash at the end.
    pub fn new(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        let broken = |what: &str| Error::new(ErrorKind::InvalidInput, format!("the pattern {text:?} {what}"));
        let escaped = |c: Option<char>| c.ok_or_else(|| broken(r"ends with a backslash; write \\ to match one"));
        while let Some(c) = chars.next() {
            match c {
                '*' if parts.last() == Some(&Part::AnyText) => {}
                '*' => parts.push(Part::AnyText),
                '?' => parts.push(Part::AnyChar),
                '\\' => parts.push(Part::Char(escaped(chars.next())?)),
                '[' => {
                    let unclosed = || broken(r"has a [ without a ]; write \[ to match one");
                    let mut class = Vec::new();
                    let mut negated = false;
                    let mut next = chars.next();
                    if next == Some('^') {
                        negated = true;
                        next = chars.next();
                    }
                    loop {
                        let from = match next.ok_or_else(unclosed)? {
                            ']' => break,
                            '\\' => escaped(chars.next())?,
                            c => c,
                        };
                        next = chars.next();
                        let mut ahead = chars.clone();
                        let to = match (next, ahead.next()) {
                            (Some('-'), Some(to)) if to != ']' => {
                                let to = if to == '\\' { escaped(ahead.next())? } else { to };
                                chars = ahead;
                                next = chars.next();
                                to
                            }
                            _ => from,
                        };
                        class.push((from.min(to), from.max(to)));
                    }
                    parts.push(Part::Class { ranges: class, negated });
                }
                c => parts.push(Part::Char(c)),
            }
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The text of the pattern, as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A pattern that fits only `text`.
    ///
    /// ```
    /// use polycache::backend::Pattern;
    ///
    /// assert_eq!(Pattern::escape("a*b"), r"a\*b");
    /// ```
    #[must_use]
    pub fn escape(text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            push_escaped(&mut escaped, c);
        }
        escaped
    }

    /// A pattern that fits at least the same texts, in `*` and characters only: for a server whose `?` and `[..]` are about bytes.
    #[cfg(feature = "redis")]
    pub(crate) fn superset(&self) -> String {
        let mut superset = String::with_capacity(self.text.len());
        for part in &self.parts {
            match part {
                Part::Char(c) => push_escaped(&mut superset, *c),
                _ if superset.ends_with('*') && !superset.ends_with(r"\*") => {}
                _ => superset.push('*'),
            }
        }
        superset
    }

    /// Whether the whole of `text` fits the pattern. Takes time proportional to the product of both lengths at most.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let parts = &self.parts;
        let mut rest = text.chars();
        let mut at = 0;
        // Where to go on if the parts behind the last `*` don't fit: that `*` then takes one more character.
        let mut retry = None;
        loop {
            let mut ahead = rest.clone();
            match (parts.get(at), ahead.next()) {
                (None, None) => return true,
                (Some(Part::AnyText), _) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                }
                (Some(part), Some(c)) if part.matches(c) => {
                    at += 1;
                    rest = ahead;
                }
                _ => {
                    let Some((star, mut from)) = retry.take() else {
                        return false;
                    };
                    if from.next().is_none() {
                        return false;
                    }
                    at = star;
                    rest = from.clone();
                    retry = Some((star, from));
                }
            }
        }
    }
}

fn push_escaped(pattern: &mut String, c: char) {
    if matches!(c, '*' | '?' | '[' | ']' | '\\') {
        pattern.push('\\');
    }
    pattern.push(c);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).expect("a good pattern").matches(text)
    }

    #[test]
    fn matches_as_redis_does() {
        for (pattern, yes, no) in [
            ("", vec![""], vec!["a"]),
            ("*", vec!["", "a", "a:b", "\n"], vec![]),
            ("h?llo", vec!["hello", "hüllo"], vec!["hllo", "heello"]),
            ("h*llo", vec!["hllo", "heeeello", "hllollo"], vec!["hlloo"]),
            ("h[ae]llo", vec!["hallo", "hello"], vec!["hillo"]),
            ("h[^e]llo", vec!["hallo"], vec!["hello", "hllo"]),
            ("h[a-c]llo", vec!["hbllo"], vec!["hdllo", "h-llo"]),
            ("[c-a]", vec!["b"], vec!["d"]),
            (r"a\*b", vec!["a*b"], vec!["aab"]),
            (r"[\]x-]", vec!["]", "x", "-"], vec!["y", "\\"]),
            ("[^]", vec!["a"], vec![""]),
            ("[]", vec![], vec!["a", "]", ""]),
            ("a**b*", vec!["ab", "axbx"], vec!["a"]),
            ("*ab*ab", vec!["abab", "ababab"], vec!["aba"]),
        ] {
            for text in yes {
                assert!(fits(pattern, text), "{pattern:?} {text:?}");
            }
            for text in no {
                assert!(!fits(pattern, text), "{pattern:?} {text:?}");
            }
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_superset_is_made_of_stars() {
        for (pattern, expected) in
            [("*", "*"), ("a?b", "a*b"), ("[a-c]?*x", "*x"), (r"\*?", r"\**"), (r"a\[\?", r"a\[\?"), (r"\\*", r"\\*")]
        {
            assert_eq!(Pattern::new(pattern).expect("a good pattern").superset(), expected);
        }
    }

    #[test]
    fn broken_patterns_are_named() {
        for pattern in ["[a", "x[", r"a\", "[^", "[a-", r"[\"] {
            let error = Pattern::new(pattern).expect_err("broken").to_string();
            assert!(error.contains(&format!("{pattern:?}")), "{error}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!fits(&"*a".repeat(50), &"b".repeat(5_000)));
        assert!(!fits(&format!("{}c", "a*".repeat(50)), &"a".repeat(5_000)));
    }
}
