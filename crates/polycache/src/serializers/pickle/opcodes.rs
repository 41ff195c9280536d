//! The opcodes of pickle, protocols 0 to 5, and the length of each argument.
//!
//! Source: Python's `Lib/pickletools.py` (the table `opcodes`) and `Lib/pickle.py`.

/// The argument of an opcode.
#[derive(Clone, Copy)]
pub(super) enum Arg {
    /// This many bytes.
    Fixed(usize),
    /// Text up to a newline.
    Line,
    /// A little-endian length of this width, then that many bytes.
    Counted(usize),
}

macro_rules! opcodes {
    ($($byte:literal $name:ident $arg:expr;)*) => {
        #[allow(non_camel_case_types, reason = "the names that Python gives them; messages show them")]
        #[allow(clippy::upper_case_acronyms, reason = "the names that Python gives them; messages show them")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Op { $($name),* }

        impl Op {
            pub(super) const fn of(byte: u8) -> Option<(Self, Arg)> {
                use Arg::{Counted, Fixed, Line};
                match byte {
                    $($byte => Some((Self::$name, $arg)),)*
                    _ => None,
                }
            }
        }
    };
}

opcodes! {
    b'(' MARK Fixed(0);
    b'.' STOP Fixed(0);
    0x80 PROTO Fixed(1);
    0x95 FRAME Fixed(8);

    b'N' NONE Fixed(0);
    0x88 NEWTRUE Fixed(0);
    0x89 NEWFALSE Fixed(0);
    b'I' INT Line;
    b'L' LONG Line;
    b'J' BININT Fixed(4);
    b'K' BININT1 Fixed(1);
    b'M' BININT2 Fixed(2);
    0x8a LONG1 Counted(1);
    0x8b LONG4 Counted(4);
    b'F' FLOAT Line;
    b'G' BINFLOAT Fixed(8);

    b'V' UNICODE Line;
    b'X' BINUNICODE Counted(4);
    0x8c SHORT_BINUNICODE Counted(1);
    0x8d BINUNICODE8 Counted(8);
    b'S' STRING Line;
    b'T' BINSTRING Counted(4);
    b'U' SHORT_BINSTRING Counted(1);
    b'B' BINBYTES Counted(4);
    b'C' SHORT_BINBYTES Counted(1);
    0x8e BINBYTES8 Counted(8);
    0x96 BYTEARRAY8 Counted(8);

    b')' EMPTY_TUPLE Fixed(0);
    b't' TUPLE Fixed(0);
    0x85 TUPLE1 Fixed(0);
    0x86 TUPLE2 Fixed(0);
    0x87 TUPLE3 Fixed(0);
    b']' EMPTY_LIST Fixed(0);
    b'l' LIST Fixed(0);
    b'a' APPEND Fixed(0);
    b'e' APPENDS Fixed(0);
    b'}' EMPTY_DICT Fixed(0);
    b'd' DICT Fixed(0);
    b's' SETITEM Fixed(0);
    b'u' SETITEMS Fixed(0);
    0x8f EMPTY_SET Fixed(0);
    0x90 ADDITEMS Fixed(0);
    0x91 FROZENSET Fixed(0);

    b'p' PUT Line;
    b'q' BINPUT Fixed(1);
    b'r' LONG_BINPUT Fixed(4);
    0x94 MEMOIZE Fixed(0);
    b'g' GET Line;
    b'h' BINGET Fixed(1);
    b'j' LONG_BINGET Fixed(4);

    b'c' GLOBAL Line;
    0x93 STACK_GLOBAL Fixed(0);
    b'R' REDUCE Fixed(0);
    b'i' INST Line;
    b'o' OBJ Fixed(0);
    0x81 NEWOBJ Fixed(0);
    0x92 NEWOBJ_EX Fixed(0);
    b'b' BUILD Fixed(0);

    b'0' POP Fixed(0);
    b'1' POP_MARK Fixed(0);
    b'2' DUP Fixed(0);
    b'P' PERSID Fixed(0);
    b'Q' BINPERSID Fixed(0);
    0x82 EXT1 Fixed(0);
    0x83 EXT2 Fixed(0);
    0x84 EXT4 Fixed(0);
    0x97 NEXT_BUFFER Fixed(0);
    0x98 READONLY_BUFFER Fixed(0);
}

impl Op {
    /// Why an opcode is refused that plain data has no use for.
    pub(super) const fn refusal(self) -> Option<&'static str> {
        Some(match self {
            Self::POP | Self::POP_MARK => "only data that contains itself has it",
            Self::DUP => "Python never writes it",
            Self::PERSID | Self::BINPERSID => "it refers to an object outside of the pickle",
            Self::EXT1 | Self::EXT2 | Self::EXT4 => "it refers to Python's extension registry",
            Self::NEXT_BUFFER | Self::READONLY_BUFFER => "its data is outside of the pickle",
            _ => return None,
        })
    }
}
