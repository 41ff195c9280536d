//! The tags of what a call stores.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Result};

use crate::cached::local;
use crate::function::Function;
use crate::key::One;
use crate::options::Options;
use crate::template::{Piece, RESULT, Template, formatted};

/// The tags: code that makes them of the arguments before the body takes these, and code that gives them to the call.
#[derive(Default)]
pub(crate) struct Tags {
    pub(crate) made: TokenStream,
    pub(crate) given: TokenStream,
}

/// The tags of `#[cached]` and of `#[multi_cached]`, there with the argument that stands for one of many keys. `value` is the type of a
/// value.
pub(crate) fn tags(function: &Function, options: &Options, one: Option<&One<'_>>, value: &TokenStream) -> Result<Tags> {
    let template = Template { function, what: "tag", result: true };
    let result_is_free = function.declared(&Ident::new(RESULT, Span::call_site())).is_none();
    let depends = |piece: &Piece| {
        (result_is_free && piece.is_of(RESULT)) || one.is_some_and(|one| piece.is_of(&one.name.to_string()))
    };
    let (mut plain, mut dependent) = (Vec::new(), Vec::new());
    let (mut parts, mut count) = (TokenStream::new(), 0);
    for text in &options.tags {
        let mut pieces = template.pieces(text)?;
        if !pieces.iter().any(depends) {
            let (format, values) = formatted(&pieces, text.span());
            plain.push(quote!(::std::format!(#format, #(#values),*)));
            continue;
        }
        // The arguments are gone by then: what they give is kept as text.
        for piece in pieces.iter_mut().filter(|piece| !depends(piece)) {
            let Piece::Value { value, root, how } = piece else { continue };
            let part = local(&format!("__part_{count}"));
            count += 1;
            let format = format!("{{0{how}}}");
            parts.extend(quote!(let #part = ::std::format!(#format, #value);));
            *piece = Piece::Value { value: syn::parse_quote!(#part), root: root.clone(), how: String::new() };
        }
        let (format, values) = formatted(&pieces, text.span());
        dependent.push(quote!(::std::format!(#format, #(#values),*)));
    }
    let (all, of, result) = (local("__tags"), local("__tags_by"), local(RESULT));
    let mut tags = Tags::default();
    if !plain.is_empty() {
        tags.made.extend(quote!(let #all = [#(#plain),*];));
        tags.given.extend(quote!(.tags(#all)));
    }
    if !dependent.is_empty() {
        let key = one.map(|One { name, ty }| quote!(#name: &#ty,));
        let list = quote!(::std::vec![#(#dependent),*]);
        tags.made.extend(quote! {
            let #of = {
                #parts
                #[allow(unused_variables)]
                move |#key #result: &#value| #list
            };
        });
        tags.given.extend(quote!(.tags_by(#of)));
    }
    Ok(tags)
}
