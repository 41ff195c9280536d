//! Frames of lz4.

use std::io::{self, Read, Write};

use lz4_flex::frame::{BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

/// The sixth byte of a frame with blocks of 64 KiB. A reader needs as much for itself, several times.
const SMALL_BLOCKS: u8 = 0x40;

pub(super) fn pack(plain: &[u8]) -> io::Result<Vec<u8>> {
    let info = FrameInfo::new()
        .content_size(u64::try_from(plain.len()).ok())
        .block_size(BlockSize::Max64KB)
        .content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?)
}

pub(super) fn unpack(frame: &[u8], max: usize) -> Result<Vec<u8>, String> {
    let len = super::content_len(told(frame), max)?;
    if frame.get(5).is_none_or(|blocks| *blocks != SMALL_BLOCKS) {
        return Err("its blocks are larger than 64 KiB; write it with smaller ones".to_owned());
    }
    let mut decoder = FrameDecoder::new(frame.chain(CutOff));
    // Nothing unpacks to more than 255 times its length, so a false length reserves no more than that.
    let mut plain = Vec::with_capacity(len.min(frame.len().saturating_mul(255)));
    // One byte more than allowed, to notice a longer content.
    let most = u64::try_from(len).unwrap_or(u64::MAX).saturating_add(1);
    decoder.by_ref().take(most).read_to_end(&mut plain).map_err(|error| error.to_string())?;
    if plain.len() != len {
        return Err(format!("its content has another length than the {len} bytes that it tells"));
    }
    let (rest, _) = decoder.into_inner().into_inner();
    if !rest.is_empty() {
        return Err(format!("something follows the frame, at byte {}", frame.len() - rest.len()));
    }
    Ok(plain)
}

/// The length of the content, if the frame tells it.
fn told(frame: &[u8]) -> Option<u64> {
    const TELLS: u8 = 0x08;
    let told = frame.get(4).is_some_and(|flags| flags & TELLS != 0);
    told.then(|| frame.get(6..)?.first_chunk().copied().map(u64::from_le_bytes)).flatten()
}

/// Behind a frame: the decoder takes a frame without an end as ending there.
#[derive(Debug)]
struct CutOff;

impl Read for CutOff {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is cut off"))
    }
}
