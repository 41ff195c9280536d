//! Writes arguments in RON. It writes the usual types itself, which is faster, and leaves all others to the crate ron.

use std::fmt::{self, Display, Write};

use serde_core::Serialize;
use serde_core::ser::{Error, Impossible, SerializeTuple, Serializer};

/// Writes a value in RON.
pub(super) fn write(output: &mut fmt::Formatter<'_>, value: &(impl Serialize + ?Sized)) -> fmt::Result {
    match value.serialize(Usual(output)) {
        Ok(()) => Ok(()),
        Err(Fault::Unusual) => ron::Options::default().to_writer(output, value).map_err(|_| fmt::Error),
        Err(Fault::Failed) => Err(fmt::Error),
    }
}

/// Writes tuples, integers, texts and truth values. It refuses all others before it writes anything.
struct Usual<'a, 'f>(&'a mut fmt::Formatter<'f>);

/// Why a value wasn't written.
#[derive(Debug)]
enum Fault {
    /// It is of another type, and nothing is written.
    Unusual,
    /// Its `Serialize` fails.
    Failed,
}

/// The elements of a tuple.
struct Elements<'a, 'f> {
    output: &'a mut fmt::Formatter<'f>,
    begun: bool,
}

impl Usual<'_, '_> {
    fn text(self, text: &str) -> Result<(), Fault> {
        Ok(self.0.write_str(text)?)
    }

    fn integer(self, number: impl itoa::Integer) -> Result<(), Fault> {
        self.text(itoa::Buffer::new().format(number))
    }
}

/// Whether RON writes this byte as it is: printable ASCII, without quotes and backslashes.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\')
}

macro_rules! integers {
    ($($name:ident: $of:ty),*) => {
        $(fn $name(self, number: $of) -> Result<(), Fault> {
            self.integer(number)
        })*
    };
}

macro_rules! unusual {
    ($($name:ident($($argument:ty),*) -> $of:ty;)*) => {
        $(fn $name(self, $(_: $argument),*) -> Result<$of, Fault> {
            Err(Fault::Unusual)
        })*
    };
}

impl<'a, 'f> Serializer for Usual<'a, 'f> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Impossible<(), Fault>;
    type SerializeTuple = Elements<'a, 'f>;
    type SerializeTupleStruct = Impossible<(), Fault>;
    type SerializeTupleVariant = Impossible<(), Fault>;
    type SerializeMap = Impossible<(), Fault>;
    type SerializeStruct = Impossible<(), Fault>;
    type SerializeStructVariant = Impossible<(), Fault>;

    integers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    unusual! {
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_bool(self, truth: bool) -> Result<(), Fault> {
        self.text(if truth { "true" } else { "false" })
    }

    fn serialize_str(self, text: &str) -> Result<(), Fault> {
        if !text.bytes().all(is_plain) {
            return Err(Fault::Unusual);
        }
        self.0.write_char('"')?;
        self.0.write_str(text)?;
        Ok(self.0.write_char('"')?)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        self.text("()")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Fault> {
        Err(Fault::Unusual)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Fault> {
        Err(Fault::Unusual)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Fault> {
        Err(Fault::Unusual)
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements<'a, 'f>, Fault> {
        self.0.write_char('(')?;
        Ok(Elements { output: self.0, begun: false })
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<(), Fault> {
        Err(Fault::Unusual)
    }
}

impl SerializeTuple for Elements<'_, '_> {
    type Ok = ();
    type Error = Fault;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Fault> {
        if std::mem::replace(&mut self.begun, true) {
            self.output.write_char(',')?;
        }
        Ok(write(self.output, element)?)
    }

    fn end(self) -> Result<(), Fault> {
        Ok(self.output.write_char(')')?)
    }
}

impl From<fmt::Error> for Fault {
    fn from(_: fmt::Error) -> Self {
        Self::Failed
    }
}

impl Error for Fault {
    fn custom<T: Display>(_: T) -> Self {
        Self::Failed
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the argument can't be written into the key")
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use serde::Serialize;

    use super::{Display, fmt, write};

    struct Text<T>(T);

    impl<T: Serialize> Display for Text<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(f, &self.0)
        }
    }

    #[derive(Serialize)]
    struct Record {
        id: u8,
        of: (u8, &'static str),
    }

    #[derive(Serialize)]
    enum Kind {
        One,
        Two(u8),
    }

    #[track_caller]
    fn same(value: impl Serialize) {
        assert_eq!(ron::to_string(&value).ok(), Some(Text(&value).to_string()));
    }

    /// The text is the same as if the crate ron had written all of it.
    #[test]
    fn it_writes_what_the_crate_writes() {
        same(());
        same((u64::MAX, i128::MIN, -1_i8, 0_u128, true));
        for text in ["", "plain text, with (signs): {}#~", "\"", "'", "\\", "é", "\n", "\u{1}", "\u{7f}", "a\"b"] {
            same((text, text.to_owned()));
        }
        same((1, (2, ("three", 4.5), ()), [5, 6], [0; 0]));
        same((f64::NAN, 1.0_f32, 'c', Some(1), None::<u8>, Some(Some(()))));
        same(vec![(1, "a")]);
        same((Record { id: 1, of: (2, "x") }, BTreeMap::from([(1, "y")]), Kind::One, Kind::Two(3)));
        same(("::1".parse::<IpAddr>().ok(), Box::new(7), &&8));
    }
}
