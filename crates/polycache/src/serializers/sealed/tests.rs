#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Sealed;
use crate::Secret;
use crate::serializer::Context;
use crate::serializers::secret_keys::tests::keys;
use crate::serializers::testing::{bytes, encode, vectors};
use crate::serializers::{Json, SecretKeys};

/// A program in Python wrote these.
#[test]
fn the_documents_vectors_are_read() {
    let vectors = vectors("Sealed values");
    assert!(vectors.len() >= 2);
    for vector in vectors {
        let [id, key, name, value, stored] = &vector[..] else { unreachable!("{vector:?}") };
        let keys = SecretKeys::new(id, &Secret::from(key.as_str())).unwrap();
        let context = Context::new(name);
        assert_eq!(super::open(&keys, &bytes(stored), &context).unwrap(), bytes(value));
    }
}

#[test]
fn equal_values_are_not_alike() {
    let sealed = Sealed::new(keys(), Json);
    assert_ne!(encode(&sealed, &7).unwrap(), encode(&sealed, &7).unwrap());
    let long = encode(&sealed, &"secret".repeat(9)).unwrap();
    assert!(!long.windows(3).any(|three| three == b"sec"));
}
