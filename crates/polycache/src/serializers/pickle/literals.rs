//! The spellings of numbers and strings inside a pickle.

use std::borrow::Cow;
use std::num::IntErrorKind;

use super::tree::Node;

/// The argument of INT and LONG: decimal digits, and an `L` after those of a Python 2 `long`. INT spells booleans too.
pub(super) fn decimal(line: &[u8], may_be_bool: bool) -> Option<Node<'static>> {
    let line = without_cr(line);
    match line {
        b"00" if may_be_bool => return Some(Node::Bool(false)),
        b"01" if may_be_bool => return Some(Node::Bool(true)),
        _ => {}
    }
    let text = ascii(line.strip_suffix(b"L").unwrap_or(line))?;
    match text.parse() {
        Ok(number) => Some(Node::Int(number)),
        Err(error) => match error.kind() {
            IntErrorKind::PosOverflow => Some(text.parse().map_or(Node::HugeInt, Node::Unsigned)),
            IntErrorKind::NegOverflow => Some(Node::HugeInt),
            _ => None,
        },
    }
}

/// An integer in two's complement, the least significant byte first, of any length.
pub(super) fn twos_complement(bytes: &[u8]) -> Node<'static> {
    const WIDTH: usize = size_of::<i128>();

    let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut whole = [sign; WIDTH];
    let kept = bytes.len().min(WIDTH);
    whole[..kept].copy_from_slice(&bytes[..kept]);
    let number = i128::from_le_bytes(whole);
    match (bytes[kept..].iter().all(|&byte| byte == sign), sign) {
        (true, 0) if number < 0 => Node::Unsigned(u128::from_le_bytes(whole)),
        (true, _) if (number < 0) == (sign != 0) => Node::Int(number),
        _ => Node::HugeInt,
    }
}

pub(super) fn float(line: &[u8]) -> Option<f64> {
    ascii(line)?.parse().ok()
}

pub(super) fn memo_id(line: &[u8]) -> Option<usize> {
    ascii(line)?.parse().ok()
}

fn ascii(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(without_cr(line)).ok()
}

/// A pickle of protocol 0 may have gone through a file in text mode.
fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The argument of UNICODE, Python's encoding `raw-unicode-escape`: Latin-1, where `\uXXXX` and `\UXXXXXXXX` stand for
/// other characters.
pub(super) fn raw_unicode_escape(line: &[u8]) -> Option<Cow<'_, str>> {
    if line.is_ascii() && !line.contains(&b'\\') {
        return std::str::from_utf8(line).ok().map(Cow::Borrowed);
    }
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => after.get(1..5)?,
            (b'\\', Some(b'U')) => after.get(1..9)?,
            _ => {
                text.push(char::from(byte));
                continue;
            }
        };
        rest = &after[1 + digits.len()..];
        text.push(char::from_u32(hex(digits)?)?);
    }
    Some(Cow::Owned(text))
}

/// The argument of STRING, Python 2's `repr` of a byte string: quoted, with escapes.
pub(super) fn quoted(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    let ([b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"']) = without_cr(line) else {
        return None;
    };
    if !inner.contains(&b'\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, after) = after.split_first()?;
        rest = after;
        bytes.push(match escape {
            b'\\' | b'\'' | b'"' => escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = after.get(..2)?;
                rest = &after[2..];
                u8::try_from(hex(digits)?).ok()?
            }
            _ => return None,
        });
    }
    Some(Cow::Owned(bytes))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, &digit| number.checked_mul(16)?.checked_add(char::from(digit).to_digit(16)?))
}
