//! The origin of a configuration, for errors that tell their place.

use std::collections::BTreeMap;

use super::outside::Outside;

/// A configuration's origin: a name, and the text if there was one.
#[derive(Debug, Default, Clone)]
pub(crate) struct Source {
    name: Option<String>,
    text: Option<String>,
    /// The values from outside of the text, by alias and field.
    outside: BTreeMap<(String, String), Vec<Outside>>,
    /// The fields whose whole value is from outside.
    replaced: Vec<(String, String)>,
}

impl Source {
    pub(crate) fn text(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::default() }
    }

    pub(crate) fn file(name: &str, text: &str) -> Self {
        Self { name: Some(name.to_owned()), text: Some(text.to_owned()), ..Self::default() }
    }

    /// Whether the source is a text rather than a value.
    pub(crate) fn is_text(&self) -> bool {
        self.text.is_some()
    }

    /// Notes that a part of a field is from outside.
    pub(crate) fn has(&mut self, alias: &str, field: &str, outside: Outside) {
        self.outside.entry((alias.to_owned(), field.to_owned())).or_default().push(outside);
    }

    /// Notes that a whole field is from outside.
    pub(crate) fn replaces(&mut self, alias: &str, field: &str, outside: Outside) {
        let place = (alias.to_owned(), field.to_owned());
        self.outside.insert(place.clone(), vec![outside]);
        self.replaced.push(place);
    }

    /// The values from outside in a field of an alias; without a field, those in all its fields.
    pub(crate) fn outside<'a>(
        &'a self,
        alias: &'a str,
        field: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a Outside)> {
        let of = move |(its, name): &(String, String)| its == alias && field.is_none_or(|field| name == field);
        let fields = self.outside.iter().filter(move |(place, _)| of(place));
        fields.flat_map(|((_, field), outsides)| outsides.iter().map(|outside| (field.as_str(), outside)))
    }

    /// The beginning of an error about the whole: the file, if there is one.
    pub(crate) fn origin(&self) -> String {
        self.name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default()
    }

    /// The beginning of an error about an alias: the file and the line, if they are known.
    pub(crate) fn place(&self, alias: &str, field: Option<&str>) -> String {
        let elsewhere = self.replaced.iter().any(|(its, name)| its == alias && Some(name.as_str()) == field);
        if elsewhere {
            return String::new();
        }
        let line = self.text.as_deref().and_then(|text| line(text, alias, field));
        match (&self.name, line) {
            (Some(name), Some(line)) => format!("{name}, line {line}: "),
            (None, Some(line)) => format!("line {line}: "),
            (_, None) => self.origin(),
        }
    }
}

/// The line of the alias, or of its field. No parser tells the lines of its values in all three formats, so the key is looked for where
/// keys stand.
fn line(text: &str, alias: &str, field: Option<&str>) -> Option<usize> {
    let mut lines = text.lines().enumerate();
    let (at, first) = lines.find(|(_, line)| has_key(line, alias))?;
    let Some(field) = field else { return Some(at + 1) };
    let after = &first[first.find(alias)? + alias.len()..];
    if has_key(after, field) {
        return Some(at + 1);
    }
    lines.find(|(_, line)| has_key(line, field)).map(|(at, _)| at + 1).or(Some(at + 1))
}

/// Whether `key` stands in `line` as a key of JSON, YAML or TOML, or as the name of a table.
fn has_key(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let before = line[..at].trim_end_matches(['"', '\'']);
        let after = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        let begins = before.is_empty() || before.ends_with(|c: char| c.is_whitespace() || "{,[.".contains(c));
        let table = before.trim_start().starts_with('[') && after.starts_with([']', '.']);
        begins && (table || after.starts_with([':', '=']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_every_format() {
        let json = "{\n  \"default\": { \"cache\": \"memory\" },\n  \"alt\": {\n    \"cache\": \"redis\",\n    \"port\": 1\n  }\n}";
        assert_eq!(line(json, "default", Some("cache")), Some(2));
        assert_eq!(line(json, "alt", Some("cache")), Some(4));
        assert_eq!(line(json, "alt", Some("port")), Some(5));
        assert_eq!(line(json, "memory", None), None);

        let yaml = "default:\n  cache: memory\nalt:\n  cache: redis\n  port: 1\n";
        assert_eq!(line(yaml, "alt", Some("port")), Some(5));

        let toml =
            "[default]\ncache = \"memory\"\n\n[alt]\ncache = \"redis\"\nport = 1\n[alt.serializer]\nclass = \"json\"\n";
        assert_eq!(line(toml, "alt", Some("port")), Some(6));
        assert_eq!(line(toml, "alt", None), Some(4));
    }
}
