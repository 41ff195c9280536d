//! Whether bytes are one `MessagePack` value and nothing else, before anything is built from them.
//!
//! `rmp_serde` alone isn't enough on bytes that anybody may have written: nesting has to be bounded whatever type is read, bytes after the
//! value are an error here, and messages have a position. One pass over the markers, without recursion or allocation, settles all three.
//! The markers are those of <https://github.com/msgpack/msgpack/blob/master/spec.md>.

use crate::Result;
use crate::serializers::{MAX_DEPTH, decode_error_at};

/// `rmp_serde` refuses when its counter *reaches* zero, but [`check`] has to refuse first.
pub(super) const RMP_DEPTH: usize = MAX_DEPTH + 2;

/// The announcement of a marker.
enum Shape {
    /// This many bytes follow, and the value ends.
    Fixed(usize),
    /// A big-endian length of this width, then that many bytes and these.
    Counted(usize, usize),
    /// This many values follow.
    Values(usize),
    /// A big-endian count of this width, then that many groups of this many values.
    CountedValues(usize, usize),
}

/// `None` for the one byte that is no marker.
const fn shape(marker: u8) -> Option<Shape> {
    Some(match marker {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Shape::Fixed(0), // small integers, nil, booleans
        0x80..=0x8f => Shape::Values(2 * (marker & 0x0f) as usize),        // fixmap
        0x90..=0x9f => Shape::Values((marker & 0x0f) as usize),            // fixarray
        0xa0..=0xbf => Shape::Fixed((marker & 0x1f) as usize),             // fixstr
        0xc1 => return None,
        0xc4 | 0xd9 => Shape::Counted(1, 0), // bin 8, str 8
        0xc5 | 0xda => Shape::Counted(2, 0),
        0xc6 | 0xdb => Shape::Counted(4, 0),
        0xc7 => Shape::Counted(1, 1), // ext 8, its type after the length
        0xc8 => Shape::Counted(2, 1),
        0xc9 => Shape::Counted(4, 1),
        0xcc | 0xd0 => Shape::Fixed(1),        // integers and floats
        0xcd | 0xd1 | 0xd4 => Shape::Fixed(2), // and fixext 1, its type before the data
        0xca | 0xce | 0xd2 => Shape::Fixed(4),
        0xcb | 0xcf | 0xd3 => Shape::Fixed(8),
        0xd5 => Shape::Fixed(3),
        0xd6 => Shape::Fixed(5),
        0xd7 => Shape::Fixed(9),
        0xd8 => Shape::Fixed(17),
        0xdc => Shape::CountedValues(2, 1), // array 16
        0xdd => Shape::CountedValues(4, 1),
        0xde => Shape::CountedValues(2, 2), // map 16
        0xdf => Shape::CountedValues(4, 2),
    })
}

pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let refuse = |what: std::fmt::Arguments<'_>, at: usize| Err(decode_error_at("msgpack", what, at));
    let mut rest = bytes;
    // How many values are still to come in each open container.
    let mut open = [0_usize; MAX_DEPTH];
    let mut depth = 0;

    loop {
        let at = bytes.len() - rest.len();
        let Some((&marker, after)) = rest.split_first() else {
            return refuse(format_args!("expected a value, found the end"), at);
        };
        let Some(shape) = shape(marker) else {
            return refuse(format_args!("expected a marker, found {marker:#04x}"), at);
        };
        let (skipped, values) = match shape {
            Shape::Fixed(length) => (Some(length), 0),
            Shape::Values(values) => (Some(0), values),
            Shape::Counted(width, extra) => {
                let length = big_endian(after, width).and_then(|length| length.checked_add(width + extra));
                (length, 0)
            }
            Shape::CountedValues(width, group) => match big_endian(after, width) {
                Some(count) => (Some(width), count.saturating_mul(group)),
                None => (None, 0),
            },
        };
        let Some(after) = skipped.and_then(|skipped| after.get(skipped..)) else {
            return refuse(format_args!("expected more bytes than there are"), at);
        };
        rest = after;

        // A value takes at least a byte, so no honest count is larger than the number of bytes left.
        if values > rest.len() {
            return refuse(format_args!("expected {values} values, but {} bytes are left", rest.len()), at);
        }
        if values > 0 {
            let Some(slot) = open.get_mut(depth) else {
                return refuse(format_args!("nested deeper than {MAX_DEPTH}"), at);
            };
            *slot = values;
            depth += 1;
            continue;
        }
        while depth > 0 {
            open[depth - 1] -= 1;
            if open[depth - 1] > 0 {
                break;
            }
            depth -= 1;
        }
        if depth == 0 {
            break;
        }
    }

    if rest.is_empty() { Ok(()) } else { refuse(format_args!("expected the end"), bytes.len() - rest.len()) }
}

fn big_endian(bytes: &[u8], width: usize) -> Option<usize> {
    let number = bytes.get(..width)?;
    number.iter().try_fold(0_usize, |number, &byte| number.checked_mul(256)?.checked_add(byte.into()))
}
