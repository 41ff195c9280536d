#![no_main]

//! Any bytes as replies of Redis, cut anywhere: each is a reply or an error, the same however they are cut.

use bytes::BytesMut;
use polycache::backends::redis::resp::{Frame, Reader};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    cuts: Vec<u8>,
    bytes: &'a [u8],
}

/// All frames up to the first error or the end of the bytes; and whether there was an error.
fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, bool) {
    let (mut reader, mut input, mut frames) = (Reader::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match reader.read(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
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
    let (whole, error) = frames(std::iter::once(input.bytes));
    let (cut, cut_error) = frames(pieces(input.bytes, &input.cuts));
    // A number that isn't one isn't equal to itself.
    assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
    assert_eq!(error, cut_error);
});
