//! The word that somebody may have meant.

/// The one of `known` that `text` most resembles, if it resembles any.
pub(crate) fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let (best, likeness) =
        known.iter().map(|name| (*name, strsim::jaro_winkler(text, name))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (likeness > 0.8).then_some(best)
}
