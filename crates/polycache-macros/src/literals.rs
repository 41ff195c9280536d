//! Values of options that are written as literals.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, Result};

/// The expression inside of the invisible group that a fragment of `macro_rules!` arrives in.
pub(crate) fn bare(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

/// A part of a whole that is written as a literal.
pub(crate) fn part(value: &Expr) -> Result<TokenStream> {
    let number = match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse::<f64>().ok(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse::<f64>().ok(),
        _ => None,
    };
    let number = number.filter(|number| (0.0..=1.0).contains(number));
    let number =
        number.ok_or_else(|| Error::new(value.span(), "a part of the TTL is a number from 0 to 1, such as 0.8"))?;
    Ok(quote!(#number))
}

/// A duration that has to be written as a literal; `what` names its purpose in the error.
pub(crate) fn duration(value: &Expr, what: &str) -> Result<TokenStream> {
    literal(value)?.ok_or_else(|| no_duration(value, what))
}

/// As [`duration`], and zero has a meaning of its own.
pub(crate) fn duration_or_zero(value: &Expr, what: &str) -> Result<TokenStream> {
    Ok(tokens(literal_or_zero(value)?.ok_or_else(|| no_duration(value, what))?))
}

fn no_duration(value: &Expr, what: &str) -> Error {
    Error::new(value.span(), format!("{what} is a text such as \"2s\", or a number of seconds"))
}

/// A duration that is written as a literal; `None` for another expression.
pub(crate) fn literal(value: &Expr) -> Result<Option<TokenStream>> {
    let duration = literal_or_zero(value)?;
    if duration.is_some_and(|duration| duration.is_zero()) {
        return Err(Error::new(bare(value).span(), "a duration of zero; leave it out for what the cache has"));
    }
    Ok(duration.map(tokens))
}

fn tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

fn literal_or_zero(value: &Expr) -> Result<Option<Duration>> {
    let Expr::Lit(ExprLit { lit, .. }) = bare(value) else {
        return Ok(None);
    };
    let wrong =
        || Error::new(lit.span(), "a duration is a text such as \"60s\", \"5m\" or \"1h 30m\", or a number of seconds");
    let duration = match lit {
        Lit::Str(text) => humantime::parse_duration(text.value().trim()).map_err(|_| wrong())?,
        Lit::Int(seconds) if !seconds.suffix().is_empty() => return Err(wrong()),
        Lit::Float(seconds) if !seconds.suffix().is_empty() => return Err(wrong()),
        Lit::Int(seconds) => Duration::from_secs(seconds.base10_parse()?),
        Lit::Float(seconds) => Duration::try_from_secs_f64(seconds.base10_parse()?).map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    Ok(Some(duration))
}
