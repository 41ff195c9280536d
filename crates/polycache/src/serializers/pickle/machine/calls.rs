//! Classes, functions and calls of them: a name each, and never more than a name.

use std::borrow::Cow;

use super::{Machine, Outcome};
use crate::serializers::pickle::opcodes::Op;
use crate::serializers::pickle::tree::{Id, Node};

impl<'a> Machine<'a> {
    /// Calls a global with a tuple of arguments: those calls that Python writes for plain data, without making them.
    pub(super) fn reduce(&mut self) -> Outcome<()> {
        let args = self.pop()?;
        let callee = self.pop()?;
        let (Node::Global { module, name }, Node::Tuple(args)) = (self.tree.node(callee), self.tree.node(args)) else {
            return self.fault("expected REDUCE to call a global with a tuple");
        };
        let (module, name) = (*module, *name);
        let text = |id| match self.tree.node(id) {
            Node::Str(text) => Some(&**text),
            _ => None,
        };
        let is_bytes = |id| matches!(self.tree.node(id), Node::Bytes(_) | Node::Latin1(_));
        let is_latin1 = |id| matches!(text(id), Some("latin1" | "latin-1"));

        let node = match (text(module), text(name), args.as_slice()) {
            (Some("builtins" | "__builtin__"), Some(builtin), args) => match (builtin, args) {
                ("set" | "frozenset" | "list", &[list]) if matches!(self.tree.node(list), Node::List(_)) => {
                    Node::Same(list)
                }
                ("bytes" | "bytearray", []) => Node::Bytes(Cow::Borrowed(b"")),
                ("bytearray", &[bytes]) if is_bytes(bytes) => Node::Same(bytes),
                ("bytearray", &[string, encoding]) if text(string).is_some() && is_latin1(encoding) => {
                    Node::Latin1(string)
                }
                _ => Node::Global { module, name },
            },
            (Some("_codecs"), Some("encode"), &[string, encoding]) if text(string).is_some() && is_latin1(encoding) => {
                Node::Latin1(string)
            }
            (Some("copyreg" | "copy_reg"), Some("_reconstructor"), &[_, _, state])
                if matches!(self.tree.node(state), Node::None) =>
            {
                Node::Dict(Vec::new())
            }
            _ => Node::Global { module, name },
        };
        self.push(node)
    }

    /// An instance, before its state comes. Where the class is called with arguments, they are state too, of a form
    /// that only the class knows: unless BUILD replaces it, the instance then reads as what it is, an object of that
    /// class.
    pub(super) fn new_object(&mut self, op: Op) -> Outcome<()> {
        let parts = self.pop_many(if op == Op::NEWOBJ { 2 } else { 3 })?;
        let is_bare = parts[1..].iter().all(|&part| match self.tree.node(part) {
            Node::Tuple(items) | Node::Dict(items) => items.is_empty(),
            _ => false,
        });
        self.push(if is_bare { Node::Dict(Vec::new()) } else { Node::Same(parts[0]) })
    }

    pub(super) fn global_name(&mut self, line: &'a [u8]) -> Outcome<Id> {
        match std::str::from_utf8(line) {
            Ok(name) => {
                let name = name.strip_suffix('\r').unwrap_or(name);
                self.add(Node::Str(Cow::Borrowed(name)))
            }
            Err(_) => self.fault("the name of a global isn't UTF-8"),
        }
    }
}
