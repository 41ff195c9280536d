#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Signed;
use crate::Secret;
use crate::serializer::{Context, Serializer};
use crate::serializers::secret_keys::tests::{keys, secret};
use crate::serializers::testing::{bytes, encode, refusal, vectors};
use crate::serializers::{Json, SecretKeys};

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
    assert!(!Signed::new(keys(), Json).reads_decimal_text());
}
