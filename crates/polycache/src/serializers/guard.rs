//! Refuses, while a value is written, parts that couldn't be read back.
//!
//! A format's own writer takes more than its reader gives back. Between the value and that writer stands a [`Guarded`], which hands on
//! everything else. It is a few words around the writer, and the compiler sees through it.

use std::fmt::Display;
use std::marker::PhantomData;

use serde_core::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The limits of a format.
pub(super) trait Rules {
    /// The deepest nesting that its reader follows.
    const MAX_DEPTH: usize;
    /// Whether it has floats that aren't finite.
    const HAS_NAN: bool;
    /// Whether the count of items that a value announces is written, and believed by the reader.
    const IS_COUNTED: bool;

    /// An integer that is neither an `i64` nor a `u64`.
    fn large<S: Serializer>(serializer: S, number: Large) -> Result<S::Ok, S::Error>;
}

#[derive(Clone, Copy)]
pub(super) enum Large {
    Signed(i128),
    Unsigned(u128),
}

/// A serializer that obeys the rules.
pub(super) struct Guarded<S, R> {
    inner: S,
    depth: usize,
    rules: PhantomData<R>,
}

impl<S, R> Guarded<S, R> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner, depth: 0, rules: PhantomData }
    }
}

/// A part of a value, under the same rules.
struct Part<'a, T: ?Sized, R> {
    value: &'a T,
    depth: usize,
    rules: PhantomData<R>,
}

impl<T: Serialize + ?Sized, R: Rules> Serialize for Part<'_, T, R> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guarded::<S, R> { inner: serializer, depth: self.depth, rules: PhantomData })
    }
}

/// A container whose parts come one by one.
pub(super) struct Container<C, R> {
    inner: C,
    depth: usize,
    /// How many of the announced items are still to come, if a number was announced.
    left: Option<usize>,
    rules: PhantomData<R>,
}

#[cold]
fn refused<E: Error>(reason: impl Display) -> E {
    E::custom(reason)
}

impl<S: Serializer, R: Rules> Guarded<S, R> {
    /// The part inside of this many more containers.
    #[inline]
    fn part<T: ?Sized>(value: &T, depth: usize) -> Result<Part<'_, T, R>, S::Error> {
        if depth > R::MAX_DEPTH {
            return Err(refused(format_args!(
                "it is nested deeper than {}, and couldn't be read back; store its parts under keys of their own",
                R::MAX_DEPTH
            )));
        }
        Ok(Part { value, depth, rules: PhantomData })
    }

    #[inline]
    fn open<C>(
        self,
        levels: usize,
        left: Option<usize>,
        begin: impl FnOnce(S) -> Result<C, S::Error>,
    ) -> Result<Container<C, R>, S::Error> {
        let Part { depth, .. } = Self::part(&(), self.depth + levels)?;
        Ok(Container { inner: begin(self.inner)?, depth, left, rules: PhantomData })
    }

    #[inline]
    fn finite(is_finite: bool, float: impl Display) -> Result<(), S::Error> {
        if is_finite || R::HAS_NAN {
            return Ok(());
        }
        Err(refused(format_args!(
            "JSON has no number for {float}; use the msgpack or the pickle serializer, or an Option that is None"
        )))
    }
}

impl<C, R: Rules> Container<C, R> {
    #[inline]
    fn item<'a, T: ?Sized, E: Error>(&mut self, value: &'a T) -> Result<Part<'a, T, R>, E> {
        if R::IS_COUNTED
            && let Some(left) = &mut self.left
        {
            *left = left.checked_sub(1).ok_or_else(miscounted)?;
        }
        Ok(self.within(value))
    }

    #[inline]
    fn within<'a, T: ?Sized>(&self, value: &'a T) -> Part<'a, T, R> {
        Part { value, depth: self.depth, rules: PhantomData }
    }

    #[inline]
    fn close<E: Error>(self) -> Result<C, E> {
        if R::IS_COUNTED && self.left.is_some_and(|left| left > 0) {
            return Err(miscounted());
        }
        Ok(self.inner)
    }
}

#[cold]
fn miscounted<E: Error>() -> E {
    E::custom("its implementation of Serialize announces another number of items than it has")
}

macro_rules! forward {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $method(self, $($name: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )*};
}

impl<S: Serializer, R: Rules> Serializer for Guarded<S, R> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Container<S::SerializeSeq, R>;
    type SerializeTuple = Container<S::SerializeTuple, R>;
    type SerializeTupleStruct = Container<S::SerializeTupleStruct, R>;
    type SerializeTupleVariant = Container<S::SerializeTupleVariant, R>;
    type SerializeMap = Container<S::SerializeMap, R>;
    type SerializeStruct = Container<S::SerializeStruct, R>;
    type SerializeStructVariant = Container<S::SerializeStructVariant, R>;

    forward! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    #[inline]
    fn serialize_f32(self, float: f32) -> Result<S::Ok, S::Error> {
        Self::finite(float.is_finite(), float)?;
        self.inner.serialize_f32(float)
    }

    #[inline]
    fn serialize_f64(self, float: f64) -> Result<S::Ok, S::Error> {
        Self::finite(float.is_finite(), float)?;
        self.inner.serialize_f64(float)
    }

    fn serialize_i128(self, number: i128) -> Result<S::Ok, S::Error> {
        match i64::try_from(number) {
            Ok(number) => self.inner.serialize_i64(number),
            Err(_) => match u64::try_from(number) {
                Ok(number) => self.inner.serialize_u64(number),
                Err(_) => R::large(self.inner, Large::Signed(number)),
            },
        }
    }

    fn serialize_u128(self, number: u128) -> Result<S::Ok, S::Error> {
        match u64::try_from(number) {
            Ok(number) => self.inner.serialize_u64(number),
            Err(_) => R::large(self.inner, Large::Unsigned(number)),
        }
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Self::part(value, self.depth)?)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &Self::part(value, self.depth)?)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_variant(name, index, variant, &Self::part(value, self.depth + 1)?)
    }

    // If the count isn't believed it isn't announced either: after a count of zero, a writer has closed the container before the first
    // item.
    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let len = len.filter(|_| R::IS_COUNTED);
        self.open(1, len, |inner| inner.serialize_seq(len))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.open(1, Some(len), |inner| inner.serialize_tuple(len))
    }

    #[inline]
    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.open(1, Some(len), |inner| inner.serialize_tuple_struct(name, len))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.open(2, Some(len), |inner| inner.serialize_tuple_variant(name, index, variant, len))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let len = len.filter(|_| R::IS_COUNTED);
        self.open(1, len, |inner| inner.serialize_map(len))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.open(1, Some(len), |inner| inner.serialize_struct(name, len))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.open(2, Some(len), |inner| inner.serialize_struct_variant(name, index, variant, len))
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! container {
    ($($trait:ident $method:ident($($key:ident: $type:ty)?);)*) => {$(
        impl<C: $trait, R: Rules> $trait for Container<C, R> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, $($key: $type,)? value: &T) -> Result<(), C::Error> {
                let item = self.item(value)?;
                self.inner.$method($($key,)? &item)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.close()?.end()
            }
        }
    )*};
}

container! {
    SerializeSeq serialize_element();
    SerializeTuple serialize_element();
    SerializeTupleStruct serialize_field();
    SerializeTupleVariant serialize_field();
    SerializeStruct serialize_field(key: &'static str);
    SerializeStructVariant serialize_field(key: &'static str);
}

impl<C: SerializeMap, R: Rules> SerializeMap for Container<C, R> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        let key = self.item(key)?;
        self.inner.serialize_key(&key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = self.within(value);
        self.inner.serialize_value(&value)
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.close()?.end()
    }
}

impl Display for Large {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Signed(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
        }
    }
}
