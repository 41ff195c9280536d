#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use proptest::prelude::*;

use super::{Compressed, Frame};
use crate::ErrorKind;
use crate::serializer::{Context, Serializer, Visit};
use crate::serializers::Json;
use crate::serializers::testing::{
    bytes, decode, encode, nested, read_as_everything, round_trip, round_trip_all, vectors,
};

/// Each compiled way to pack, for values of any length.
fn all() -> Vec<Compressed> {
    vec![
        #[cfg(feature = "lz4")]
        Compressed::lz4(Json).threshold(0),
        #[cfg(feature = "zstd")]
        Compressed::zstd(Json).threshold(0),
    ]
}

/// Bytes as they are.
#[derive(Debug)]
struct Plain;

impl Serializer for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn serialize(
        &self,
        value: &dyn erased_serde::Serialize,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> crate::Result<()> {
        let start = out.len();
        Json.serialize(value, context, out)?;
        let bytes: Vec<u8> = serde_json::from_slice(&out[start..]).unwrap();
        out.truncate(start);
        out.extend(bytes);
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> crate::Result<()> {
        Json.deserialize(&serde_json::to_vec(bytes).unwrap(), context, visit)
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..len).map(|_| random.u8(..)).collect()
}

#[test]
fn round_trips() {
    for packed in all() {
        round_trip_all(&packed);
        round_trip_all(&Compressed { threshold: 512, ..packed.clone() });
        round_trip(&Compressed { inner: Arc::new(packed.clone()), ..packed }, &nested());
    }
}

#[test]
fn what_is_short_or_does_not_shrink_stays_as_it_is() {
    for packed in all() {
        let text = "ab".repeat(300);
        assert_eq!(
            encode(&Compressed { threshold: 603, ..packed.clone() }, &text).unwrap(),
            encode(&Json, &text).unwrap()
        );
        assert!(encode(&Compressed { threshold: 602, ..packed.clone() }, &text).unwrap().len() < 100);
        let plain = Compressed { inner: Arc::new(Plain), ..packed.clone() };
        assert_eq!(encode(&plain, &noise(5_000)).unwrap(), noise(5_000));
        // A value from before values were packed.
        assert_eq!(decode::<Vec<i32>>(&packed, b"[1,2]").unwrap(), [1, 2]);
    }
}

#[test]
fn one_way_reads_what_the_other_wrote() {
    for (one, other) in all().iter().flat_map(|one| all().into_iter().map(move |other| (one.clone(), other))) {
        let value = "ab".repeat(300);
        assert_eq!(decode::<String>(&one, &encode(&other, &value).unwrap()).unwrap(), value);
    }
}

/// Bytes that a reader would take for a frame are packed, though they are short and don't shrink.
#[test]
fn what_begins_as_a_frame_comes_back() {
    for packed in all() {
        for magic in [[0x04, 0x22, 0x4d, 0x18], [0x28, 0xb5, 0x2f, 0xfd]] {
            let bytes = [&magic[..], &noise(40)].concat();
            for threshold in [0, 4_000] {
                let packed = Compressed { inner: Arc::new(Plain), threshold, ..packed.clone() };
                round_trip(&packed, &bytes);
                let refused = encode(&packed.max_unpacked(43), &bytes).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::Encode);
            }
        }
    }
}

#[test]
fn a_frame_of_more_than_the_bound_is_refused() {
    for packed in all() {
        let value = "a".repeat(10_000);
        let bytes = encode(&packed, &value).unwrap();
        assert_eq!(decode::<String>(&packed.clone().max_unpacked(10_002), &bytes).unwrap(), value);
        let bounded = packed.max_unpacked(10_001);
        let error = decode::<String>(&bounded, &bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("10002 bytes, and `max_unpacked` is 10001"), "{error}");
        // It isn't written, either.
        assert_eq!(encode(&bounded, &value).unwrap().len(), 10_002);
    }
}

/// A frame that tells a shorter length, and one that tells a longer one.
#[test]
fn a_lie_about_the_length_is_an_error() {
    for packed in all() {
        let bytes = encode(&packed, &"a".repeat(40_000)).unwrap();
        let place =
            bytes.windows(2).position(|two| two == 40_002_u16.to_le_bytes() || two == (40_002 - 256_u16).to_le_bytes());
        for lie in [3, 0xffff] {
            let mut bytes = bytes.clone();
            bytes[place.unwrap()..][..2].copy_from_slice(&u16::to_le_bytes(lie));
            assert_eq!(decode::<String>(&packed, &bytes).unwrap_err().kind(), ErrorKind::Decode);
        }
    }
}

#[test]
fn every_truncation_and_every_byte_more_is_an_error() {
    for packed in all() {
        for value in [vec!["a".repeat(300)], (0..200).map(|n| n.to_string()).collect()] {
            let mut bytes = encode(&packed, &value).unwrap();
            for end in 4..bytes.len() {
                assert_eq!(
                    decode::<Vec<String>>(&packed, &bytes[..end]).unwrap_err().kind(),
                    ErrorKind::Decode,
                    "{end}"
                );
            }
            bytes.push(0);
            assert_eq!(decode::<Vec<String>>(&packed, &bytes).unwrap_err().kind(), ErrorKind::Decode);
        }
    }
}

proptest! {
    /// Flipped, cut, or with something else in the middle: the value, or an error. (One bit of zstd's header means nothing.)
    #[test]
    fn a_changed_frame_is_never_another_value(
        text in "[a-d]{20,300}",
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        for packed in all() {
            let value = vec![text.clone(); 9];
            let whole = encode(&packed, &value).unwrap();
            if Frame::of(&whole).is_none() {
                continue;
            }
            let mut flipped = whole.clone();
            for (place, flip) in &changes {
                let place = place.index(flipped.len());
                flipped[place] ^= flip;
            }
            for bytes in [&flipped[..], &flipped[..end.index(flipped.len())], &whole[..end.index(whole.len())]] {
                if let Ok(read) = decode::<Vec<String>>(&packed, bytes) {
                    prop_assert_eq!(&read, &value);
                }
            }
        }
    }

    #[test]
    fn survives_garbage(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for packed in all() {
            let packed = packed.max_unpacked(1 << 20);
            read_as_everything(&packed, &bytes);
            for magic in [[0x04, 0x22, 0x4d, 0x18], [0x28, 0xb5, 0x2f, 0xfd]] {
                read_as_everything(&packed, &[&magic[..], &bytes].concat());
            }
        }
    }
}

/// Frames that the tools `zstd` and `lz4` wrote.
#[test]
fn the_documents_frames_are_read() {
    let vectors = vectors("Packed values");
    assert!(vectors.len() >= 4);
    for packed in all() {
        let plain = Compressed { inner: Arc::new(Plain), ..packed };
        for vector in &vectors {
            let [by, text, times, stored] = &vector[..] else { unreachable!("{vector:?}") };
            let read = decode::<Vec<u8>>(&plain, &bytes(stored));
            match by.as_str() {
                "zstd" if cfg!(not(feature = "zstd")) => assert!(read.is_err()),
                "lz4" if cfg!(not(feature = "lz4")) => assert!(read.is_err()),
                _ => assert_eq!(read.unwrap(), text.repeat(times.parse().unwrap()).into_bytes()),
            }
        }
    }
}
