#!/usr/bin/env bash
# rmp-serde 1.3.1, ciborium 0.2.2 and postcard 1.1.3 (Rust): what they wrote without an error they can't read again.
#
# Expected: #[derive(Serialize, Deserialize)] round-trips, as with serde_json; a format that can't keep a type says so
#   when writing. (serde's documentation of untagged and flatten doesn't speak of binary formats.)
# Seen: an IpAddr within an untagged or flattened type is written in its compact form and refused on reading by
#   rmp-serde and ciborium ("data did not match any variant"). A struct with skip_serializing_if is written a field
#   short by rmp_serde::to_vec and postcard and refused, or, where the next field fits, read as other values. serde_json
#   reads all of it.
# Who meets it: a cache's serializer changed from JSON to MessagePack, CBOR or postcard "for speed": each read of such a
#   type fails after a good write.
# Instead: try a write and a read of each type in a test; rmp_serde::to_vec_named for structs; IpAddr as a String in
#   such types.
source "$(dirname "$0")/lib.bash"

rust_run serde=1.0.228:derive rmp-serde=1.3.1 ciborium=0.2.2 postcard=1.1.3:use-std serde_json=1.0.154 <<'RUST'
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt::Debug, net::IpAddr};

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Peer {
    Address(IpAddr),
    Number(u64),
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Seen {
    by: u32,
    #[serde(flatten)]
    from: From,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct From {
    address: IpAddr,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Sparse {
    a: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<u32>,
    c: u32,
}

/// For JSON, MessagePack (arrays), MessagePack (names), CBOR and postcard: is it read as it was written? None: the write failed.
fn kept<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) -> [Option<bool>; 5] {
    let json = serde_json::to_vec(&value).ok();
    let arrays = rmp_serde::to_vec(&value).ok();
    let names = rmp_serde::to_vec_named(&value).ok();
    let mut bytes = Vec::new();
    let cbor = ciborium::into_writer(&value, &mut bytes).ok().map(|()| bytes);
    let post = postcard::to_stdvec(&value).ok();
    let same = |read: Option<T>| read.is_some_and(|read| read == value);
    let kept = [
        json.map(|bytes| same(serde_json::from_slice(&bytes).ok())),
        arrays.map(|bytes| same(rmp_serde::from_slice(&bytes).ok())),
        names.map(|bytes| same(rmp_serde::from_slice(&bytes).ok())),
        cbor.map(|bytes| same(ciborium::from_reader(&bytes[..]).ok())),
        post.map(|bytes| same(postcard::from_bytes(&bytes).ok())),
    ];
    println!("{value:?}: JSON, rmp to_vec, rmp to_vec_named, CBOR, postcard: {kept:?}");
    kept
}

fn main() {
    let address: IpAddr = "127.0.0.1".parse().unwrap();
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(kept(Peer::Address(address)), [yes, no, no, no, no]);
    assert_eq!(kept(Peer::Number(7)), [yes, yes, yes, yes, no]);
    assert_eq!(kept(Seen { by: 1, from: From { address } }), [yes, no, no, no, None]);
    assert_eq!(kept(Sparse { a: 1, b: None, c: 3 }), [yes, no, yes, yes, no]);
    assert_eq!(kept(Sparse { a: 1, b: Some(2), c: 3 }), [yes; 5]);
}
RUST
