//! Shared by the targets that read replies.

use std::fmt::Debug;

use bytes::BytesMut;

/// Bytes of a server, and the lengths of the pieces they come in.
#[derive(Debug, arbitrary::Arbitrary)]
pub struct Pieces<'a> {
    cuts: Vec<u8>,
    bytes: &'a [u8],
}

impl<'a> Pieces<'a> {
    /// All that a reader makes of the bytes, up to the first error or the end; the same whole as in pieces. `reader` makes a reader,
    /// which takes a reply out of the bytes that have come, if there is a whole one.
    pub fn read<R: Debug, E, Reader>(&self, reader: impl Fn() -> Reader) -> Vec<R>
    where
        Reader: FnMut(&mut BytesMut) -> Result<Option<R>, E>,
    {
        let (whole, error) = read(std::iter::once(self.bytes), reader());
        let (cut, cut_error) = read(self.iter(), reader());
        // As text: a number that isn't one isn't equal to itself.
        assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
        assert_eq!(error.is_some(), cut_error.is_some());
        whole
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        let (mut rest, mut cuts) = (self.bytes, self.cuts.iter());
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
}

/// All replies up to the first error or the end.
fn read<'a, R, E>(
    pieces: impl Iterator<Item = &'a [u8]>,
    mut reader: impl FnMut(&mut BytesMut) -> Result<Option<R>, E>,
) -> (Vec<R>, Option<E>) {
    let (mut input, mut replies) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match reader(&mut input) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}
