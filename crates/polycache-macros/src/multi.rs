//! `#[multi_cached]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{VisitMut, visit_type_impl_trait_mut, visit_type_reference_mut};
use syn::{
    Error, FnArg, GenericArgument, GenericParam, Ident, Lifetime, ParenthesizedGenericArguments, PathArguments,
    ReceiverKind, Result, Signature, Type, TypeFnPtr, TypeImplTrait, TypeReference, WherePredicate, parse_quote,
};

use crate::borrowed;
use crate::cached::{Cache, cache, local, policy, returning, tells};
use crate::function::{Argument, Function, bare, located, without_errors};
use crate::key;
use crate::options::Options;
use crate::tags::{Tags, tags};

const ATTRIBUTE: &str = "multi_cached";

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    try_expand(options, item).unwrap_or_else(|error| error.to_compile_error())
}

fn try_expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(options, &["detached", "hard_timeout", "keys", "refresh_early", "soft_timeout"])?;
    let mut function = Function::parse(item, ATTRIBUTE)?;
    let Some(keys) = &options.keys else {
        let text = format!("`keys = …` is missing: it names the argument with the keys, one of {}", function.names());
        return Err(Error::new(Span::call_site(), text));
    };
    let Some(argument) = function.arguments.iter().find(|argument| argument.name == *keys) else {
        let text = format!("`{keys}` is no argument of the function; they are: {}", function.names());
        return Err(Error::new(keys.span(), text));
    };
    if options.detached.is_some() {
        borrowed::refuse(&function.item.sig.inputs, &function.item.block, Some(keys))?;
    }
    let (one, bind) = elements(argument)?;
    check_pairs(&function.returns)?;
    let shape = function.shape(&options);
    let library = &options.library;
    let display = key::display(&function, &options, Some(&key::One { name: keys, ty: &one }))?;
    let Cache { found, source } = cache(&options);
    let policy = policy(&options, &function)?;
    let value = quote!(<<#shape as #library::functions::Shape>::Value as #library::functions::Pairs>::Value);
    let Tags { made, given } = tags(&function, &options, Some(&key::One { name: keys, ty: &one }), &value)?;
    let checked =
        options.skip_if.is_none().then(|| without_errors(&value, function.returns.span(), library, "one_of_many"));
    let copies = copies(&function, keys);
    let (bindings, returns) = (function.bindings(), &function.returns);
    let (returning, statements) = (returning(returns), &function.item.block.stmts);
    let (own, missing, formatter) = (local("__call"), local("__keys"), local("__formatter"));
    let compute = if options.detached.is_some() { quote!(compute_detached) } else { quote!(compute) };
    let call = quote_spanned! {returns.span()=>
        #own.#compute::<#shape>(move |#missing: ::std::vec::Vec<#one>| {
            #copies
            ::std::boxed::Box::pin(async move {
                #returning
                #bind
                #bindings
                #(#statements)*
            })
        }) #policy #given
    };
    let list = if matches!(argument.ty, Type::Reference(_)) { quote!(#keys.to_vec()) } else { quote!(#keys) };
    let tells = tells(&options, &function);
    let block = quote!({
        #checked
        #tells
        #made
        let #own = #library::functions::Keyed::new(#found, #list, |#keys, #formatter| {
            ::core::fmt::Display::fmt(&#display, #formatter)
        });
        #call
    });
    function.item.block = syn::parse2(block)?;
    // A detached call may outlive what its caller has borrowed; the keys are copied.
    let call = Lifetime::new(if options.detached.is_some() { "'static" } else { "'__call" }, Span::call_site());
    match options.detached {
        Some(_) => bound_types(&mut function.item.sig, &call),
        None => bind_lifetimes(&mut function.item.sig, &call)?,
    }
    let place = function.output_span();
    let (library, source) = (located(library.to_token_stream(), place), located(source, place));
    let output = quote_spanned!(place=> -> #library::functions::MultiCall<#call, #shape, #source>);
    function.item.sig.output = syn::parse2(output)?;
    Ok(function.item.to_token_stream())
}

/// The type of a key, and the code that gives the body the missing keys under the argument's name.
fn elements(argument: &Argument) -> Result<(Type, TokenStream)> {
    let (name, ty, missing) = (&argument.name, &argument.ty, local("__keys"));
    let (one, bound) = match ty {
        Type::Reference(TypeReference { elem, .. }) => match bare(elem) {
            Type::Slice(slice) => (Some((*slice.elem).clone()), quote!(&#missing[..])),
            list => (vec_element(list), quote!(&#missing)),
        },
        list => (vec_element(list), quote!(#missing)),
    };
    let one = one.ok_or_else(|| Error::new(ty.span(), "the keys are a slice `&[K]`, or a `Vec<K>`"))?;
    Ok((one, quote!(let #name = #bound;)))
}

/// Refuses a `Vec` whose elements aren't written as pairs. The compiler would say so too, at every place where their type is needed.
fn check_pairs(returns: &Type) -> Result<()> {
    let list = type_argument(returns, "Result").unwrap_or_else(|| returns.clone());
    match type_argument(bare(&list), "Vec") {
        Some(element) if !matches!(bare(&element), Type::Tuple(pair) if pair.elems.len() == 2) => {
            let text = "each value comes with its key: return pairs, `Vec<(K, V)>`, or a map, `HashMap<K, V>`";
            Err(Error::new(element.span(), text))
        }
        _ => Ok(()),
    }
}

fn vec_element(ty: &Type) -> Option<Type> {
    type_argument(ty, "Vec")
}

/// The first type in the angle brackets of a type with this name.
fn type_argument(ty: &Type, name: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(element) => Some(element.clone()),
        _ => None,
    }
}

/// Copies of the other arguments, since the body may run several times.
fn copies(function: &Function, keys: &Ident) -> TokenStream {
    let others = function.arguments.iter().filter(|argument| argument.name != *keys);
    others
        .map(|Argument { name, ty, .. }| {
            quote_spanned!(ty.span()=> #[allow(unused_variables)] let #name = ::core::clone::Clone::clone(&#name);)
        })
        .collect()
}

/// Gives all borrowed arguments one lifetime, that of the returned call.
fn bind_lifetimes(signature: &mut Signature, call: &Lifetime) -> Result<()> {
    for argument in &mut signature.inputs {
        match argument {
            FnArg::Receiver(receiver) => match &mut receiver.kind {
                ReceiverKind::Reference(_, lifetime, None) => {
                    lifetime.get_or_insert_with(|| call.clone());
                }
                _ => return Err(Error::new(receiver.span(), "a method with `#[multi_cached]` takes `&self`")),
            },
            FnArg::Typed(typed) => Elided.visit_type_mut(&mut typed.ty),
        }
    }
    bound_types(signature, call);
    signature.generics.params.insert(0, parse_quote!(#call));
    Ok(())
}

/// Has all type parameters outlive the returned call.
fn bound_types(signature: &mut Signature, call: &Lifetime) {
    let mut clauses: Vec<WherePredicate> = Vec::new();
    for parameter in &mut signature.generics.params {
        match parameter {
            GenericParam::Lifetime(own) => own.bounds.push(call.clone()),
            // Where the parameter has its other bounds.
            GenericParam::Type(own) if !own.bounds.is_empty() => own.bounds.push(parse_quote!(#call)),
            GenericParam::Type(own) => {
                let name = &own.ident;
                clauses.push(parse_quote!(#name: #call));
            }
            GenericParam::Const(_) => {}
        }
    }
    if !clauses.is_empty() {
        signature.generics.make_where_clause().predicates.extend(clauses);
    }
}

/// Names the lifetimes that are left out.
struct Elided;

impl VisitMut for Elided {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        reference.lifetime.get_or_insert_with(|| Lifetime::new("'__call", Span::call_site()));
        visit_type_reference_mut(self, reference);
    }

    fn visit_type_impl_trait_mut(&mut self, hidden: &mut TypeImplTrait) {
        hidden.bounds.push(parse_quote!('__call));
        visit_type_impl_trait_mut(self, hidden);
    }

    /// The lifetimes in `Fn(&str)` are the caller's.
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}

    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = Lifetime::new("'__call", lifetime.span());
        }
    }
}
