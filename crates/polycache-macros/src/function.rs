//! The function that is cached.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, Pat, Result, ReturnType, Type, parse_quote};

/// An async function, taken apart.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    /// The `self` token, where it is a method.
    pub(crate) receiver: Option<TokenStream>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) returns: Type,
}

/// An argument, which has a plain name in the new signature.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// Binds what the body knows it by.
    pub(crate) binding: Option<TokenStream>,
}

impl Function {
    /// `attribute` is its name, for errors.
    pub(crate) fn parse(item: TokenStream, attribute: &str) -> Result<Self> {
        let mut item: ItemFn = syn::parse2(item)
            .map_err(|error| Error::new(error.span(), format!("`#[{attribute}]` is for functions: {error}")))?;
        let signature = &mut item.sig;
        if signature.asyncness.is_none() {
            let text = format!("`#[{attribute}]` is for async functions: write `async fn {}`", signature.ident);
            return Err(Error::new(signature.fn_token.span, text));
        }
        let returns = match &signature.output {
            ReturnType::Type(_, ty) => (**ty).clone(),
            ReturnType::Default => {
                return Err(Error::new(signature.ident.span(), "the function returns nothing that could be cached"));
            }
        };
        if let Type::ImplTrait(hidden) = &returns {
            return Err(Error::new(hidden.span(), "a cached type needs a name: a stored value is read as that type"));
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
                    let (name, binding) = bind(&mut typed.pat, place);
                    arguments.push(Argument { name, ty: (*typed.ty).clone(), binding });
                }
            }
        }
        Ok(Self { item, receiver, arguments, returns })
    }

    /// What makes the body's names of the arguments.
    pub(crate) fn bindings(&self) -> TokenStream {
        self.arguments.iter().filter_map(|argument| argument.binding.as_ref()).cloned().collect()
    }

    /// How it is taken apart: a marker type of the library's.
    pub(crate) fn shape(&self, whole: bool) -> TokenStream {
        let returns = &self.returns;
        if is_result(returns) && !whole {
            quote_spanned!(returns.span()=> ::polycache::functions::Fallible<#returns>)
        } else {
            quote_spanned!(returns.span()=> ::polycache::functions::Whole<#returns>)
        }
    }

    /// The names that a key may be made of, for errors.
    pub(crate) fn names(&self) -> String {
        let own = self.receiver.iter().map(|_| "self".to_owned());
        let names: Vec<String> = own.chain(self.arguments.iter().map(|argument| argument.name.to_string())).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// The argument's name, or one in the place of its pattern, which the body then takes apart.
fn bind(pattern: &mut Pat, place: usize) -> (Ident, Option<TokenStream>) {
    if let Pat::Ident(named) = pattern
        && named.subpat.is_none()
        && named.by_ref.is_none()
    {
        return (named.ident.clone(), None);
    }
    let name = format_ident!("__argument_{place}", span = pattern.span());
    let binding = quote!(let #pattern = #name;);
    *pattern = parse_quote!(#name);
    (name, Some(binding))
}

fn is_result(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result"))
}
