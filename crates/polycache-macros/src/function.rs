//! The function that is cached.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, GenericArgument, Ident, ItemFn, Pat, Path, PathArguments, Result, ReturnType, Type, parse_quote,
};

use crate::cached::local;
use crate::options::Options;

/// The beginning of the names that patterns get.
const PATTERN: &str = "__argument_";

/// An async function, taken apart.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    /// The `self` token of a method.
    pub(crate) receiver: Option<TokenStream>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) returns: Type,
}

/// An argument, which has a plain name in the new signature.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// Binds the names that the body uses.
    pub(crate) binding: Option<TokenStream>,
}

impl Function {
    /// Takes a function apart. `attribute` is the attribute's name, for errors.
    pub(crate) fn parse(item: TokenStream, attribute: &str) -> Result<Self> {
        let mut item: ItemFn = syn::parse2(item)
            .map_err(|error| Error::new(error.span(), format!("`#[{attribute}]` is for functions: {error}")))?;
        let signature = &mut item.sig;
        if signature.asyncness.is_none() {
            let mut text = format!("`#[{attribute}]` is for async functions: write `async fn {}`", signature.ident);
            if signature.output.to_token_stream().to_string().contains("Future") {
                text += "; where another attribute has rewritten it, as `#[async_trait]` does, cache a function that it calls";
            }
            return Err(Error::new(signature.fn_token.span, text));
        }
        let returns = match &signature.output {
            ReturnType::Type(_, ty) => bare(ty).clone(),
            ReturnType::Default => {
                return Err(Error::new(signature.ident.span(), "the function returns nothing that could be cached"));
            }
        };
        if let Type::ImplTrait(hidden) = &returns {
            return Err(Error::new(hidden.span(), "a cached type needs a name: a stored value is read as that type"));
        }
        if let Some(reference) = reference(&returns) {
            let text =
                "what a cache keeps is owned: return a `String` in place of a `&str`, a `Vec<T>` in place of a `&[T]`";
            return Err(Error::new(reference.span(), text));
        }
        signature.asyncness = None;
        let mut receiver = None;
        let mut arguments = Vec::new();
        for (place, argument) in signature.inputs.iter_mut().enumerate() {
            match argument {
                FnArg::Receiver(own) => {
                    receiver = Some(own.self_token.to_token_stream());
                }
                FnArg::Typed(typed) => {
                    if let Some(cfg) = typed.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
                        return Err(Error::new(
                            cfg.span(),
                            "an argument is there in all configurations: write two functions",
                        ));
                    }
                    let (name, binding) = bind(&mut typed.pat, place);
                    arguments.push(Argument { name, ty: bare(&typed.ty).clone(), binding });
                }
            }
        }
        Ok(Self { item, receiver, arguments, returns })
    }

    /// The patterns that bind the arguments to the names the body uses.
    pub(crate) fn bindings(&self) -> TokenStream {
        self.arguments.iter().filter_map(|argument| argument.binding.as_ref()).cloned().collect()
    }

    /// The span of the call's type: lints on long types are about what the user has written.
    pub(crate) fn output_span(&self) -> Span {
        Span::call_site().located_at(self.returns.span())
    }

    /// How the returned type is taken apart, as a marker type of the library's. Told by the type's name, since a signature can name no
    /// type that depends on another; [`Self::checked`] refuses a `Result` that this misses. All tokens have one place, so that the
    /// compiler tells an error about them once.
    pub(crate) fn shape(&self, options: &Options) -> TokenStream {
        let (returns, place) = (&self.returns, self.output_span());
        let library = located(options.library.to_token_stream(), place);
        let shape = if options.cache_errors.is_none() && is_result(returns) {
            quote_spanned!(place=> #library::functions::Fallible<#returns>)
        } else {
            quote_spanned!(place=> #library::functions::Whole<#returns>)
        };
        let shape = match options.object {
            Some(_) => quote_spanned!(place=> #library::functions::Objects<#shape>),
            None => shape,
        };
        quote_spanned!(place=> <#shape as #library::functions::Shape>::Itself)
    }

    /// The type of the function's errors.
    pub(crate) fn error(&self, options: &Options) -> TokenStream {
        let (shape, place) = (self.shape(options), self.output_span());
        let library = located(options.library.to_token_stream(), place);
        quote_spanned!(place=> <#shape as #library::functions::Shape>::Error)
    }

    /// Refuses, by its type, a `Result` that would be stored whole without `cache_errors`.
    pub(crate) fn checked(&self, options: &Options) -> Option<TokenStream> {
        let whole = options.cache_errors.is_none() && !is_result(&self.returns);
        whole
            .then(|| without_errors(&self.returns.to_token_stream(), self.returns.span(), &options.library, "returned"))
    }

    /// The span at which an argument of this name, or `self`, is declared.
    pub(crate) fn declared(&self, name: &Ident) -> Option<Span> {
        if name == "self" {
            return self.receiver.as_ref().map(Spanned::span);
        }
        self.arguments.iter().find(|argument| argument.name == *name).map(|argument| argument.name.span())
    }

    /// The names that a key may use, for errors.
    pub(crate) fn names(&self) -> String {
        let own = self.receiver.iter().map(|_| "self".to_owned());
        let names: Vec<String> = own.chain(self.arguments.iter().map(Argument::label)).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

impl Argument {
    /// The argument's name in errors.
    fn label(&self) -> String {
        let name = self.name.to_string();
        if name.starts_with(PATTERN) { "a pattern without a name".to_owned() } else { name }
    }
}

/// The argument's name, or a new name in place of its pattern; and the binding for the body. An argument that the pattern might not bind
/// has a name nevertheless, since it lives as long as the body runs.
fn bind(pattern: &mut Pat, place: usize) -> (Ident, Option<TokenStream>) {
    if let Pat::Ident(named) = pattern
        && named.subpat.is_none()
        && named.by_ref.is_none()
    {
        let name = named.ident.clone();
        let binding = match named.mutability.take() {
            Some(mutable) => Some(quote!(let #mutable #name = #name;)),
            None => name.to_string().starts_with('_').then(|| quote!(let _ = &#name;)),
        };
        return (name, binding);
    }
    let name = local(&format!("{PATTERN}{place}"));
    let binding = quote!(let _ = &#name; let #pattern = #name;);
    *pattern = parse_quote!(#name);
    (name, Some(binding))
}

/// Code that compiles unless the type is a `Result`. `rule` names the library's rule for the error.
pub(crate) fn without_errors(ty: &TokenStream, span: Span, library: &Path, rule: &str) -> TokenStream {
    let rule = Ident::new(rule, Span::call_site());
    let probe = quote!(#library::functions::probe);
    quote_spanned! {Span::mixed_site().located_at(span)=>
        {
            use #probe::Plain as _;
            #probe::#rule((&#probe::Probe::<#ty>::new()).kind());
        }
    }
}

/// The type inside of parentheses, and of the invisible group that a fragment of `macro_rules!` arrives in.
pub(crate) fn bare(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        }
    }
}

/// The tokens with their meaning, but at another place.
pub(crate) fn located(tokens: TokenStream, place: Span) -> TokenStream {
    let located = |mut token: TokenTree| {
        token.set_span(token.span().located_at(place));
        token
    };
    tokens.into_iter().map(located).collect()
}

/// The reference that a type is, or that a `Result` or an `Option` has as its value.
fn reference(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        found @ Type::Reference(_) => Some(found),
        Type::Path(path) => {
            let last = path.path.segments.last().filter(|last| last.ident == "Result" || last.ident == "Option")?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            match arguments.args.first() {
                Some(GenericArgument::Type(value)) => reference(value),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_result(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result"))
}
