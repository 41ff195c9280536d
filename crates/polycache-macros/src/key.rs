//! The key of a call, from its arguments.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Pat, Result, Type, parse_quote};

use crate::cached::local;
use crate::function::Function;
use crate::options::Options;
use crate::template::{Template, formatted};

/// The argument that stands for one of many keys, a reference here: its name, and the type of a key.
pub(crate) struct One<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// The key, as an expression that implements `Display`.
pub(crate) fn display(function: &Function, options: &Options, one: Option<&One<'_>>) -> Result<TokenStream> {
    if let (Some(span), None) = (options.noself, &function.receiver) {
        return Err(Error::new(span, "the function has no `self` to leave out"));
    }
    if let Some(template) = &options.key {
        return from_template(function, template, one.map(|one| one.name.to_string()).as_deref());
    }
    check_skipped(function, options, one)?;
    let parts = parts(function, options, one);
    let library = &options.library;
    Ok(match &options.key_builder {
        Some(builder) => {
            let (build, builder) = (local("__build"), typed(builder, &parts));
            let all = parts.iter().map(|part| &part.reference);
            quote_spanned!(builder.span()=> { let #build = #builder; #build(#(#all),*) })
        }
        None => {
            let in_key = |Part { reference, span, .. }: &Part| quote_spanned!(Span::mixed_site().located_at(*span)=> #library::functions::probe::in_key(#reference));
            let tuple = nested(&parts.iter().map(in_key).collect::<Vec<_>>());
            quote!(#library::functions::Arguments::of(|| {}, #tuple))
        }
    })
}

/// The part of the key that is one argument.
struct Part {
    /// The expression for it.
    reference: TokenStream,
    /// The type of that expression.
    ty: TokenStream,
    span: Span,
}

/// All arguments that aren't left out.
fn parts(function: &Function, options: &Options, one: Option<&One<'_>>) -> Vec<Part> {
    let own = function.receiver.iter().filter(|_| options.noself.is_none());
    let own = own.map(|own| Part { reference: quote!(&#own), ty: quote!(&_), span: own.span() });
    let arguments = function.arguments.iter().filter(|argument| !options.skip.contains(&argument.name));
    let arguments = arguments.map(|argument| {
        let (name, span) = (&argument.name, argument.name.span());
        let (reference, ty) = match (&argument.ty, one.filter(|one| one.name == name)) {
            (_, Some(one)) => (quote!(#name), one.ty),
            // The argument is a reference already.
            (Type::Reference(reference), _) if reference.mutability.is_none() => (quote!(#name), &*reference.elem),
            (Type::Reference(reference), _) => (quote!(&*#name), &*reference.elem),
            (ty, _) => (quote_spanned!(ty.span()=> &#name), ty),
        };
        // A type with `impl` in it can't be named.
        let hidden = ty.to_token_stream().to_string().split_whitespace().any(|word| word.ends_with("impl"));
        Part { reference, ty: if hidden { quote!(&_) } else { quote!(&#ty) }, span }
    });
    own.chain(arguments).collect()
}

fn check_skipped(function: &Function, options: &Options, one: Option<&One<'_>>) -> Result<()> {
    for skipped in &options.skip {
        let text = if skipped == "self" {
            "`noself` leaves `self` out of the key".to_owned()
        } else if one.is_some_and(|one| one.name == skipped) {
            "all keys would be the same: this argument tells them apart".to_owned()
        } else if function.declared(skipped).is_none() {
            format!("`{skipped}` is no argument of the function; they are: {}", function.names())
        } else {
            continue;
        };
        return Err(Error::new(skipped.span(), text));
    }
    Ok(())
}

/// The builder. If it is a closure, its arguments get their types.
fn typed(builder: &Expr, parts: &[Part]) -> Expr {
    let mut builder = builder.clone();
    if let Expr::Closure(closure) = &mut builder {
        for (input, Part { ty, .. }) in closure.inputs.iter_mut().zip(parts) {
            if !matches!(input, Pat::Type(_)) {
                let pattern = &*input;
                *input = Pat::Type(parse_quote!(#pattern: #ty));
            }
        }
    }
    builder
}

/// A tuple of any length, since serde knows tuples of up to 16 only.
fn nested(all: &[TokenStream]) -> TokenStream {
    if all.len() <= 16 {
        return quote!((#(#all,)*));
    }
    let parts = all.chunks(16).map(nested);
    quote!((#(#parts,)*))
}

/// The text with the values of its placeholders, among which `one` has to be.
fn from_template(function: &Function, template: &LitStr, one: Option<&str>) -> Result<TokenStream> {
    let pieces = Template { function, what: "key", result: false }.pieces(template)?;
    if let Some(one) = one.filter(|one| !pieces.iter().any(|piece| piece.is_of(one))) {
        let text = format!("all keys would be the same: put `{{{one}}}`, which stands for one of them, into it");
        return Err(Error::new(template.span(), text));
    }
    let (format, values) = formatted(&pieces, template.span());
    Ok(quote_spanned!(template.span()=> ::core::format_args!(#format, #(#values),*)))
}
