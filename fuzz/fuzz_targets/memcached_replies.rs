#![no_main]

//! Any bytes as replies, cut anywhere: each is a reply or an error, the same however they are cut, and never larger than allowed.

use bytes::BytesMut;
use polycache_memcached::codec::{Decoder, Expect, ProtocolError, RawCommand, Reply, Request, WireKey};

const MAX: usize = 1_000;

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    forms: Vec<u8>,
    cuts: Vec<u8>,
    bytes: &'a [u8],
}

fn expect(form: u8) -> Expect {
    let key = &WireKey::new(b"k");
    let keys = &["a", "b", "a", "sha256:c"].map(|key| WireKey::new(key.as_bytes()));
    let raw = |line| Request::Raw(RawCommand::new(line).expect("a legal line"));
    let request = match form % 6 {
        0 => Request::Get { key, cas: true },
        1 => Request::MultiGet { keys },
        2 => Request::Version,
        3 => raw(b"get a"),
        4 => raw(b"mg a v"),
        _ => raw(b"stats"),
    };
    request.encode(0, &mut Vec::new())
}

/// All replies, one for each form, up to the first error or the end of the bytes.
fn replies<'a>(forms: &[u8], pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Reply>, Option<ProtocolError>) {
    let (mut decoder, mut input, mut replies) = (Decoder::new(MAX), BytesMut::new(), Vec::new());
    let mut forms = forms.iter();
    let mut expected = forms.next().map(|&form| expect(form));
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some(form) = &mut expected {
            match decoder.decode(&mut input, form) {
                Ok(Some(reply)) => {
                    replies.push(reply);
                    expected = forms.next().map(|&form| expect(form));
                }
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

fn pieces<'a>(bytes: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let (mut rest, mut cuts) = (bytes, cuts.iter());
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = cuts.next().map_or(rest.len(), |&cut| usize::from(cut).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let (whole, error) = replies(&input.forms, std::iter::once(input.bytes));
    let (cut, cut_error) = replies(&input.forms, pieces(input.bytes, &input.cuts));
    assert_eq!(whole, cut);
    assert_eq!(error.is_some(), cut_error.is_some());
    for reply in whole {
        match reply {
            Reply::Meta(meta) => assert!(meta.value.is_none_or(|value| value.len() <= MAX)),
            Reply::Values(values) => {
                assert_eq!(values.len(), 4);
                assert!(values.iter().flatten().all(|item| item.value.len() <= MAX));
            }
            _ => {}
        }
    }
});
