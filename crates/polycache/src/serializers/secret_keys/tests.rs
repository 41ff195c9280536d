#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::SecretKeys;
use crate::serializer::{Context, Serializer};
use crate::serializers::Json;
use crate::serializers::testing::{decode, encode, nested, read_as_everything, refusal, round_trip_all};
use crate::{ErrorKind, Secret};

pub(in crate::serializers) fn secret(byte: u8) -> Secret {
    Secret::from(format!("{byte:02x}").repeat(32))
}

pub(in crate::serializers) fn keys() -> SecretKeys {
    SecretKeys::new("a", &secret(1)).unwrap()
}

/// Each compiled serializer that has keys.
fn all(keys: &SecretKeys) -> Vec<Box<dyn Serializer>> {
    vec![
        #[cfg(feature = "sealed")]
        Box::new(crate::serializers::Sealed::new(keys.clone(), Json)),
        #[cfg(feature = "signed")]
        Box::new(crate::serializers::Signed::new(keys.clone(), Json)),
    ]
}

fn read(serializer: &dyn Serializer, key: &str, bytes: &[u8]) -> crate::Result<serde_json::Value> {
    let mut value = None;
    serializer.deserialize(bytes, &Context::new(key), &mut |deserializer| {
        value = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    })?;
    Ok(value.unwrap())
}

#[test]
fn round_trips() {
    for serializer in all(&keys()) {
        round_trip_all(&*serializer);
    }
}

#[test]
fn a_value_belongs_to_its_key() {
    for serializer in all(&keys()) {
        let bytes = encode(&*serializer, &7).unwrap();
        assert_eq!(read(&*serializer, "key", &bytes).unwrap(), 7);
        for other in ["", "ke", "key2", "Key", "1key"] {
            let error = read(&*serializer, other, &bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert!(error.to_string().contains("stored under another key"), "{error}");
        }
    }
}

/// No part of a key id can move into the key or the value.
#[test]
fn nothing_moves_between_id_key_and_value() {
    for both in all(&keys().reads("ab", &secret(1)).unwrap()) {
        let mut bytes = Vec::new();
        both.serialize(&7, &Context::new("bc"), &mut bytes).unwrap();
        bytes[1] = 2;
        bytes.insert(3, b'b');
        for key in ["c", "bc", "abc", ""] {
            read(&*both, key, &bytes).unwrap_err();
        }
    }
}

#[test]
fn keys_rotate() {
    let (old, new) = (SecretKeys::new("old", &secret(1)).unwrap(), SecretKeys::new("new", &secret(2)).unwrap());
    let both_old = old.clone().reads("new", &secret(2)).unwrap();
    let both_new = new.clone().reads("old", &secret(1)).unwrap();
    let same_id = SecretKeys::new("old", &secret(2)).unwrap();
    let [before, both_old, both_new, after, same_id] = [old, both_old, both_new, new, same_id].map(|keys| all(&keys));
    for which in 0..before.len() {
        let [before, both_old, both_new, after, same_id] =
            [&before, &both_old, &both_new, &after, &same_id].map(|serializers| &*serializers[which]);
        for (writer, readers) in [
            (before, [before, both_old, both_new]),
            (both_old, [before, both_old, both_new]),
            (both_new, [both_old, both_new, after]),
            (after, [both_old, both_new, after]),
        ] {
            let bytes = encode(writer, &7).unwrap();
            for reader in readers {
                assert_eq!(decode::<i32>(reader, &bytes).unwrap(), 7);
            }
        }
        let error = refusal::<i32>(after, &encode(before, &7).unwrap());
        assert!(error.to_string().contains("its key id \"old\" isn't among"), "{error}");
        refusal::<i32>(same_id, &encode(before, &7).unwrap());
    }
}

#[test]
fn no_secret_is_shown() {
    let broken = Secret::from("5e".repeat(31) + "zz");
    for error in [SecretKeys::new("a", &broken), keys().reads("b", &broken)].map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("64 hexadecimal digits") && !error.to_string().contains("5e"), "{error}");
    }
    for serializer in all(&keys()) {
        let shown = format!("{serializer:?}");
        assert!(shown.contains(r#"writes: "a""#) && !shown.contains("01"), "{shown}");
    }
    for id in ["", &"a".repeat(33)] {
        assert_eq!(SecretKeys::new(id, &secret(1)).unwrap_err().kind(), ErrorKind::Config);
    }
    assert!(keys().reads("a", &secret(2)).unwrap_err().to_string().contains("given twice"));
    for wrong in ["", "5e", &"é".repeat(32), &"+5".repeat(32)] {
        SecretKeys::new("a", &Secret::from(wrong)).unwrap_err();
    }
}

#[test]
fn every_truncation_and_every_byte_more_is_refused() {
    for serializer in all(&keys()) {
        let mut bytes = encode(&*serializer, &nested()).unwrap();
        for end in 0..bytes.len() {
            refusal::<serde_json::Value>(&*serializer, &bytes[..end]);
        }
        bytes.push(b' ');
        refusal::<serde_json::Value>(&*serializer, &bytes);
        refusal::<serde_json::Value>(&*serializer, b"[1,2,3]");
    }
}

proptest! {
    #[test]
    fn a_changed_value_is_refused(
        text in "[a-d]{0,100}",
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        for serializer in all(&keys()) {
            let whole = encode(&*serializer, &text).unwrap();
            let mut bytes = whole.clone();
            for (place, flip) in &changes {
                let place = place.index(bytes.len());
                bytes[place] ^= flip;
            }
            if bytes != whole {
                refusal::<String>(&*serializer, &bytes);
            }
        }
    }

    #[test]
    fn survives_garbage(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for serializer in all(&keys()) {
            read_as_everything(&*serializer, &bytes);
            read_as_everything(&*serializer, &[&[1, 1, b'a'], &bytes[..]].concat());
        }
    }
}
