//! The options in the parentheses of an attribute.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::token::Paren;
use syn::{Error, Expr, ExprLit, ExprPath, Ident, Lit, LitStr, Path, Result, Token, parenthesized, parse_quote};

use crate::literals::{bare, duration, duration_or_zero, literal, part};

/// The options of an attribute.
pub(crate) struct Options {
    /// The path of the library.
    pub(crate) library: Path,
    pub(crate) alias: Option<LitStr>,
    pub(crate) url: Option<LitStr>,
    pub(crate) cache: Option<Expr>,
    pub(crate) key: Option<LitStr>,
    pub(crate) key_builder: Option<Expr>,
    pub(crate) noself: Option<Span>,
    /// The arguments that are no part of the key.
    pub(crate) skip: Vec<Ident>,
    pub(crate) object: Option<Span>,
    pub(crate) write_behind: Option<Span>,
    pub(crate) ttl: Option<Expr>,
    pub(crate) ttl_from: Option<Expr>,
    pub(crate) skip_if: Option<Expr>,
    pub(crate) cache_errors: Option<Span>,
    pub(crate) lease: Option<TokenStream>,
    pub(crate) grace: Option<TokenStream>,
    pub(crate) soft_timeout: Option<TokenStream>,
    pub(crate) hard_timeout: Option<(Span, TokenStream)>,
    pub(crate) refresh_early: Option<TokenStream>,
    /// The computation goes on without its caller.
    pub(crate) detached: Option<Span>,
    pub(crate) keys: Option<Ident>,
    pub(crate) tags: Vec<LitStr>,
}

/// The options of all attributes.
const COMMON: [&str; 15] = [
    "alias",
    "cache",
    "crate",
    "grace",
    "key",
    "key_builder",
    "noself",
    "object",
    "skip",
    "skip_if",
    "tags",
    "ttl",
    "ttl_from",
    "url",
    "write_behind",
];

impl Options {
    /// Reads the options of an attribute that knows the common ones and `own`.
    pub(crate) fn parse(tokens: TokenStream, own: &[&str]) -> Result<Self> {
        let settings = syn::parse::Parser::parse2(Punctuated::<Setting, Token![,]>::parse_terminated, tokens)?;
        let mut known: Vec<&str> = COMMON.iter().chain(own).copied().collect();
        known.sort_unstable();
        let mut options = Self {
            library: parse_quote!(::polycache),
            alias: None,
            url: None,
            cache: None,
            key: None,
            key_builder: None,
            noself: None,
            skip: Vec::new(),
            object: None,
            write_behind: None,
            ttl: None,
            ttl_from: None,
            skip_if: None,
            cache_errors: None,
            lease: None,
            grace: None,
            soft_timeout: None,
            hard_timeout: None,
            refresh_early: None,
            detached: None,
            keys: None,
            tags: Vec::new(),
        };
        let mut seen: Vec<String> = Vec::new();
        for setting in settings {
            let name = setting.name.to_string();
            if !known.contains(&&*name) {
                return Err(unknown(&setting.name, &known));
            }
            if seen.contains(&name) {
                return Err(Error::new(setting.name.span(), format!("`{name}` is given twice")));
            }
            options.take(&name, &setting)?;
            seen.push(name);
        }
        options.check()?;
        Ok(options)
    }

    fn take(&mut self, name: &str, setting: &Setting) -> Result<()> {
        match name {
            "noself" => self.noself = Some(setting.flag()?),
            "skip" => self.skip = setting.names()?,
            "object" => self.object = Some(setting.flag()?),
            "write_behind" => self.write_behind = Some(setting.flag()?),
            "cache_errors" => self.cache_errors = Some(setting.flag()?),
            "alias" => self.alias = Some(setting.text()?),
            "url" => self.url = Some(setting.text()?),
            "key" => self.key = Some(setting.text()?),
            "cache" => self.cache = Some(setting.value()?),
            "key_builder" => self.key_builder = Some(setting.value()?),
            "ttl_from" => self.ttl_from = Some(setting.value()?),
            "skip_if" => self.skip_if = Some(setting.value()?),
            "ttl" => self.ttl = Some(setting.value()?),
            "lease" => self.lease = Some(duration(&setting.value()?, "a lease")?),
            "grace" => self.grace = Some(duration(&setting.value()?, "a grace")?),
            "soft_timeout" => {
                self.soft_timeout = Some(duration_or_zero(&setting.value()?, "a soft timeout")?);
                self.detached.get_or_insert(setting.name.span());
            }
            "hard_timeout" => {
                let value = setting.value()?;
                self.hard_timeout = Some((value.span(), duration(&value, "a hard timeout")?));
            }
            "refresh_early" => {
                self.refresh_early = Some(part(&setting.value()?)?);
                self.detached.get_or_insert(setting.name.span());
            }
            "detached" => self.detached = Some(setting.flag()?),
            "keys" => self.keys = Some(syn::parse2(bare(&setting.value()?).to_token_stream())?),
            "tags" => self.tags = setting.texts()?,
            "crate" => self.library = setting.path()?,
            _ => return Err(unknown(&setting.name, &COMMON)),
        }
        Ok(())
    }

    /// The TTL: a text, a number of seconds, or any expression.
    pub(crate) fn ttl(&self) -> Result<Option<TokenStream>> {
        let Some(value) = &self.ttl else {
            return Ok(None);
        };
        let library = &self.library;
        if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = bare(value)
            && text.value() == "never"
        {
            return Ok(Some(quote!(#library::Ttl::Never)));
        }
        Ok(Some(match literal(value)? {
            Some(duration) => quote!(#library::Ttl::After(#duration)),
            None => value.to_token_stream(),
        }))
    }

    fn check(&self) -> Result<()> {
        let cache = self.cache.as_ref().map(Spanned::span);
        let caches = [self.alias.as_ref().map(LitStr::span), self.url.as_ref().map(LitStr::span), cache];
        if let Some(second) = caches.into_iter().flatten().nth(1) {
            return Err(Error::new(second, "the cache is named twice: keep one of `alias`, `url` and `cache`"));
        }
        if let (Some(_), Some(builder)) = (&self.key, &self.key_builder) {
            return Err(Error::new(builder.span(), "the key is told twice: keep one of `key` and `key_builder`"));
        }
        if let (Some(_), Some(skipped)) = (&self.key, self.skip.first()) {
            let text =
                "`skip` is for keys made of all arguments: a `key` has only what it names, so leave one of the two out";
            return Err(Error::new(skipped.span(), text));
        }
        if let (Some(_), Some(from)) = (&self.ttl, &self.ttl_from) {
            return Err(Error::new(from.span(), "the TTL is told twice: keep one of `ttl` and `ttl_from`"));
        }
        Ok(())
    }
}

/// `name`, `name = value` or `name(arguments)`.
struct Setting {
    name: Ident,
    value: Option<Expr>,
    names: Option<Vec<Ident>>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Lit) {
            return Err(input.error("an option is `name = value`, as in `ttl = \"60s\"`"));
        }
        let name = input.call(Ident::parse_any)?;
        let mut names = None;
        if input.peek(Paren) {
            let inner;
            parenthesized!(inner in input);
            if name != "skip" {
                return Err(Error::new(name.span(), format!("`{name}` takes no parentheses")));
            }
            names = Some(Punctuated::<Ident, Token![,]>::parse_terminated_with(&inner, Ident::parse_any)?);
        }
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Self { name, value, names: names.map(|names| names.into_iter().collect()) })
    }
}

impl Setting {
    fn flag(&self) -> Result<Span> {
        match &self.value {
            None => Ok(self.name.span()),
            Some(value) => Err(Error::new(value.span(), format!("`{}` takes no value", self.name))),
        }
    }

    fn names(&self) -> Result<Vec<Ident>> {
        match (&self.names, &self.value) {
            (Some(names), None) if !names.is_empty() => Ok(names.clone()),
            _ => Err(Error::new(self.name.span(), "`skip` names arguments in parentheses, as in `skip(db)`")),
        }
    }

    fn value(&self) -> Result<Expr> {
        self.value
            .clone()
            .ok_or_else(|| Error::new(self.name.span(), format!("`{}` needs a value: `{} = …`", self.name, self.name)))
    }

    fn text(&self) -> Result<LitStr> {
        match bare(&self.value()?) {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
            other => Err(Error::new(other.span(), format!("`{}` is a text in quotes", self.name))),
        }
    }

    fn texts(&self) -> Result<Vec<LitStr>> {
        let wrong =
            |span| Error::new(span, format!("`{}` is a list of texts, as in `{0} = [\"user:{{id}}\"]`", self.name));
        let value = self.value()?;
        let Expr::Array(list) = bare(&value) else { return Err(wrong(value.span())) };
        let text = |element: &Expr| match bare(element) {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
            other => Err(wrong(other.span())),
        };
        list.elems.iter().map(text).collect()
    }

    fn path(&self) -> Result<Path> {
        match bare(&self.value()?) {
            Expr::Path(ExprPath { qself: None, path, .. }) => Ok(path.clone()),
            other => Err(Error::new(other.span(), format!("`{}` is a path, as in `{0} = renamed`", self.name))),
        }
    }
}

fn unknown(name: &Ident, known: &[&str]) -> Error {
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(&name.to_string(), known), known)).min();
    let meant = near.filter(|(distance, _)| *distance <= 2).map(|(_, near)| format!("; did you mean `{near}`?"));
    let text = format!("there is no option `{name}`{}; known are {}", meant.unwrap_or_default(), known.join(", "));
    Error::new(name.span(), text)
}
