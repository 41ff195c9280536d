//! Pickles of the real Python, both ways. Needs `python3`.
#![cfg(feature = "pickle")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fmt::Write as _;
use std::process::Command;

use polycache::serializer::{Context, Serializer as _};
use polycache::serializers::Pickle;
use polycache::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const PROTOCOLS: std::ops::RangeInclusive<u8> = 0..=5;

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut value = None;
    Pickle.deserialize(bytes, &Context::new("key"), &mut |deserializer| {
        value = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    })?;
    Ok(value.unwrap())
}

fn written<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    Pickle.serialize(value, &Context::new("key"), &mut bytes).unwrap();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.trim().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What a Python program prints, line by line.
fn python(program: &str) -> Vec<String> {
    let output = Command::new("python3").args(["-I", "-X", "utf8", "-c", program]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What `pickle.dumps` writes for `expression`, with every protocol, after `setup` has run.
fn dumps(setup: &str, expression: &str) -> Vec<Vec<u8>> {
    dumps_from(*PROTOCOLS.start(), setup, expression)
}

/// The same, with the protocols from `first` on.
fn dumps_from(first: u8, setup: &str, expression: &str) -> Vec<Vec<u8>> {
    let protocols = first..=*PROTOCOLS.end();
    let program = format!(
        "import pickle\n{setup}\nfor protocol in range({}, {}):\n    print(pickle.dumps({expression}, protocol).hex())",
        protocols.start(),
        protocols.end() + 1,
    );
    let pickles: Vec<_> = python(&program).iter().map(|line| unhex(line)).collect();
    assert_eq!(pickles.len(), protocols.count());
    pickles
}

#[track_caller]
fn python_sees<T: Serialize>(value: &T, repr: &str) {
    let bytes = written(value);
    let lines = python(&format!("import pickle\nprint(ascii(pickle.loads(bytes.fromhex('{}'))))", hex(&bytes)));
    assert_eq!(lines, [repr]);
}

#[track_caller]
fn we_see<T: DeserializeOwned + PartialEq + Debug>(expression: &str, value: &T) {
    we_see_after("", expression, value);
}

#[track_caller]
fn we_see_after<T: DeserializeOwned + PartialEq + Debug>(setup: &str, expression: &str, value: &T) {
    for (protocol, bytes) in dumps(setup, expression).iter().enumerate() {
        match read::<T>(bytes) {
            Ok(read) => assert_eq!(&read, value, "{expression}, protocol {protocol}"),
            Err(error) => panic!("{expression}, protocol {protocol}: {error}\n{}", hex(bytes)),
        }
    }
}

#[track_caller]
fn we_refuse<T: DeserializeOwned + Debug>(setup: &str, expression: &str) -> Vec<Error> {
    let pickles = dumps(setup, expression);
    let errors: Vec<_> = pickles.iter().map(|bytes| read::<T>(bytes).unwrap_err()).collect();
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Decode));
    errors
}

/// Bytes that are serialized as bytes.
#[derive(Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct User {
    name: String,
    age: Option<u8>,
    scores: Vec<f64>,
    address: Address,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Address {
    city: String,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Rect { width: u32 },
}

fn user() -> User {
    User {
        name: "Ada 😀".to_owned(),
        age: None,
        scores: vec![1.5, -0.0, f64::INFINITY],
        address: Address { city: "Zürich".to_owned() },
    }
}

#[test]
fn python_reads_scalars() {
    python_sees(&(), "None");
    python_sees(&None::<i32>, "None");
    python_sees(&true, "True");
    python_sees(
        &[0, -1, i64::from(i32::MAX), i64::MIN, i64::MAX],
        "(0, -1, 2147483647, -9223372036854775808, 9223372036854775807)",
    );
    python_sees(&vec![0_u64, 1 << 31, 1 << 32, u64::MAX], "[0, 2147483648, 4294967296, 18446744073709551615]");
    python_sees(&(i8::MIN, i16::MAX, u8::MAX, u16::MAX, u32::MAX), "(-128, 32767, 255, 65535, 4294967295)");
    python_sees(&(0.1, f64::NEG_INFINITY, 5e-324, 0.5_f32), "(0.1, -inf, 5e-324, 0.5)");
    python_sees(&f64::NAN, "nan");
    python_sees(&"a\"'\n\0\\é😀", r#"'a"\'\n\x00\\\xe9\U0001f600'"#);
    python_sees(&'😀', r"'\U0001f600'");
    python_sees(&Bytes(vec![0, 255, b'a']), r"b'\x00\xffa'");
    python_sees(&Bytes(vec![]), "b''");
}

#[test]
fn python_reads_structures() {
    python_sees(&Vec::<i32>::new(), "[]");
    python_sees(&((1,), vec![Some("x"), None]), "((1,), ['x', None])");
    python_sees(&BTreeMap::from([(2, "b"), (1, "a")]), "{1: 'a', 2: 'b'}");
    python_sees(&BTreeMap::<i32, i32>::new(), "{}");
    python_sees(
        &user(),
        r"{'name': 'Ada \U0001f600', 'age': None, 'scores': [1.5, -0.0, inf], 'address': {'city': 'Z\xfcrich'}}",
    );
    python_sees(
        &[Shape::Point, Shape::Circle(1.0), Shape::Line(1, 2), Shape::Rect { width: 3 }],
        "('Point', {'Circle': 1.0}, {'Line': [1, 2]}, {'Rect': {'width': 3}})",
    );
}

#[test]
fn python_reads_long_lists() {
    let bytes = written(&(0..2500).collect::<Vec<i32>>());
    let program = format!("import pickle\nprint(pickle.loads(bytes.fromhex('{}')) == list(range(2500)))", hex(&bytes));
    assert_eq!(python(&program), ["True"]);
}

#[test]
fn we_read_scalars() {
    we_see("None", &());
    we_see("None", &None::<String>);
    we_see("True", &true);
    we_see("[False, True]", &[false, true]);
    we_see(
        "[0, 1, 255, 256, 65535, 65536, -1, -129, 2**31-1, 2**31, -2**31, 2**63-1, -2**63]",
        &vec![0, 1, 255, 256, 65_535, 65_536, -1, -129, (1 << 31) - 1, 1 << 31, -(1 << 31), i64::MAX, i64::MIN],
    );
    we_see("2**64-1", &u64::MAX);
    we_see("-2**127", &i128::MIN);
    we_see(
        "[0.0, 0.1, -1.5e-300, 5e-324, float('inf'), -float('inf')]",
        &vec![0.0, 0.1, -1.5e-300, 5e-324, f64::INFINITY, -f64::INFINITY],
    );
    for bytes in dumps("", "float('nan')") {
        assert!(read::<f64>(&bytes).unwrap().is_nan());
    }
    we_see("'x'", &'x');
}

#[test]
fn we_read_strings() {
    we_see("''", &String::new());
    we_see(
        r#""quote ' \" backslash \\ \\u0041 newline \n return \r nul \0 \x1a end""#,
        &"quote ' \" backslash \\ \\u0041 newline \n return \r nul \0 \u{1a} end".to_owned(),
    );
    we_see("'caf\u{e9} \u{20ac} \u{1f600}'", &"café € 😀".to_owned());
    we_see("'\u{e9}' * 300", &"é".repeat(300));
    we_see("'x' * 70_000", &"x".repeat(70_000));
    we_refuse::<String>("", r"'\ud83d'");
}

#[test]
fn we_read_bytes() {
    let all: Vec<u8> = (0..=255).collect();
    we_see("b''", &Vec::<u8>::new());
    we_see("b'a'", &b"a".to_vec());
    we_see("bytes(range(256))", &all);
    we_see("bytes(range(256)) * 300", &all.repeat(300));
    we_see("bytearray()", &Vec::<u8>::new());
    we_see("bytearray(range(256))", &all);
    we_see("[b'x', bytearray(b'x'), b'', bytearray()]", &vec![b"x".to_vec(), b"x".to_vec(), vec![], vec![]]);
}

#[test]
fn we_read_containers() {
    we_see("[]", &Vec::<i32>::new());
    we_see("()", &Vec::<i32>::new());
    we_see("{}", &BTreeMap::<String, i32>::new());
    we_see("set()", &BTreeSet::<i32>::new());
    we_see("frozenset()", &BTreeSet::<i32>::new());
    we_see("(1,)", &(1,));
    we_see("(1, 'two')", &(1, "two".to_owned()));
    we_see("(1, 2, 3)", &(1, 2, 3));
    we_see("(1, 2, 3, 4)", &(1, 2, 3, 4));
    we_see("{1, 2, 3}", &BTreeSet::from([1, 2, 3]));
    we_see("{frozenset({1, 2}), frozenset()}", &BTreeSet::from([BTreeSet::from([1, 2]), BTreeSet::new()]));
    we_see("{(1, 2): [None, 3]}", &BTreeMap::from([((1, 2), vec![None, Some(3)])]));
    we_see("list(range(5000))", &(0..5000).collect::<Vec<i32>>());
    we_see("[(i, i, i, i) for i in range(5000)]", &(0..5000).map(|i| (i, i, i, i)).collect::<Vec<_>>());
    we_see("{str(i): i for i in range(5000)}", &(0..5000).map(|i| (i.to_string(), i)).collect::<BTreeMap<_, i32>>());
    we_see_after("s = 'shared'; l = [s]", "[l, l, [s]]", &vec![vec!["shared".to_owned()]; 3]);
    let nested = format!("{}{}", "[".repeat(60), "]".repeat(60));
    we_see(&nested, &serde_json::from_str::<serde_json::Value>(&nested).unwrap());
}

#[test]
fn we_read_structs_and_instances() {
    let dict = "{'name': 'Ada \u{1f600}', 'age': None, 'scores': [1.5, -0.0, float('inf')], 'address': {'city': 'Z\u{fc}rich'}}";
    we_see(dict, &user());

    // `dumps` finds a class by its module, which is `__main__` here.
    let classes = format!(
        "class User: pass\nclass Address: pass\nu = User(); u.__dict__ = {dict}\na = Address(); a.__dict__ = u.address; u.address = a"
    );
    we_see_after(&classes, "u", &user());
    we_see_after(&classes, "[u, u]", &vec![user(), user()]);
    we_see_after(&classes, "Address()", &BTreeMap::<String, i32>::new());
    we_see(
        "[{'Circle': 2.0}, 'Point', {'Line': [1, 2]}, {'Rect': {'width': 3}}, {'Line': (1, 2)}]",
        &vec![Shape::Circle(2.0), Shape::Point, Shape::Line(1, 2), Shape::Rect { width: 3 }, Shape::Line(1, 2)],
    );
}

#[test]
fn we_read_what_has_an_obvious_meaning() {
    let counts = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)]);
    let none = BTreeMap::<String, i32>::new();
    let collections = "from collections import OrderedDict, defaultdict, deque, Counter";
    we_see_after(collections, "OrderedDict(a=2, b=1)", &counts);
    we_see_after(collections, "OrderedDict()", &none);
    we_see_after(collections, "defaultdict(int, a=2, b=1)", &counts);
    we_see_after(collections, "defaultdict(None, a=2, b=1)", &counts);
    we_see_after(collections, "defaultdict(list)", &none);
    we_see_after(collections, "Counter('aba')", &counts);
    we_see_after(collections, "Counter()", &none);
    we_see_after(collections, "deque([1, 2])", &vec![1, 2]);
    we_see_after(collections, "deque([1, 2, 3], maxlen=2)", &vec![2, 3]);
    we_see_after(collections, "deque()", &Vec::<i32>::new());
    we_see_after(collections, "deque(range(5000))", &(0..5000).collect::<Vec<i32>>());
    we_see_after(
        &format!("{collections}; o = OrderedDict(a=2, b=1)"),
        "[o, defaultdict(dict, c=o), deque([o, o])]",
        &(counts.clone(), BTreeMap::from([("c".to_owned(), counts.clone())]), [counts.clone(), counts.clone()]),
    );
    we_see_after("class D(dict): pass", "D(a=2, b=1)", &counts);
    we_see_after("class D(dict): pass", "D()", &none);
    we_see_after("class L(list): pass", "L([1, 2])", &vec![1, 2]);
    we_see_after(
        "import uuid",
        "uuid.UUID('00112233-4455-6677-8899-aabbccddeeff')",
        &"00112233-4455-6677-8899-aabbccddeeff".to_owned(),
    );
    we_see_after("import uuid", "uuid.UUID(int=2**128-1)", &"ffffffff-ffff-ffff-ffff-ffffffffffff".to_owned());
    we_see("2**128-1", &u128::MAX);
}

/// Since protocol 2; before it, Python doesn't pickle them.
#[test]
fn we_read_slots() {
    let slots = "from dataclasses import dataclass
@dataclass(slots=True)
class Address: city: str
@dataclass(slots=True)
class User: name: str; age: object; scores: list; address: Address
u = User('Ada \u{1f600}', None, [1.5, -0.0, float('inf')], Address('Z\u{fc}rich'))";
    for bytes in &dumps_from(2, slots, "[u, u]") {
        assert_eq!(read::<Vec<User>>(bytes).unwrap(), [user(), user()]);
    }
    let unset = "class S: __slots__ = ('x', 'y')\ns = S(); s.y = 1";
    for bytes in &dumps_from(2, unset, "s") {
        assert_eq!(read::<BTreeMap<String, i32>>(bytes).unwrap(), BTreeMap::from([("y".to_owned(), 1)]));
    }
    // Its state is a list, in the order of its fields.
    let frozen = "from dataclasses import dataclass\n@dataclass(slots=True, frozen=True)\nclass F: x: int";
    for bytes in &dumps_from(2, frozen, "F(1)") {
        let error = read::<serde_json::Value>(bytes).unwrap_err().to_string();
        assert!(error.contains("the Python object __main__.F, at byte "), "{error}");
    }
    // Some of its attributes are in slots, and some aren't.
    let both = "class A: pass\nclass B(A): __slots__ = ('y',)\nb = B(); b.x = 1; b.y = 2";
    for bytes in &dumps_from(2, both, "b") {
        let error = read::<serde_json::Value>(bytes).unwrap_err().to_string();
        assert!(error.contains("the Python object __main__.B, at byte "), "{error}");
    }
}

#[test]
fn we_name_what_isnt_plain_data() {
    for (setup, expression, name) in [
        ("import datetime", "datetime.datetime(2024, 1, 2)", "datetime.datetime"),
        ("import datetime", "datetime.timedelta(1)", "datetime.timedelta"),
        ("import decimal", "decimal.Decimal('1.5')", "decimal.Decimal"),
        ("import fractions", "fractions.Fraction(1, 2)", "fractions.Fraction"),
        ("import pathlib", "pathlib.PurePosixPath('/a/b')", "pathlib.PurePosixPath"),
        ("import enum\nclass E(enum.Enum): A = 1", "E.A", "__main__.E"),
        ("import enum\nclass E(enum.IntEnum): A = 1", "E.A", "__main__.E"),
        ("import collections\nN = collections.namedtuple('N', 'x')", "N(1)", "__main__.N"),
        ("class I(int): pass", "I(5)", "__main__.I"),
        ("class S(str): pass", "S('x')", "__main__.S"),
        ("class D(dict): pass\nd = D(a=1); d.x = 2", "d", "__main__.D"),
        ("class L(list): pass\nl = L([1]); l.x = 2", "l", "__main__.L"),
        ("import collections\nclass D(collections.OrderedDict): pass", "D(a=1)", "__main__.D"),
        ("class C:\n  def __getstate__(self): return [1]\n  def __setstate__(self, state): pass", "C()", "__main__.C"),
        ("class C:\n  def __reduce__(self): return C, (), {'x': 1}", "C()", "__main__.C"),
        (
            "class C:\n  def __reduce__(self): return C, (), None, iter([1]), iter([(1, 2)])\n  def append(self, x): pass",
            "C()",
            "__main__.C",
        ),
        ("", "ValueError('x')", "builtins.ValueError"),
        ("", "slice(3)", "builtins.slice"),
        ("", "1j", "builtins.complex"),
        ("", "len", "builtins.len"),
    ] {
        for (protocol, error) in we_refuse::<serde_json::Value>(setup, expression).iter().enumerate() {
            let text = error.to_string().replace("__builtin__", "builtins").replace("exceptions.", "builtins.");
            let is_named = text.contains(&format!("expected plain data, found the Python object {name}, at byte "));
            assert!(is_named, "{expression}, protocol {protocol}: {text}");
        }
    }
}

#[test]
fn we_refuse_what_isnt_plain_data() {
    for error in we_refuse::<serde_json::Value>("import datetime", "datetime.date(2024, 1, 2)") {
        assert!(error.to_string().contains("the Python object datetime.date"), "{error}");
    }
    we_refuse::<serde_json::Value>("a = []; a.append(a)", "a");
    we_refuse::<serde_json::Value>("a = []; t = (a,); a.append(t)", "t");
    we_refuse::<serde_json::Value>("class C: pass\nc = C(); c.c = c", "c");
    we_refuse::<serde_json::Value>("class I(int): pass", "I(5)");
    we_refuse::<serde_json::Value>("import functools", "functools.reduce(lambda a, _: [a], range(200), 0)");
    we_refuse::<i64>("", "2**200");
    // Each level holds the one before it ten times.
    for error in
        we_refuse::<serde_json::Value>("import functools", "functools.reduce(lambda a, _: [a] * 10, range(60), 'lol')")
    {
        assert!(error.to_string().contains("out of proportion"), "{error}");
    }
}
