//! The text of a scalar, or the news that the value isn't one.

use std::fmt::{self, Display};
use std::io::Write as _;

use serde_core::ser::{self, Impossible};

use crate::Result;
use crate::serializers::{encode_error, json};

pub(super) fn append(value: &dyn erased_serde::Serialize, out: &mut Vec<u8>) -> Result<()> {
    match erased_serde::serialize(value, Scalar(out)) {
        Ok(()) => Ok(()),
        Err(Unfit::Compound) => json::write(value, out).map_err(|error| encode_error("text", error)),
        Err(Unfit::Refused(reason)) => Err(encode_error("text", reason)),
    }
}

/// Appends the text of a scalar.
struct Scalar<'a>(&'a mut Vec<u8>);

impl Scalar<'_> {
    fn put(self, text: fmt::Arguments<'_>) -> Result<(), Unfit> {
        self.0.write_fmt(text).map_err(ser::Error::custom)
    }
}

#[derive(Debug)]
enum Unfit {
    Compound,
    Refused(String),
}

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compound => "not a scalar",
            Self::Refused(reason) => reason,
        })
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: Display>(reason: T) -> Self {
        Self::Refused(reason.to_string())
    }
}

fn nothing<T>() -> Result<T, Unfit> {
    Err(Unfit::Refused("None and () have no text of their own; use the json serializer".to_owned()))
}

macro_rules! as_displayed {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), Unfit> {
            self.put(format_args!("{value}"))
        }
    )*};
}

impl ser::Serializer for Scalar<'_> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Impossible<(), Unfit>;
    type SerializeTuple = Impossible<(), Unfit>;
    type SerializeTupleStruct = Impossible<(), Unfit>;
    type SerializeTupleVariant = Impossible<(), Unfit>;
    type SerializeMap = Impossible<(), Unfit>;
    type SerializeStruct = Impossible<(), Unfit>;
    type SerializeStructVariant = Impossible<(), Unfit>;

    as_displayed!(
        serialize_bool: bool, serialize_char: char,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    );

    fn serialize_str(self, text: &str) -> Result<(), Unfit> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    // Debug writes 1e300, where Display writes 301 digits, and 1.0, which still looks like a float.
    fn serialize_f32(self, value: f32) -> Result<(), Unfit> {
        self.put(format_args!("{value:?}"))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unfit> {
        self.put(format_args!("{value:?}"))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Unfit> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.serialize_str(text),
            Err(error) => Err(Unfit::Refused(format!(
                "bytes must be UTF-8, and byte {} isn't; use the msgpack serializer",
                error.valid_up_to()
            ))),
        }
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        nothing()
    }

    fn serialize_unit(self) -> Result<(), Unfit> {
        nothing()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Unfit> {
        nothing()
    }

    fn serialize_some<T: ser::Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: ser::Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), Unfit> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_variant<T: ser::Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), Unfit> {
        Err(Unfit::Compound)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, Unfit> {
        Err(Unfit::Compound)
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, Unfit> {
        Err(Unfit::Compound)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeTupleStruct, Unfit> {
        Err(Unfit::Compound)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, Unfit> {
        Err(Unfit::Compound)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Unfit> {
        Err(Unfit::Compound)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeStruct, Unfit> {
        Err(Unfit::Compound)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, Unfit> {
        Err(Unfit::Compound)
    }
}
