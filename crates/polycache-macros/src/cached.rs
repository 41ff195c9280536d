//! `#[cached]` and `#[cached_stampede]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Result, Type};

use crate::borrowed;
use crate::function::{Function, located};
use crate::key;
use crate::options::Options;
use crate::tags::{Tags, tags};

/// Which of the two attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Cached,
    Stampede,
}

pub(crate) fn expand(options: TokenStream, item: TokenStream, kind: Kind) -> TokenStream {
    try_expand(options, item, kind).unwrap_or_else(|error| error.to_compile_error())
}

fn try_expand(options: TokenStream, item: TokenStream, kind: Kind) -> Result<TokenStream> {
    let (attribute, own): (_, &[&str]) = match kind {
        Kind::Cached => ("cached", &["cache_errors", "detached", "hard_timeout", "refresh_early", "soft_timeout"]),
        Kind::Stampede => {
            ("cached_stampede", &["cache_errors", "detached", "hard_timeout", "lease", "refresh_early", "soft_timeout"])
        }
    };
    let mut options = Options::parse(options, own)?;
    if kind == Kind::Stampede && options.lease.is_none() {
        options.lease = Some(quote!(::core::time::Duration::from_secs(2)));
    }
    let mut function = Function::parse(item, attribute)?;
    if options.detached.is_some() {
        borrowed::refuse(&function.item.sig.inputs, &function.item.block, None)?;
    }
    let shape = function.shape(&options);
    let library = &options.library;
    let key = key::display(&function, &options, None)?;
    let Cache { found, source } = cache(&options);
    let (lease, source) = match (&options.cache, &options.lease) {
        (Some(_), Some(lease)) => (quote!(.lease(#lease)), quote!(#library::Result<#library::Cache>)),
        _ => (TokenStream::new(), source),
    };
    let Tags { made, given } = tags(&function, &options, None, &quote!(<#shape as #library::functions::Shape>::Value))?;
    let (policy, checked) = (policy(&options, &function)?, function.checked(&options));
    let (bindings, body, returns) = (function.bindings(), &function.item.block, &function.returns);

    let (returning, statements) = (returning(returns), &body.stmts);
    let own = local("__call");
    let compute = if options.detached.is_some() { quote!(compute_detached) } else { quote!(compute) };
    let call = quote_spanned! {returns.span()=>
        #own.#compute::<#shape, _>(async move { #returning #bindings #(#statements)* }) #policy #given
    };
    let tells = tells(&options, &function);
    let block = quote!({
        #checked
        #tells
        #made
        let #own = #library::functions::CallBuilder::new(#found, #key) #lease;
        #call
    });
    // The `impl` has this crate's span, by whose edition it captures every lifetime.
    let future = match options.detached {
        None => quote!(impl ::core::future::Future<Output = #returns>),
        // It may outlive what the caller has borrowed, on another thread.
        Some(_) => quote!(impl ::core::future::Future<Output = #returns> + ::core::marker::Send + 'static),
    };
    let place = function.output_span();
    let (library, source) = (located(library.to_token_stream(), place), located(source, place));
    let detached = options.detached.map(|_| quote_spanned!(place=> , #library::Detached));
    let output = quote_spanned!(place=> -> #library::functions::CachedCall<#shape, #future, #source #detached>);
    function.item.block = syn::parse2(block)?;
    function.item.sig.output = syn::parse2(output)?;
    let item = function.item;
    Ok(quote!(#item))
}

/// Checks that the function's error has room for a hard timeout, if there is one.
pub(crate) fn tells(options: &Options, function: &Function) -> Option<TokenStream> {
    let (library, error) = (&options.library, function.error(options));
    let (span, _) = options.hard_timeout.as_ref()?;
    Some(quote_spanned!(*span=> #library::functions::probe::tells_timeout::<#error>();))
}

/// A variable of the expansion that can't be mistaken for an argument.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Tells the compiler the type that an async block returns, so that each `return` in it is coerced as in a function.
pub(crate) fn returning(returns: &Type) -> TokenStream {
    let never = local("__never");
    quote! {
        #[allow(unreachable_code, clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]
        if false {
            let #never: #returns = loop {};
            return #never;
        }
    }
}

/// The expression by which a call finds its cache, and its type.
pub(crate) struct Cache {
    pub(crate) found: TokenStream,
    pub(crate) source: TokenStream,
}

pub(crate) fn cache(options: &Options) -> Cache {
    let library = &options.library;
    if let Some(cache) = &options.cache {
        let mut found = match &options.grace {
            Some(grace) => quote_spanned!(cache.span()=> #library::Cache::with_grace(&#cache, #grace)),
            None => quote_spanned!(cache.span()=> <#library::Cache as ::core::clone::Clone>::clone(&#cache)),
        };
        if let Some(timeout) = &options.soft_timeout {
            found = quote!(#library::Cache::with_soft_timeout(&#found, #timeout));
        }
        if let Some((_, timeout)) = &options.hard_timeout {
            found = quote!(#library::Cache::with_hard_timeout(&#found, #timeout));
        }
        if let Some(part) = &options.refresh_early {
            found = quote!(#library::Cache::with_refresh_early(&#found, #part));
        }
        return Cache { found, source: quote!(#library::Cache) };
    }
    let lease = match &options.lease {
        Some(lease) => quote!(::core::option::Option::Some(#lease)),
        None => quote!(::core::option::Option::None),
    };
    let made = match (&options.url, &options.alias) {
        (Some(url), _) => quote!(url(#url, #lease)),
        (None, Some(alias)) => quote!(alias(#alias, #lease)),
        (None, None) => quote!(alias("default", #lease)),
    };
    let grace = options.grace.iter().map(|grace| quote!(.grace(#grace)));
    let soft = options.soft_timeout.iter().map(|timeout| quote!(.soft_timeout(#timeout)));
    let hard = options.hard_timeout.iter().map(|(_, timeout)| quote!(.hard_timeout(#timeout)));
    let early = options.refresh_early.iter().map(|part| quote!(.refresh_early(#part)));
    let found = quote!({
        static __CACHE: #library::functions::FunctionCache = #library::functions::FunctionCache::#made #(#grace)* #(#soft)* #(#hard)* #(#early)*;
        &__CACHE
    });
    Cache { found, source: quote!(&'static #library::functions::FunctionCache) }
}

/// The calls that tell a builder how errors are shared, the TTL, what isn't stored, and whether callers wait for that.
pub(crate) fn policy(options: &Options, function: &Function) -> Result<TokenStream> {
    let (place, error) = (function.output_span(), function.error(options));
    let library = located(options.library.to_token_stream(), place);
    let ttl = options.ttl()?.map(|ttl| quote_spanned!(ttl.span()=> .ttl(#ttl)));
    let ttl_from = options.ttl_from.as_ref().map(|from| quote_spanned!(from.span()=> .ttl_from(#from)));
    let write_behind = options.write_behind.map(|span| quote_spanned!(span=> .write_behind()));
    let skip_if = options.skip_if.as_ref().map(|skip| quote_spanned!(skip.span()=> .skip_if(#skip)));
    Ok(quote_spanned! {place=>
        .share_errors_by({
            use #library::functions::probe::{Made as _, Probe, Shared as _, SharedOrMade as _, Unshared as _};
            (&&&&Probe::<#error>::new()).share()
        })
        #ttl #ttl_from #skip_if #write_behind
    })
}
