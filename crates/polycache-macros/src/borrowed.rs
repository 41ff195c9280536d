//! What a computation that goes on without its caller can't use: what the caller has lent.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Error, ExprPath, FnArg, Item, Lifetime, Pat, PatIdent, Receiver, ReceiverKind, Result, Type};

use crate::function::bare;

/// Refuses an argument that is borrowed and that the body uses, but for the `keys`. The compiler does so too, without saying why, and it
/// does so for whatever is overlooked here: what a macro in the body uses, and names that are bound once more.
pub(crate) fn refuse<'a>(
    arguments: impl IntoIterator<Item = &'a FnArg>,
    body: &Block,
    keys: Option<&Ident>,
) -> Result<()> {
    for argument in arguments {
        let (name, instead) = match argument {
            FnArg::Receiver(own) if is_lent(own) => ("self".to_owned(), "take `self: Arc<Self>`".to_owned()),
            FnArg::Typed(typed) if lends(&typed.ty) => match &*typed.pat {
                Pat::Ident(named) if keys != Some(&named.ident) => {
                    (named.ident.to_string(), format!("take `{}` by value, or as an `Arc`", named.ident))
                }
                _ => continue,
            },
            _ => continue,
        };
        let mut uses = Uses { name: &name, found: false, is_bound_again: false };
        uses.visit_block_mut(&mut body.clone());
        if uses.found && !uses.is_bound_again {
            let text = format!(
                "with `detached`, `soft_timeout` or `refresh_early` the computation may go on without its caller, and can't borrow from it: {instead}"
            );
            return Err(Error::new(argument.span(), text));
        }
    }
    Ok(())
}

fn is_lent(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, _) => !is_static(lifetime.as_ref()),
        ReceiverKind::Typed(_, ty) => lends(ty),
        _ => false,
    }
}

fn lends(ty: &Type) -> bool {
    matches!(bare(ty), Type::Reference(reference) if !is_static(reference.lifetime.as_ref()))
}

fn is_static(lifetime: Option<&Lifetime>) -> bool {
    lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

/// Looks for a name in a body.
struct Uses<'a> {
    name: &'a str,
    found: bool,
    is_bound_again: bool,
}

impl VisitMut for Uses<'_> {
    fn visit_expr_path_mut(&mut self, path: &mut ExprPath) {
        self.found |= path.path.is_ident(self.name);
    }

    fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
        self.is_bound_again |= pattern.ident == self.name;
        visit_mut::visit_pat_ident_mut(self, pattern);
    }

    /// An item has names of its own.
    fn visit_item_mut(&mut self, _: &mut Item) {}
}
