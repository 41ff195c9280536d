//! Frames of zstd.

use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, find_frame_compressed_size, get_error_name, get_frame_content_size};

use crate::settings::Range;

pub(super) const DEFAULT_LEVEL: u32 = 3;
pub(super) const LEVEL: Range<u32> = Range::new("level", 1, 22);

pub(super) fn pack(plain: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(i32::try_from(level).unwrap_or(i32::MAX))?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.compress(plain)
}

/// In one step, which needs no window beside the content.
pub(super) fn unpack(frame: &[u8], max: usize) -> Result<Vec<u8>, String> {
    let told = get_frame_content_size(frame).map_err(|_| "the frame's beginning is broken".to_owned())?;
    let len = super::content_len(told, max)?;
    let end = find_frame_compressed_size(frame).map_err(|code| get_error_name(code).to_owned())?;
    if end != frame.len() {
        return Err(format!("something follows the frame, at byte {end}"));
    }
    Decompressor::new().and_then(|mut it| it.decompress(frame, len)).map_err(|error| error.to_string())
}
