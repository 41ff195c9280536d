//! Every kind of value, by every serializer, written and read: it is read back as it was, or refused when it is written. What neither serde
//! nor the format can promise is in the table, in words.
#![cfg(all(feature = "msgpack", feature = "pickle"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cells;
mod decoded;
mod depth;
mod types;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::json;

use self::cells::Row;
use self::types::{
    Adjacent, Bytes, Colour, Empty, External, Extra, Internal, Name, Newtype, Pair, Seconds, Text, Unit, Untagged,
    Uuid, flat, point,
};

const NO_NUMBER: &str = "JSON has no number for";
const NO_TEXT: &str = "no text of their own";
const WIDE: &str = "is an integer beyond 64 bits";
const KEY: &str = "key must be a string";

/// A row of the table: its name, the note, what errors say, and its values, of any types.
macro_rules! row {
    ($table:expr, $faults:expr, $name:expr, $note:expr, $reasons:expr, $($values:expr),+ $(,)?) => {
        let mut row = Row::new($name, $note, $reasons);
        $(row.of(&$values).await;)+
        $table.push_str(&row.to_string());
        $faults.append(&mut row.faults);
    };
}

async fn table() -> String {
    let (mut t, mut f) = (cells::head(), Vec::new());
    row!(
        t,
        f,
        "`i8` to `i64`, `u8` to `u64`, with their extremes",
        "",
        &[],
        [i8::MIN, -1, 0, i8::MAX],
        [i16::MIN, -129, i16::MAX],
        [i32::MIN, i32::MAX],
        [i64::MIN, -1, 0, 1, i64::MAX],
        [0, u8::MAX],
        [256, u16::MAX],
        [65_536, u32::MAX],
        [1 << 32, u64::MAX - 1, u64::MAX],
        [usize::MAX],
        [isize::MIN],
    );
    row!(
        t,
        f,
        "`i128`, `u128` within 64 bits",
        "as any other integer: other types that hold it read it too",
        &[],
        [i128::from(i64::MIN), -7, 0, i128::from(u64::MAX)],
        [5, u128::from(u64::MAX)],
    );
    row!(
        t,
        f,
        "`i128`, `u128` beyond",
        "in MessagePack 16 or 17 bytes",
        &[WIDE],
        [i128::MIN, i128::from(i64::MIN) - 1, i128::from(u64::MAX) + 1, i128::MAX],
        [u128::from(u64::MAX) + 1, 1 << 127, u128::MAX],
    );
    row!(
        t,
        f,
        "`f32`, `f64`, finite",
        "",
        &[],
        [0.1_f32, -0.0, f32::MIN_POSITIVE, f32::MAX, 16_777_216.0, 1e-45],
        [0.1, 0.1 + 0.2, -0.0, 1.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, 1e16, 1e300, -1.5e-300],
    );
    row!(
        t,
        f,
        "NaN, infinities",
        "JSON has none",
        &[NO_NUMBER],
        [f32::NAN, f32::INFINITY],
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY],
        [Some(f64::INFINITY)],
    );
    row!(
        t,
        f,
        "NaN, infinities, within other values",
        "",
        &[NO_NUMBER],
        [vec![1.0, f64::NAN]],
        [flat(f32::INFINITY)],
        [BTreeMap::from([("x".to_owned(), f64::NEG_INFINITY)])],
        [(1, f64::NAN)],
        [vec![Some(f64::NAN)]],
        [Internal::Newtype(types::Point { x: f64::NAN, ..point() })],
    );
    row!(t, f, "`bool`, `char`", "", &[], [true, false], ['a', 'é', '😀', '\0']);
    row!(
        t,
        f,
        "`String`, `Box<str>`, `Cow<str>`, `PathBuf`",
        "",
        &[],
        ["".to_owned(), "\0 \" \\ \n é 😀 \u{2028}".to_owned(), "null".to_owned(), "x".repeat(70_000)],
        [Box::<str>::from("é")],
        [Cow::Borrowed("é")],
        [PathBuf::from("/tmp/é")],
    );
    row!(
        t,
        f,
        "a path that isn't UTF-8",
        "serde has paths as text",
        &["path contains invalid UTF-8"],
        [PathBuf::from(OsString::from_vec(vec![b'/', 0xff]))]
    );
    row!(t, f, "`Vec<u8>`, `[u8; N]`", "a list of numbers", &[], [vec![], vec![0_u8, 127, 128, 255]], [[0_u8, 255]]);
    row!(
        t,
        f,
        "serde's bytes (`serde_bytes`), UTF-8",
        "in JSON a list of numbers",
        &[],
        [Bytes(vec![]), Bytes(b"ab".to_vec())]
    );
    row!(
        t,
        f,
        "serde's bytes, others",
        "",
        &["bytes must be UTF-8"],
        [Bytes(vec![0xff, 0]), Bytes((0..=255).collect())]
    );
    row!(t, f, "`Some(x)`", "", &[], [Some(0_u8)], [Some(String::new())], [Some(Some(true))], [Some('x')]);
    row!(
        t,
        f,
        "`None`",
        "text can't tell it from an empty one",
        &[NO_TEXT],
        [None::<u8>],
        [None::<String>],
        [None::<Option<bool>>],
        [None::<Vec<u8>>]
    );
    row!(t, f, "`Some(None)`", "in bytes there is one `None` only", &[NO_TEXT], [Some(None::<u8>)]);
    row!(t, f, "`()`", "", &[NO_TEXT], [()]);
    row!(t, f, "`Some(())`", "the same as `None`", &[NO_TEXT], [Some(())]);
    row!(t, f, "a unit struct", "", &[NO_TEXT], [Unit]);
    row!(t, f, "`Some` of a unit struct", "the same as `None` but in MessagePack", &[NO_TEXT], [Some(Unit)]);
    row!(t, f, "a newtype of a number or a string", "as what it holds", &[], [Newtype(7)], [Name("é".to_owned())]);
    row!(
        t,
        f,
        "tuples, tuple structs, arrays",
        "text of JSON: read it as `String`",
        &[],
        [(1, "two".to_owned(), [3.0])],
        [Pair(-1, "é".to_owned())],
        [(7,)],
        [[[1_u8; 2]; 2]],
        [(0..16).collect::<Vec<i32>>()],
    );
    row!(
        t,
        f,
        "structs, skipped fields",
        "",
        &[],
        [point()],
        [types::Point { note: Some("n".to_owned()), ..point() }],
        [Empty {}]
    );
    row!(t, f, "enums: a unit variant", "", &[], [External::Unit], [Colour::Red, Colour::Green]);
    row!(
        t,
        f,
        "enums: newtype, tuple, struct variants",
        "",
        &[],
        [External::Newtype(Newtype(7)), External::Tuple(1, "é".to_owned()), External::Struct { a: -1 }],
        [Ok::<_, String>(1), Err("é".to_owned())],
    );
    row!(
        t,
        f,
        "enums with `tag`",
        "",
        &[],
        [
            Internal::Unit,
            Internal::Newtype(point()),
            Internal::Struct { a: i64::MIN, b: None },
            Internal::Struct { a: 1, b: Some('é') }
        ],
    );
    row!(
        t,
        f,
        "enums with `tag` and `content`",
        "",
        &[],
        [Adjacent::Unit, Adjacent::Newtype(u64::MAX), Adjacent::Tuple(1, "é".to_owned()), Adjacent::Struct { a: -1 }],
    );
    row!(
        t,
        f,
        "untagged enums: tuples, structs",
        "",
        &[],
        [Untagged::<u64>::Tuple(1, "é".to_owned()), Untagged::Struct { a: -1 }]
    );
    row!(
        t,
        f,
        "untagged enums: numbers",
        "who asks for any type gets a string",
        &[],
        [Untagged::Newtype(u64::MAX)],
        [Untagged::Newtype(i64::MIN)],
        [Untagged::Newtype(0.1_f32)],
        [Untagged::Newtype(1.0)],
        [Untagged::Newtype(true)],
    );
    row!(
        t,
        f,
        "untagged enums: strings, times, addresses",
        "",
        &[],
        [Untagged::Newtype("é".to_owned())],
        [Untagged::Newtype('é')],
        [Untagged::Newtype(IpAddr::V4(Ipv4Addr::LOCALHOST))],
        [Untagged::Newtype(SocketAddr::from((Ipv6Addr::LOCALHOST, 80)))],
        [Untagged::Newtype(Text(61))],
        [Untagged::Newtype(Uuid(7))],
        [Untagged::Newtype(Colour::Red)],
    );
    row!(
        t,
        f,
        "flattened fields",
        "",
        &[],
        [flat(i64::MIN)],
        [flat(0.1_f32)],
        [flat('é')],
        [flat(Some(1))],
        [flat(None::<u8>)],
        [flat(vec![Some("é".to_owned()), None])],
        [flat(Bytes(vec![0, 255]))],
        [flat(IpAddr::V6(Ipv6Addr::LOCALHOST))],
        [flat(SocketAddr::from(([127, 0, 0, 1], 80)))],
        [flat(Text(61))],
        [flat(Seconds(Text(61)))],
        [flat(Uuid(u128::MAX))],
        [flat(Duration::from_millis(1500))],
        [flat(External::Struct { a: 1 })],
        [flat(External::Unit)],
        [flat(Unit)],
        [flat(BTreeMap::from([("k".to_owned(), IpAddr::V4(Ipv4Addr::LOCALHOST))]))],
        [Extra { id: 1, more: BTreeMap::from([("home".to_owned(), IpAddr::V4(Ipv4Addr::LOCALHOST))]) }],
    );
    row!(
        t,
        f,
        "flattened, untagged or with `tag`: `i128`, `u128`, within 64 bits",
        "serde keeps such a value aside, and knows no 128 bits there",
        &[],
        [flat(5_u128)],
        [flat(-7_i128)],
        [Untagged::Newtype(5_u128)],
    );
    row!(
        t,
        f,
        "the same, beyond",
        "serde, as above",
        &[WIDE],
        [flat(u128::MAX)],
        [flat(i128::MIN)],
        [Untagged::Newtype(u128::MAX)],
    );
    row!(
        t,
        f,
        "flattened, untagged or with `tag`: maps with keys of numbers",
        "JSON's keys are strings, and serde doesn't parse them there",
        &[],
        [flat(BTreeMap::from([(1, 2)]))],
        [Untagged::Newtype(BTreeMap::from([(-1_i64, 2)]))],
    );
    row!(
        t,
        f,
        "maps with keys of strings, characters, unit variants",
        "",
        &[],
        [BTreeMap::from([("é".to_owned(), 1), (String::new(), 2)])],
        [BTreeMap::from([(Name("k".to_owned()), vec![1])])],
        [BTreeMap::from([('é', 1)])],
        [BTreeMap::from([(Colour::Green, 1), (Colour::Red, 2)])],
        [BTreeMap::<String, u8>::new()],
        [HashMap::from([("k".to_owned(), 1)])],
    );
    row!(
        t,
        f,
        "maps with keys of integers, booleans",
        "in JSON they are strings",
        &[],
        [BTreeMap::from([(i64::MIN, 1), (i64::MAX, 2)])],
        [BTreeMap::from([(u64::MAX, 1)])],
        [BTreeMap::from([(i128::from(i64::MIN), 1)])],
        [BTreeMap::from([(true, 1), (false, 2)])],
        [BTreeMap::from([(7_u8, 1)])],
    );
    row!(
        t,
        f,
        "maps with keys of tuples, lists, bytes, `()`",
        "JSON has strings for keys",
        &[KEY],
        [BTreeMap::from([((1, 2), 1)])],
        [BTreeMap::from([(vec![1], 1)])],
        [BTreeMap::from([(Bytes(vec![255]), 1)])],
        [BTreeMap::from([((), 1)])],
    );
    row!(
        t,
        f,
        "`Vec`, `BTreeSet`, `HashSet`, `Box`, `Cow`",
        "",
        &[],
        [vec![1, 2], vec![]],
        [BTreeSet::from(["a".to_owned(), "b".to_owned()])],
        [HashSet::from([7])],
        [Box::new((1, 2))],
        [Cow::<'static, [u8]>::Owned(vec![1])],
        [vec![(), ()]],
        [vec![Some(1), None]],
    );
    row!(
        t,
        f,
        "`IpAddr`, `SocketAddr`",
        "as text",
        &[],
        [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)), IpAddr::V6(Ipv6Addr::LOCALHOST)],
        [Ipv4Addr::BROADCAST],
        [Ipv6Addr::UNSPECIFIED],
        [SocketAddr::from(([127, 0, 0, 1], 80)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))],
    );
    row!(t, f, "times and UUIDs that are text where people read", "as in JSON", &[], [Text(61)], [Uuid(u128::MAX)]);
    row!(t, f, "times as numbers", "", &[], [Seconds(Text(61))], [Seconds(Text(-1))]);
    row!(
        t,
        f,
        "`Duration`, `SystemTime`",
        "",
        &[],
        [Duration::MAX, Duration::ZERO],
        [SystemTime::UNIX_EPOCH + Duration::new(1, 5)]
    );
    row!(
        t,
        f,
        "a `SystemTime` before 1970",
        "serde has none",
        &["SystemTime must be later than UNIX_EPOCH"],
        [SystemTime::UNIX_EPOCH - Duration::from_secs(1)]
    );
    row!(
        t,
        f,
        "`serde_json::Value`, a container",
        "who asks for any type gets a string",
        &[],
        [json!({"a": [1, -1, u64::MAX, 0.1, 1.0, null, true, "é", {}]})],
        [json!([])],
    );
    row!(t, f, "`serde_json::Value`, a string", "", &[], [json!("é")]);
    row!(t, f, "`serde_json::Value`, a number", "who asks for any type gets a string", &[], [json!(5)]);
    assert!(f.is_empty(), "{t}\n{}", f.join("\n"));
    t
}

#[tokio::test]
async fn each_kind_of_value_is_read_back_or_refused_as_the_guide_says() {
    let table = table().await;
    let guide = include_str!("../../../../docs/values.md");
    let (_, rest) = guide.split_once("| value |").unwrap();
    let rows = rest.split("\n\n").next().unwrap();
    let written = format!("| value |{rows}\n");
    assert!(table == written, "the table in docs/values.md is to be:\n\n{table}");
}
