#!/usr/bin/env bash
# rmp-serde 1.3.1 (Rust): a negative integer is read as u128 without an error, 2^128 less; bytes after the value are
# ignored.
#
# Expected: rmp-serde's documentation: from_slice deserializes a value from a slice, and an integer that the type can't
#   hold is an error, as it is for u64 ("invalid value: integer `-7`, expected u64"). serde_json and Python's msgpack
#   refuse what follows a value.
# Seen: -7 read as u128 is 340282366920938463463374607431768211449. The bytes of two values, 01 02, are read as the
#   first alone.
# Who meets it: a field that became u128 after negative numbers were stored; a damaged or appended-to entry that is read
#   as a good one.
# Instead: read as i128 and check the sign; rmp_serde::Deserializer over a &[u8] and look whether the slice is empty
#   afterwards.
source "$(dirname "$0")/lib.bash"

rust_run rmp-serde=1.3.1 serde=1.0.228 <<'RUST'
use serde::Deserialize;

fn main() {
    let entry = [0xf9]; // -7
    let wide = rmp_serde::from_slice::<u128>(&entry);
    let narrow = rmp_serde::from_slice::<u64>(&entry);
    println!("-7 as u128: {wide:?}; as u64: {narrow:?}; as i128: {:?}", rmp_serde::from_slice::<i128>(&entry));
    assert_eq!(wide.unwrap(), u128::MAX - 6);
    assert!(narrow.is_err());

    let two = [1, 2];
    println!("01 02 as u64: {:?}", rmp_serde::from_slice::<u64>(&two));
    assert_eq!(rmp_serde::from_slice::<u64>(&two).unwrap(), 1);

    let mut rest = &two[..];
    let first = u64::deserialize(&mut rmp_serde::Deserializer::new(&mut rest)).unwrap();
    println!("by a Deserializer over the slice: {first}, and {} byte is left", rest.len());
    assert_eq!(rest.len(), 1);
}
RUST
