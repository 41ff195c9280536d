//! The values of a pickle, and serde's walk over them.
//!
//! The nodes may share parts and even contain themselves (`a = []; a.append(a)`), so the walk must be bounded:
//! - nesting, at [`MAX_DEPTH`]: a cycle ends there;
//! - the sum of what it hands out, at [`RATIO`] times the input and an [`ALLOWANCE`]. A node counts [`NODE`] bytes and its text, about
//!   what a caller's value takes. So unshared data never comes near the limit: a node takes at least a byte of input. Neither does the
//!   sharing that Python does by itself, of short strings such as the keys of dicts: a reference takes two bytes, which pay for a string
//!   of 224. The limit refuses a few large parts that are referred to very often; 200 bytes can ask for 2 to the power of 30 nodes that
//!   way.

use std::borrow::Cow;
use std::cell::Cell;

use serde_core::de::value::{Error, SeqDeserializer, StrDeserializer};
use serde_core::de::{self, DeserializeSeed, Deserializer, Error as _, Unexpected, Visitor};
use serde_core::forward_to_deserialize_any;

use crate::serializers::MAX_DEPTH;

const NODE: usize = 32;
const RATIO: usize = 128;
const ALLOWANCE: usize = 4 << 20;

const _: () = assert!(size_of::<Node<'_>>() == NODE, "the comment above and the one in `machine` count on it");

/// The number of a node.
pub(super) type Id = u32;

pub(super) enum Node<'a> {
    None,
    Bool(bool),
    Int(i128),
    /// An integer beyond those of `Int`.
    Unsigned(u128),
    /// An integer beyond 128 bits: fine as long as nobody reads it.
    HugeInt,
    Float(f64),
    Str(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// The bytes whose values are the characters of this string.
    Latin1(Id),
    /// A list, set or frozenset.
    List(Vec<Id>),
    Tuple(Vec<Id>),
    /// Key, value, key, value; or an instance whose state hasn't come.
    Dict(Vec<Id>),
    /// The same as another node: the state of an instance, or the list that became a set.
    Same(Id),
    /// A class or function, or the result of calling it that isn't plain data. Both ids are of strings, unless the pickle is malformed.
    Global {
        module: Id,
        name: Id,
    },
}

pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    places: Vec<usize>,
    root: Id,
    last: Cell<Id>,
    left: Cell<usize>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(input_length: usize) -> Self {
        Self {
            nodes: Vec::new(),
            places: Vec::new(),
            root: 0,
            last: Cell::new(0),
            left: Cell::new(input_length.saturating_mul(RATIO).saturating_add(ALLOWANCE)),
        }
    }

    /// Adds a node that the opcode at byte `place` made; `None` when the numbers run out.
    pub(super) fn add(&mut self, node: Node<'a>, place: usize) -> Option<Id> {
        let id = Id::try_from(self.nodes.len()).ok()?;
        self.nodes.push(node);
        self.places.push(place);
        Some(id)
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id as usize]
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node<'a> {
        &mut self.nodes[id as usize]
    }

    pub(super) fn set_root(&mut self, root: Id) {
        self.root = root;
        self.last.set(root);
    }

    pub(super) fn root(&self) -> Item<'_> {
        Item { tree: self, id: self.root, depth: 0 }
    }

    /// The place in the pickle of the node that was walked to last.
    pub(super) fn last_place(&self) -> usize {
        self.places.get(self.last.get() as usize).copied().unwrap_or(0)
    }

    /// An integer that isn't negative.
    pub(super) fn unsigned(&self, id: Id) -> Option<u128> {
        match self.node(id) {
            Node::Int(number) => u128::try_from(*number).ok(),
            Node::Unsigned(number) => Some(*number),
            _ => None,
        }
    }

    fn text(&self, id: Id) -> &str {
        match self.node(id) {
            Node::Str(text) => text,
            _ => "?",
        }
    }
}

/// A node, with the way that led to it.
#[derive(Clone, Copy)]
pub(super) struct Item<'de> {
    tree: &'de Tree<'de>,
    id: Id,
    depth: usize,
}

impl<'de> Item<'de> {
    fn node(self) -> Result<&'de Node<'de>, Error> {
        // An honest instance is one step away from its state, and so is a set that was made from a list.
        const STEPS: usize = 4;

        self.tree.last.set(self.id);
        let mut node = self.tree.node(self.id);
        for _ in 0..STEPS {
            match node {
                Node::Same(id) => node = self.tree.node(*id),
                _ => return Ok(node),
            }
        }
        Err(endless())
    }

    fn charge(self, text: usize) -> Result<(), Error> {
        match self.tree.left.get().checked_sub(NODE + text) {
            Some(left) => {
                self.tree.left.set(left);
                Ok(())
            }
            None => {
                Err(Error::custom("its parts are shared so often that the value is out of proportion to the pickle"))
            }
        }
    }

    fn children(self, ids: &'de [Id]) -> Result<Children<'de>, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::custom(format_args!("nested deeper than {MAX_DEPTH}, or within itself")));
        }
        Ok(Children { tree: self.tree, ids: ids.iter(), depth: self.depth + 1 })
    }

    fn latin1(self, string: Id) -> Result<Vec<u8>, Error> {
        let text = self.tree.text(string);
        self.charge(text.len())?;
        text.chars()
            .map(|character| u8::try_from(character).map_err(|_| Error::custom("bytes are numbers up to 255")))
            .collect()
    }

    /// The walk of a container. `bytes` says how bytes are visited: as bytes, or as a sequence of numbers.
    fn walk<V: Visitor<'de>>(
        self,
        visitor: V,
        bytes: impl FnOnce(V, Cow<'de, [u8]>) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        let node = self.node()?;
        match node {
            Node::Str(text) => self.charge(text.len())?,
            Node::Bytes(data) => self.charge(data.len())?,
            _ => self.charge(0)?,
        }
        match node {
            Node::None => visitor.visit_unit(),
            Node::Bool(bool) => visitor.visit_bool(*bool),
            Node::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => visitor.visit_i64(number),
                (_, Ok(number)) => visitor.visit_u64(number),
                _ => visitor.visit_i128(*number),
            },
            Node::Unsigned(number) => visitor.visit_u128(*number),
            Node::HugeInt => Err(Error::custom("an integer beyond 128 bits has no type in Rust")),
            Node::Float(float) => visitor.visit_f64(*float),
            Node::Str(text) => visitor.visit_borrowed_str(text),
            Node::Bytes(data) => bytes(visitor, Cow::Borrowed(data)),
            Node::Latin1(string) => bytes(visitor, Cow::Owned(self.latin1(*string)?)),
            Node::List(ids) | Node::Tuple(ids) => visitor.visit_seq(self.children(ids)?),
            Node::Dict(ids) => visitor.visit_map(self.children(ids)?),
            Node::Global { module, name } => Err(Error::custom(format_args!(
                "expected plain data, found the Python object {}.{}",
                super::super::shorten(self.tree.text(*module)),
                super::super::shorten(self.tree.text(*name)),
            ))),
            Node::Same(_) => Err(endless()),
        }
    }
}

#[cold]
fn endless() -> Error {
    Error::custom("objects stand for one another without end")
}

impl<'de> Deserializer<'de> for Item<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.walk(visitor, |visitor, bytes| match bytes {
            Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.walk(visitor, |visitor, bytes| visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node()? {
            Node::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.node()? {
            Node::Str(variant) => {
                self.charge(variant.len())?;
                visitor.visit_enum(StrDeserializer::new(variant))
            }
            Node::Dict(ids) if ids.len() == 2 => {
                self.charge(0)?;
                visitor.visit_enum(self.children(ids)?)
            }
            _ => Err(Error::custom("expected an enum: a variant's name, or a dict {variant: content}")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple_struct map struct identifier ignored_any
    }
}

/// The items of a container, one after another; of a dict, its keys and values in turn.
struct Children<'de> {
    tree: &'de Tree<'de>,
    ids: std::slice::Iter<'de, Id>,
    depth: usize,
}

impl<'de> Children<'de> {
    fn next(&mut self) -> Option<Item<'de>> {
        self.ids.next().map(|&id| Item { tree: self.tree, id, depth: self.depth })
    }

    fn expect_next(&mut self) -> Result<Item<'de>, Error> {
        self.next().ok_or_else(|| Error::custom("expected a value after the key"))
    }
}

impl<'de> de::SeqAccess<'de> for Children<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.next().map(|item| seed.deserialize(item)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.ids.len())
    }
}

impl<'de> de::MapAccess<'de> for Children<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.next().map(|item| seed.deserialize(item)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.expect_next()?)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.ids.len() / 2)
    }
}

impl<'de> de::EnumAccess<'de> for Children<'de> {
    type Error = Error;
    type Variant = Item<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Item<'de>), Error> {
        let variant = seed.deserialize(self.expect_next()?)?;
        Ok((variant, self.expect_next()?))
    }
}

impl<'de> de::VariantAccess<'de> for Item<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.node()? {
            Node::None => Ok(()),
            _ => Err(Error::invalid_type(Unexpected::Other("content"), &"a unit variant")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }
}
