//! Texts with placeholders for arguments: keys and tags.

use proc_macro2::Span;
use syn::{Error, Expr, Ident, LitStr, Result};

use crate::function::Function;

/// The placeholder of the computed value.
pub(crate) const RESULT: &str = "result";

/// How a text is read.
pub(crate) struct Template<'a> {
    pub(crate) function: &'a Function,
    /// What the text is, for errors.
    pub(crate) what: &'a str,
    /// Whether the computed value may be in it.
    pub(crate) result: bool,
}

/// A part of a text.
pub(crate) enum Piece {
    /// As it stands in a format string.
    Text(String),
    /// A value, the name at its root, and its format with the colon.
    Value { value: Expr, root: Ident, how: String },
}

impl Piece {
    /// Whether this is the value of the argument `name`, or a field of it.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        matches!(self, Self::Value { root, .. } if root == name)
    }
}

/// The format string of these pieces, and its values.
pub(crate) fn formatted<'a>(pieces: impl IntoIterator<Item = &'a Piece>, span: Span) -> (LitStr, Vec<&'a Expr>) {
    let (mut format, mut values) = (String::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Text(text) => format.push_str(text),
            Piece::Value { value, how, .. } => {
                format.push_str(&format!("{{{}{how}}}", values.len()));
                values.push(value);
            }
        }
    }
    (LitStr::new(&format, span), values)
}

impl Template<'_> {
    pub(crate) fn pieces(&self, template: &LitStr) -> Result<Vec<Piece>> {
        let (text, span, what) = (template.value(), template.span(), self.what);
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            pieces.push(Piece::Text(rest[..at].to_owned()));
            let (brace, after) = rest[at..].split_at(1);
            if after.starts_with(brace) {
                // A doubled brace stands for itself.
                pieces.push(Piece::Text(rest[at..at + 2].to_owned()));
                rest = &after[1..];
                continue;
            }
            let Some((inner, after)) = after.split_once('}').filter(|_| brace == "{") else {
                return Err(Error::new(
                    span,
                    format!("a single `{brace}` in the {what}; write `{brace}{brace}` for the character"),
                ));
            };
            let (expression, how) = inner
                .split_once(':')
                .map_or((inner, String::new()), |(expression, how)| (expression, format!(":{how}")));
            let (value, root) = self.placeholder(expression, span)?;
            pieces.push(Piece::Value { value, root, how });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(pieces)
    }

    /// An argument or the result, or a field of one, and its name.
    fn placeholder(&self, text: &str, span: Span) -> Result<(Expr, Ident)> {
        let Self { function, what, result } = self;
        let wrong = |why: &str| {
            Error::new(span, format!("`{{{text}}}` in the {what} {why}; the arguments are: {}", function.names()))
        };
        let parse = |text: &str| LitStr::new(text, span).parse::<Expr>();
        // A keyword stands for the raw identifier, as it does for `format!`.
        let mut expression =
            parse(text).or_else(|_| parse(&format!("r#{text}"))).map_err(|_| wrong("names no argument"))?;
        let mut root = &mut expression;
        while let Expr::Field(field) = root {
            root = &mut field.base;
        }
        let Expr::Path(path) = root else {
            return Err(wrong("is neither an argument nor a field of one"));
        };
        let Some(name) = path.path.get_ident() else {
            return Err(wrong("names no argument"));
        };
        // Text that comes through a `macro_rules!` has another span, so the argument is known only by its name.
        let mut name = name.clone();
        match function.declared(&name) {
            Some(declared) => name.set_span(span.resolved_at(declared)),
            None if *result && name == RESULT => name.set_span(Span::mixed_site()),
            None => return Err(wrong("is no argument")),
        }
        path.path = name.clone().into();
        Ok((expression, name))
    }
}
