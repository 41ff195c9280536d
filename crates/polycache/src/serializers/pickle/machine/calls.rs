//! Classes, functions and calls of them: a name each, and never more than a name.
//!
//! An object that isn't plain data is a [`Node::Global`], whatever is done to it: reading it is an error that names it.

use std::borrow::Cow;

use super::{Machine, Outcome};
use crate::serializers::pickle::opcodes::Op;
use crate::serializers::pickle::tree::{Id, Node};

impl<'a> Machine<'a> {
    /// Calls a global with a tuple of arguments. Only calls that Python writes for plain data give a value, and even they aren't made.
    pub(super) fn reduce(&mut self) -> Outcome<()> {
        let args = self.pop()?;
        let callee = self.pop()?;
        let (Node::Global { module, name }, Node::Tuple(args)) = (self.tree.node(callee), self.tree.node(args)) else {
            return self.fault("expected REDUCE to call a global with a tuple");
        };
        let (module, name) = (*module, *name);
        let text = |id| self.text(id);
        let is_bytes = |id| matches!(self.tree.node(id), Node::Bytes(_) | Node::Latin1(_));
        let is_latin1 = |id| matches!(text(id), Some("latin1" | "latin-1"));
        let is_list = |id| matches!(self.tree.node(id), Node::List(_));
        let is_dict = |id| matches!(self.tree.node(id), Node::Dict(_));

        let node = match (text(module), text(name), args.as_slice()) {
            (Some("builtins" | "__builtin__"), Some(builtin), args) => match (builtin, args) {
                ("set" | "frozenset" | "list", &[list]) if is_list(list) => Node::Same(list),
                ("bytes" | "bytearray", []) => Node::Bytes(Cow::Borrowed(b"")),
                ("bytearray", &[bytes]) if is_bytes(bytes) => Node::Same(bytes),
                ("bytearray", &[string, encoding]) if text(string).is_some() && is_latin1(encoding) => {
                    Node::Latin1(string)
                }
                ("getattr", &[outer, inner]) => match self.tree.node(outer) {
                    Node::Global { name: outer, .. } => Node::Global { module: *outer, name: inner },
                    _ => Node::Global { module, name },
                },
                _ => Node::Global { module, name },
            },
            (Some("_codecs"), Some("encode"), &[string, encoding]) if text(string).is_some() && is_latin1(encoding) => {
                Node::Latin1(string)
            }
            (Some("copyreg" | "copy_reg"), Some("_reconstructor"), &[class, base, state]) => {
                return match (self.tree.node(base), self.tree.node(state)) {
                    (_, Node::None) => self.instance(class, Node::Dict(Vec::new())),
                    (Node::Global { name: base, .. }, _)
                        if (text(*base) == Some("dict") && is_dict(state))
                            || (text(*base) == Some("list") && is_list(state)) =>
                    {
                        self.instance(class, Node::Same(state))
                    }
                    _ => self.object_of(class),
                };
            }
            (Some("collections"), Some("OrderedDict"), []) | (Some("collections"), Some("defaultdict"), [] | [_]) => {
                return self.instance(callee, Node::Dict(Vec::new()));
            }
            (Some("collections"), Some("Counter"), &[counts]) if is_dict(counts) => {
                return self.instance(callee, Node::Same(counts));
            }
            (Some("collections"), Some("deque"), [] | [_, _]) => {
                return self.instance(callee, Node::List(Vec::new()));
            }
            _ => Node::Global { module, name },
        };
        self.push(node)
    }

    /// An instance, before its state comes. If the class is called with arguments, they are state too, of a form that only the class
    /// knows.
    pub(super) fn new_object(&mut self, op: Op) -> Outcome<()> {
        let parts = self.pop_many(if op == Op::NEWOBJ { 2 } else { 3 })?;
        let is_bare = parts[1..].iter().all(|&part| match self.tree.node(part) {
            Node::Tuple(items) | Node::Dict(items) => items.is_empty(),
            _ => false,
        });
        if is_bare { self.instance(parts[0], Node::Dict(Vec::new())) } else { self.object_of(parts[0]) }
    }

    /// As [`Self::new_object`], for the protocols of Python 2: the class, then its arguments.
    pub(super) fn old_object(&mut self, class: Id, args: &[Id]) -> Outcome<()> {
        if args.is_empty() { self.instance(class, Node::Dict(Vec::new())) } else { self.object_of(class) }
    }

    fn instance(&mut self, class: Id, node: Node<'a>) -> Outcome<()> {
        let id = self.add(node)?;
        self.instances.push((id, class));
        self.stack.push(id);
        Ok(())
    }

    /// An object that only its class knows.
    fn object_of(&mut self, class: Id) -> Outcome<()> {
        let object = self.unknown(class);
        self.push(object)
    }

    fn unknown(&self, class: Id) -> Node<'a> {
        match self.tree.node(class) {
            Node::Global { module, name } => Node::Global { module: *module, name: *name },
            // Not a class at all. Its name, which isn't one, is shown as `?`.
            _ => Node::Global { module: class, name: class },
        }
    }

    /// Gives an object its state: its attributes, by name.
    pub(super) fn build_object(&mut self) -> Outcome<()> {
        let state = self.pop()?;
        let object = self.pop()?;
        self.stack.push(object);
        if matches!(self.tree.node(object), Node::Global { .. }) {
            return Ok(());
        }
        // The instances are in the order of their numbers.
        let Ok(found) = self.instances.binary_search_by_key(&object, |&(id, _)| id) else {
            return self.fault("BUILD doesn't fit what it is applied to");
        };
        let class = self.instances[found].1;
        let has_items = match self.tree.node(object) {
            Node::Dict(items) | Node::List(items) => !items.is_empty(),
            _ => true,
        };
        let node = match self.attributes(state) {
            // Not even an attribute.
            Some(attributes) if has_items && self.is_empty(attributes) => return Ok(()),
            Some(attributes) if !has_items => self.uuid(class, attributes).unwrap_or(Node::Same(attributes)),
            _ => self.unknown(class),
        };
        // In place: the memo may refer to the object.
        *self.tree.node_mut(object) = node;
        Ok(())
    }

    /// The dict of an instance's attributes: all of its state, or (for a class with slots) the second of two dicts, the first of which is
    /// empty.
    fn attributes(&self, state: Id) -> Option<Id> {
        match self.tree.node(state) {
            Node::Dict(_) => Some(state),
            Node::Tuple(parts) => match parts.as_slice() {
                &[dict, slots] if matches!(self.tree.node(slots), Node::Dict(_)) => match self.tree.node(dict) {
                    Node::None => Some(slots),
                    Node::Dict(_) if self.is_empty(dict) => Some(slots),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    fn is_empty(&self, dict: Id) -> bool {
        matches!(self.tree.node(dict), Node::Dict(items) if items.is_empty())
    }

    /// A UUID, as the text that Python and the crate `uuid` write.
    fn uuid(&self, class: Id, attributes: Id) -> Option<Node<'a>> {
        let (Node::Global { module, name }, Node::Dict(items)) = (self.tree.node(class), self.tree.node(attributes))
        else {
            return None;
        };
        let (Some("uuid"), Some("UUID"), &[key, number]) = (self.text(*module), self.text(*name), items.as_slice())
        else {
            return None;
        };
        let (Some("int"), Some(number)) = (self.text(key), self.tree.unsigned(number)) else {
            return None;
        };
        let hex = format!("{number:032x}");
        let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Some(Node::Str(Cow::Owned(groups.join("-"))))
    }

    fn text(&self, id: Id) -> Option<&str> {
        match self.tree.node(id) {
            Node::Str(text) => Some(text),
            _ => None,
        }
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
