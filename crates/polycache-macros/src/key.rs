//! The key of a call, from its arguments.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Result, Type};

use crate::cached::local;
use crate::function::Function;
use crate::options::Options;

/// An expression that implements `Display`. `one` is the argument that stands for one of many keys, which is a reference here.
pub(crate) fn display(function: &Function, options: &Options, one: Option<&str>) -> Result<TokenStream> {
    if let (Some(span), None) = (options.noself, &function.receiver) {
        return Err(Error::new(span, "the function has no `self` to leave out"));
    }
    if let Some(template) = &options.key {
        return from_template(function, template, one);
    }
    let own = function.receiver.iter().filter(|_| options.noself.is_none()).map(|own| quote!(&#own));
    let all = own.chain(function.arguments.iter().map(|argument| {
        let name = &argument.name;
        match &argument.ty {
            // It is a reference already.
            Type::Reference(reference) if reference.mutability.is_none() => quote!(#name),
            Type::Reference(_) => quote!(&*#name),
            _ if one.is_some_and(|one| name == one) => quote!(#name),
            ty => quote_spanned!(ty.span()=> &#name),
        }
    }));
    let all: Vec<TokenStream> = all.collect();
    Ok(match &options.key_builder {
        Some(builder) => {
            let build = local("__build");
            quote_spanned!(builder.span()=> { let #build = #builder; #build(#(#all),*) })
        }
        None => {
            let tuple = nested(&all);
            let library = &options.library;
            quote!(#library::functions::Arguments::of(|| {}, #tuple))
        }
    })
}

/// A tuple of any length: serde knows those of up to 16.
fn nested(all: &[TokenStream]) -> TokenStream {
    if all.len() <= 16 {
        return quote!((#(#all,)*));
    }
    let parts = all.chunks(16).map(nested);
    quote!((#(#parts,)*))
}

/// The text with what stands in its braces, among which `one` has to be.
fn from_template(function: &Function, template: &LitStr, one: Option<&str>) -> Result<TokenStream> {
    let text = template.value();
    let span = template.span();
    let mut format = String::new();
    let mut values: Vec<Expr> = Vec::new();
    let mut apart = one.is_none();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        format.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if after.starts_with(brace) {
            // Doubled, it stands for itself.
            format.push_str(&rest[at..at + 2]);
            rest = &after[1..];
            continue;
        }
        let Some((inner, after)) = after.split_once('}').filter(|_| brace == "{") else {
            return Err(Error::new(
                span,
                format!("a single `{brace}` in the key; write `{brace}{brace}` for the character"),
            ));
        };
        let (expression, how) =
            inner.split_once(':').map_or((inner, String::new()), |(expression, how)| (expression, format!(":{how}")));
        let (value, name) = placeholder(function, expression, span)?;
        apart |= one.is_some_and(|one| name == one);
        values.push(value);
        format.push_str(&format!("{{{}{how}}}", values.len() - 1));
        rest = after;
    }
    format.push_str(rest);
    if let Some(one) = one.filter(|_| !apart) {
        return Err(Error::new(
            span,
            format!("all keys would be the same: put `{{{one}}}`, which stands for one of them, into it"),
        ));
    }
    let format = LitStr::new(&format, span);
    Ok(quote_spanned!(span=> ::core::format_args!(#format, #(#values),*)))
}

/// An argument, or a field of one, and the argument's name.
fn placeholder(function: &Function, text: &str, span: Span) -> Result<(Expr, Ident)> {
    let wrong =
        |why: &str| Error::new(span, format!("`{{{text}}}` in the key {why}; the arguments are: {}", function.names()));
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
    // A text that a `macro_rules!` was handed knows the argument no other way than by its name.
    let mut name = name.clone();
    match function.declared(&name) {
        Some(declared) => name.set_span(span.resolved_at(declared)),
        None => return Err(wrong("is no argument")),
    }
    path.path = name.clone().into();
    Ok((expression, name))
}
