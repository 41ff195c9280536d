//! Pickles that nobody honest writes.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{is_refused, reads_as};
use crate::serializers::Pickle;
use crate::serializers::testing::{ByteString, Tree, decode, encode, nested, read_as_everything, refusal};

#[test]
fn refuses_deep_nesting() {
    let n = 200_000;
    let repeated = |start: &[u8], end: &[u8]| [start.repeat(n), end.repeat(n - 1), b".".to_vec()].concat();
    is_refused(&repeated(b"]", b"a"), "nested deeper than 128");
    is_refused(&repeated(b"(", b"l"), "nested deeper than 128, at byte 128");
    is_refused(&repeated(b"(", b"t"), "nested deeper than 128, at byte 128");
    is_refused(&repeated(b"](", b"e"), "nested deeper than 128, at byte 257");
    is_refused(&[b")".to_vec(), b"\x85".repeat(n), b".".to_vec()].concat(), "nested deeper");
    is_refused(&[b"N".to_vec(), b"N\x86".repeat(n), b".".to_vec()].concat(), "nested deeper");
    is_refused(&[b"}Vk\n".repeat(n), b"N".to_vec(), b"s".repeat(n), b".".to_vec()].concat(), "nested deeper than 128");
    is_refused(&[b"N".to_vec(), b"N\x81".repeat(n), b".".to_vec()].concat(), "the Python object ?.?");
    is_refused(&[b"cmod\nC\n)\x81".to_vec(), b"}b".repeat(n), b"0.".to_vec()].concat(), "POP is refused");
    refusal::<Tree>(&Pickle, &[b"}VBranch\n".repeat(n), b"VLeaf\n".to_vec(), b"s".repeat(n), b".".to_vec()].concat());
    // Deep, and never read.
    let factory = [b"]".repeat(200), b"a".repeat(199)].concat();
    reads_as(&[&b"ccollections\ndefaultdict\n"[..], &factory, b"\x85R."].concat(), &json!({}));

    let lists = |depth| [b"]".repeat(depth), b"a".repeat(depth - 1), b".".to_vec()].concat();
    assert!(decode::<Value>(&Pickle, &lists(128)).is_ok());
    is_refused(&lists(129), "nested deeper than 128, or within itself, at byte 128");
}

#[test]
fn refuses_what_contains_itself() {
    is_refused(b"]\x94h\x00a.", "within itself");
    is_refused(b"(lp0\ng0\na.", "within itself");
    is_refused(b"}\x94Vk\nh\x00s.", "within itself");
    is_refused(b"}\x94h\x00b.", "BUILD doesn't fit");
    is_refused(b"cmod\nC\n)\x81\x94h\x00b.", "stand for one another");
    is_refused(b"]\x94(h\x00ta.", "within itself");
    // Two lists that hold each other, closed after both were memoized.
    is_refused(b"]\x94]\x94h\x00ah\x01h\x00h\x01a0.", "POP");
    is_refused(b"]\x94]\x94h\x00a\x86\x94h\x00h\x01a\x86.", "within itself");
}

#[test]
fn refuses_billion_laughs() {
    // Each list holds the one before it ten times.
    let mut pickle = b"]\x94".to_vec();
    for level in 0..100_u8 {
        pickle.extend(b"](");
        pickle.extend([b'h', level].repeat(10));
        pickle.extend(b"e\x94");
    }
    is_refused(&[&pickle[..], &b"\x86".repeat(100), b"."].concat(), "out of proportion");

    // 16 KiB, a few thousand times: as it is, and converted by REDUCE.
    let text = "x".repeat(1 << 14);
    let string = [b"X\0\x40\0\0", text.as_bytes(), b"\x94"].concat();
    is_refused(&[&b"]("[..], &string, &b"h\x00".repeat(1000), b"e."].concat(), "out of proportion");
    let call = b"c_codecs\nencode\nh\x00Vlatin1\n\x86R".repeat(1000);
    let converted = [&b"](c_codecs\nencode\n"[..], &string, b"Vlatin1\n\x86R", &call, b"e."].concat();
    assert!(refusal::<IgnoredAny>(&Pickle, &converted).to_string().contains("out of proportion"));
    assert!(refusal::<Vec<ByteString>>(&Pickle, &converted).to_string().contains("out of proportion"));
}

#[test]
fn refuses_forged_lengths() {
    for opcode in [b'X', b'T', b'B', 0x8b] {
        for length in [u32::MAX, i32::MAX as u32, 6] {
            let forged = [&[opcode][..], &length.to_le_bytes(), b"abcd."].concat();
            is_refused(&forged, "truncated: expected");
        }
    }
    for opcode in [0x8d, 0x8e, 0x96_u8] {
        for length in [u64::MAX, i64::MAX as u64, 1 << 32, 6] {
            let forged = [&[opcode][..], &length.to_le_bytes(), b"abcd."].concat();
            is_refused(&forged, "truncated: expected");
        }
    }
    is_refused(b"\x80\x04\x95\xff\0\0\0\0\0\0\0N.", "a frame is longer than the pickle, at byte 2");
    is_refused(b"Nr\xff\xff\xff\xff.", "impossible memo number, at byte 1");
    is_refused(b"Np4294967295\n.", "impossible memo number");
    is_refused(b"Np-1\n.", "impossible memo number");
    is_refused(b"Nj\xff\xff\xff\xff.", "nothing was put under");
    is_refused(b"h\x00.", "nothing was put under");
}

#[test]
fn refuses_what_isnt_plain_data() {
    for (bytes, name) in [
        (&b"Pid\n."[..], "PERSID"),
        (b"NQ.", "BINPERSID"),
        (b"\x82\x01.", "EXT1"),
        (b"N2.", "DUP"),
        (b"N0.", "POP"),
        (b"(1.", "POP_MARK"),
        (b"\x97.", "NEXT_BUFFER"),
    ] {
        is_refused(bytes, &format!("the opcode {name} is refused: "));
    }
    is_refused(b"N\xff.", "unknown opcode 0xff, at byte 1");
    is_refused(b"\x80\x06N.", "protocol 6 is newer than 5");
    is_refused(b"N.N", "expected the end after STOP, at byte 2");
    is_refused(b"NN.", "ends inside a value");
    is_refused(b"(N.", "ends inside a value");
    is_refused(b"", "truncated");
    for bytes in [&b"."[..], b"a.", b"(a.", b"N(a.", b"t.", b"\x86.", b"R.", b"b.", b"\x93.", b"o.", b"\x94."] {
        is_refused(bytes, "needs a");
    }
    for bytes in [&b"NNa."[..], b"]NNs.", b"](Nu.", b"}(Nu.", b"(Nd.", b")Na."] {
        is_refused(bytes, "doesn't fit");
    }
    is_refused(b"NNR.", "expected REDUCE to call a global");
    is_refused(b"NN\x93.", "the Python object ?.?");
}

#[test]
fn names_the_position_of_a_wrong_type_however_long_the_value() {
    let bytes = encode(&Pickle, &(1, "x".repeat(1_000_000))).unwrap();
    let error = refusal::<(i32, i32)>(&Pickle, &bytes);
    assert!(error.to_string().ends_with("expected i32, at byte 8"), "{error}");
}

#[test]
fn refuses_every_truncation() {
    let whole = encode(&Pickle, &nested()).unwrap();
    for end in 0..whole.len() {
        is_refused(&whole[..end], "truncated");
    }
}

/// Opcodes that mostly make sense together, so that programs of them come further than random bytes.
const DATA: &[&[u8]] = &[
    b"(",
    b"N",
    b"K\x01",
    b"X\x01\0\0\0k",
    b"I7\n",
    b"]",
    b"}",
    b")",
    b"a",
    b"s",
    b"e",
    b"u",
    b"t",
    b"l",
    b"\x85",
    b"\x86",
    b"\x8f",
    b"\x90",
    b"\x91",
    b"\x94",
    b"h\x00",
    b"h\x01",
    b"h\x02",
    b"q\x01",
];
const OBJECTS: &[&[u8]] = &[
    b"cbuiltins\nset\n",
    b"c_codecs\nencode\n",
    b"Vlatin1\n",
    b"R",
    b"b",
    b"\x81",
    b"o",
    b"imod\nC\n",
    b"\x93",
    b"C\x01\xff",
    b"d",
    b"cbuiltins\nbytearray\n",
    b"ccopyreg\n_reconstructor\n",
    b"\x92",
];

fn programs(opcodes: Vec<&'static [u8]>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(opcodes), 0..40)
        .prop_map(|opcodes| [opcodes.concat(), b".".to_vec()].concat())
}

proptest! {
    #[test]
    fn survives_garbage(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&Pickle, &bytes);
    }

    #[test]
    fn survives_programs(bytes in programs([DATA, OBJECTS].concat())) {
        read_as_everything(&Pickle, &bytes);
    }

    #[test]
    fn survives_damage(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&Pickle, &nested()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_as_everything(&Pickle, &bytes);
    }
}
