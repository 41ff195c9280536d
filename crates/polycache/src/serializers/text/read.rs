//! One scalar, parsed from the whole of a text.

use serde_core::de::value::{BorrowedStrDeserializer, Error};
use serde_core::de::{Deserializer, Error as _, Visitor};

pub(super) struct WholeText<'de>(pub(super) &'de str);

impl<'de> WholeText<'de> {
    fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, Error> {
        self.0.parse().map_err(|_| self.isnt(what))
    }

    #[cold]
    fn isnt(&self, what: &str) -> Error {
        Error::custom(format_args!("expected {what}, found the text {:?}", super::super::shorten(self.0)))
    }

    #[cold]
    fn compound(&self, what: &str) -> Error {
        Error::custom(format_args!(
            "expected {what}, but the text serializer holds text; read it as String, or use the json serializer"
        ))
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $what:literal),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.parse($what)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for WholeText<'de> {
    type Error = Error;

    parsed!(
        deserialize_bool visit_bool "true or false",
        deserialize_i8 visit_i8 "an i8",
        deserialize_i16 visit_i16 "an i16",
        deserialize_i32 visit_i32 "an i32",
        deserialize_i64 visit_i64 "an i64",
        deserialize_i128 visit_i128 "an i128",
        deserialize_u8 visit_u8 "a u8",
        deserialize_u16 visit_u16 "a u16",
        deserialize_u32 visit_u32 "a u32",
        deserialize_u64 visit_u64 "a u64",
        deserialize_u128 visit_u128 "a u128",
        deserialize_f32 visit_f32 "an f32",
        deserialize_f64 visit_f64 "an f64",
        deserialize_char visit_char "one character",
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.0.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.0.as_bytes())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
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
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(self.isnt("()"))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, _visitor: V) -> Result<V::Value, Error> {
        Err(self.isnt(name))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(self.compound("a sequence"))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value, Error> {
        Err(self.compound("a tuple"))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, Error> {
        Err(self.compound(name))
    }

    fn deserialize_map<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(self.compound("a map"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        Err(self.compound(name))
    }
}
