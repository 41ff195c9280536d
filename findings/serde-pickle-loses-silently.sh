#!/usr/bin/env bash
# serde-pickle 1.2.0 (Rust): a Python namedtuple is read as an empty map, and u64::MAX can't be read back from what it
# wrote itself.
#
# Expected: serde-pickle's documentation: objects of classes can't be read, which is an error ("unresolved global
#   reference"), as for datetime and Decimal; integers of any size are represented.
# Seen: Point(1, 2) of a namedtuple is an empty map, without an error; a type whose fields are all optional or defaulted
#   takes it as a good value. u64::MAX is written and refused on reading ("integer too large").
# Who meets it: a Rust service that reads pickles out of a Python service's cache.
# Instead: dictionaries and lists on the Python side (point._asdict()); integers below 2^63.
source "$(dirname "$0")/lib.bash"

pickle=$(python3 - <<'PYTHON'
import collections, pickle, sys

Point = collections.namedtuple("Point", "x y")
print(pickle.dumps(Point(1, 2), protocol=4).hex())
PYTHON
)
rust_run serde-pickle=1.2.0 <<RUST
use serde_pickle::{Value, from_slice, to_vec, value_from_slice};

fn main() {
    let pickle: Vec<u8> = "$pickle".as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    let read = value_from_slice(&pickle, Default::default());
    println!("Point(x=1, y=2) is read as {read:?}");
    assert!(matches!(read, Ok(Value::Dict(map)) if map.is_empty()));

    let written = to_vec(&u64::MAX, Default::default()).unwrap();
    let back = from_slice::<u64>(&written, Default::default());
    println!("u64::MAX, written by itself, is read as {back:?}");
    assert!(back.is_err());
}
RUST
