#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::Signed;
use crate::serializer::{Context, Serializer};
use crate::serializers::testing::{
    bytes, decode, encode, nested, read_as_everything, refusal, round_trip_all, vectors,
};
use crate::serializers::{Json, SecretKeys};
use crate::{ErrorKind, Secret};

fn secret(byte: u8) -> Secret {
    Secret::from(format!("{byte:02x}").repeat(32))
}

fn keys() -> SecretKeys {
    SecretKeys::new("a", &secret(1)).unwrap()
}

fn signed() -> Signed {
    Signed::new(keys(), Json)
}

fn read(serializer: &Signed, key: &str, bytes: &[u8]) -> crate::Result<serde_json::Value> {
    let mut value = None;
    serializer.deserialize(bytes, &Context::new(key), &mut |deserializer| {
        value = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    })?;
    Ok(value.unwrap())
}

#[test]
fn round_trips() {
    round_trip_all(&signed());
}

#[test]
fn a_value_belongs_to_its_key() {
    let bytes = encode(&signed(), &7).unwrap();
    assert_eq!(read(&signed(), "key", &bytes).unwrap(), 7);
    for other in ["", "ke", "key2", "Key", "1key"] {
        let error = read(&signed(), other, &bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("stored under another key"), "{error}");
    }
}

/// No part of a key id can move into the key or the value.
#[test]
fn nothing_moves_between_id_key_and_value() {
    let keys = SecretKeys::new("a", &secret(1)).unwrap().reads("ab", &secret(1)).unwrap();
    let both = Signed::new(keys, Json);
    let mut bytes = Vec::new();
    both.serialize(&7, &Context::new("bc"), &mut bytes).unwrap();
    bytes[1] = 2;
    bytes.insert(3, b'b');
    for key in ["c", "bc", "abc", ""] {
        read(&both, key, &bytes).unwrap_err();
    }
}

#[test]
fn keys_rotate() {
    let (old, new) = (secret(1), secret(2));
    let before = Signed::new(SecretKeys::new("old", &old).unwrap(), Json);
    let both_old = Signed::new(SecretKeys::new("old", &old).unwrap().reads("new", &new).unwrap(), Json);
    let both_new = Signed::new(SecretKeys::new("new", &new).unwrap().reads("old", &old).unwrap(), Json);
    let after = Signed::new(SecretKeys::new("new", &new).unwrap(), Json);
    for (writer, readers) in [
        (&before, &[&before, &both_old, &both_new][..]),
        (&both_old, &[&before, &both_old, &both_new]),
        (&both_new, &[&both_old, &both_new, &after]),
        (&after, &[&both_old, &both_new, &after]),
    ] {
        let bytes = encode(writer, &7).unwrap();
        for reader in readers {
            assert_eq!(decode::<i32>(*reader, &bytes).unwrap(), 7);
        }
    }
    let error = refusal::<i32>(&after, &encode(&before, &7).unwrap());
    assert!(error.to_string().contains("its key id \"old\" isn't among"), "{error}");
    let same_id = Signed::new(SecretKeys::new("old", &new).unwrap(), Json);
    refusal::<i32>(&same_id, &encode(&before, &7).unwrap());
}

#[test]
fn no_secret_is_shown() {
    let broken = Secret::from("5e".repeat(31) + "zz");
    for error in [SecretKeys::new("a", &broken), keys().reads("b", &broken)].map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("64 hexadecimal digits") && !error.to_string().contains("5e"), "{error}");
    }
    let shown = format!("{:?}", signed());
    assert!(shown.contains(r#"writes: "a""#) && !shown.contains("01"), "{shown}");
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
    let mut bytes = encode(&signed(), &nested()).unwrap();
    for end in 0..bytes.len() {
        refusal::<serde_json::Value>(&signed(), &bytes[..end]);
    }
    bytes.push(b' ');
    refusal::<serde_json::Value>(&signed(), &bytes);
    refusal::<serde_json::Value>(&signed(), b"[1,2,3]");
}

/// A program in Python wrote these.
#[test]
fn the_documents_vectors_are_read() {
    let vectors = vectors("Signed values");
    assert!(vectors.len() >= 2);
    for vector in vectors {
        let [id, key, name, value, stored] = &vector[..] else { unreachable!("{vector:?}") };
        let keys = SecretKeys::new(id, &Secret::from(key.as_str())).unwrap();
        let context = Context::new(name);
        assert_eq!(super::checked(&keys, &bytes(stored), &context).unwrap(), bytes(value));
    }
}

proptest! {
    #[test]
    fn a_changed_value_is_refused(
        text in "[a-d]{0,100}",
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let whole = encode(&signed(), &text).unwrap();
        let mut bytes = whole.clone();
        for (place, flip) in changes {
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
        }
        if bytes != whole {
            refusal::<String>(&signed(), &bytes);
        }
    }

    #[test]
    fn survives_garbage(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&signed(), &bytes);
        read_as_everything(&signed(), &[&[1, 1, b'a'], &bytes[..]].concat());
    }
}

/// A forged value is refused before the other serializer sees a byte.
#[test]
fn what_is_forged_is_not_read() {
    #[derive(Debug)]
    struct Never;

    impl Serializer for Never {
        fn name(&self) -> &str {
            "never"
        }

        fn serialize(
            &self,
            value: &dyn erased_serde::Serialize,
            context: &Context<'_>,
            out: &mut Vec<u8>,
        ) -> crate::Result<()> {
            Json.serialize(value, context, out)
        }

        fn deserialize(&self, _: &[u8], _: &Context<'_>, _: &mut crate::serializer::Visit<'_>) -> crate::Result<()> {
            unreachable!("it is asked to read what nobody has signed")
        }

        fn reads_decimal_text(&self) -> bool {
            true
        }
    }

    let other = Signed::new(SecretKeys::new("a", &secret(2)).unwrap(), Json);
    refusal::<i32>(&Signed::new(keys(), Never), &encode(&other, &7).unwrap());
    assert!(!signed().reads_decimal_text());
}
