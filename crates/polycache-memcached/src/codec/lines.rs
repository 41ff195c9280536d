//! The lines of replies, taken apart.

use memchr::memchr;

use super::expect::Opaque;
use super::reply::{Meta, ProtocolError, Refusal, RefusalKind, Status};

/// The number that these digits make; `None` if they are no number, or a larger one than 64 bits hold.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 { None } else { sum.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}

fn signed(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => number(digits).and_then(|number| 0_i64.checked_sub_unsigned(number)),
        None => number(text).and_then(|number| i64::try_from(number).ok()),
    }
}

/// The number at the front, of at most nine digits, and the bytes after it; `None` if there is no number, or no byte after it.
#[inline]
pub(super) fn digits(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0_u32;
    for (count, byte) in bytes.iter().enumerate().take(10) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (count > 0).then(|| (number, &bytes[count..]));
        }
        // It may overflow at the tenth digit, but then nothing is returned.
        number = number.wrapping_mul(10).wrapping_add(u32::from(digit));
    }
    None
}

/// The words of a line.
pub(super) fn words(line: &[u8]) -> Words<'_> {
    Words { rest: line }
}

/// A plain loop, since lines are short and every reply has one.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
        let mut length = 0;
        while length < self.rest.len() && self.rest[length] != b' ' {
            length += 1;
        }
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        if word.is_empty() { None } else { Some(word) }
    }
}

/// The refusal that this line holds, if it is an error line.
pub(super) fn refusal(line: &[u8]) -> Option<Refusal> {
    let refusal =
        |kind, text: &[u8]| Refusal { kind, message: String::from_utf8_lossy(text.trim_ascii()).into_owned() };
    if let Some(text) = line.strip_prefix(b"SERVER_ERROR") {
        Some(refusal(RefusalKind::Server, text))
    } else if let Some(text) = line.strip_prefix(b"CLIENT_ERROR") {
        Some(refusal(RefusalKind::Client, text))
    } else {
        // "ERROR", and "ERROR Too many open connections".
        let text = line.strip_prefix(b"ERROR")?;
        (text.is_empty() || text.starts_with(b" ")).then(|| refusal(RefusalKind::Unknown, text))
    }
}

/// A meta reply in its usual shape, read in one pass: `HD O..`, `EN O..`, or `VA 5 f0 O..` with its value. Returns it with the end of its
/// line and the value's length; `None` for any other shape.
#[inline]
pub(super) fn usual_meta(input: &[u8], opaque: Opaque) -> Option<(Meta, usize, Option<usize>)> {
    let mut meta = Meta { status: Status::Done, value: None, flags: 0, cas: 0, ttl: None };
    let (rest, length) = match input {
        [b'H', b'D', rest @ ..] => (rest, None),
        [b'E', b'N', rest @ ..] => {
            meta.status = Status::Missing;
            (rest, None)
        }
        _ => {
            let (length, rest) = digits(input.strip_prefix(b"VA ")?)?;
            let (flags, rest) = digits(rest.strip_prefix(b" f")?)?;
            meta.flags = flags;
            (rest, Some(length as usize))
        }
    };
    let [a, b] = opaque.token();
    let rest = rest.strip_prefix(&[b' ', b'O', a, b, b'\r', b'\n'])?;
    Some((meta, input.len() - rest.len(), length))
}

/// A CAS number as the callers know it, from the server's, or the other way round. 0, the number of a server without CAS, stays.
pub(super) fn shifted(cas: u64, shift: u64) -> u64 {
    if cas == 0 { 0 } else { cas ^ shift }
}

/// A meta reply, and the length of its data block if it has one; `None` if the line is no meta reply.
#[inline]
pub(super) fn meta(line: &[u8], opaque: Opaque, shift: u64) -> Result<Option<(Meta, Option<usize>)>, ProtocolError> {
    let mut words = words(line);
    let code = words.next().unwrap_or_default();
    let mut length = None;
    let status = match code {
        b"VA" => {
            let digits = words.next().unwrap_or_default();
            let parsed = number(digits).and_then(|length| usize::try_from(length).ok());
            length = Some(parsed.ok_or_else(|| ProtocolError::in_line("a value of no length", line))?);
            Status::Done
        }
        b"HD" => Status::Done,
        b"EN" | b"NF" => Status::Missing,
        b"NS" => Status::NotStored,
        b"EX" => Status::Changed,
        _ => return Ok(None),
    };
    let mut meta = Meta { status, value: None, flags: 0, cas: 0, ttl: None };
    // Some versions of 1.6 send a bare `EN`.
    let mut confirmed = code == b"EN";
    for word in words {
        let (flag, token) = (word[0], &word[1..]);
        let legal = match flag {
            b'f' => number(token).and_then(|flags| u32::try_from(flags).ok()).map(|flags| meta.flags = flags),
            b'c' => number(token).map(|cas| meta.cas = shifted(cas, shift)),
            b't' => signed(token).map(|ttl| meta.ttl = Some(ttl)),
            b'O' if token != opaque.token() => {
                return Err(ProtocolError::in_line("the reply to another request", line));
            }
            b'O' => {
                confirmed = true;
                Some(())
            }
            _ => Some(()),
        };
        if legal.is_none() {
            return Err(ProtocolError::in_line("a flag of a reply is no number", line));
        }
    }
    if !confirmed {
        return Err(ProtocolError::in_line("a reply without its opaque", line));
    }
    Ok(Some((meta, length)))
}

/// The key, flags and length of a value.
type ValueLine<'a> = (&'a [u8], u32, usize);

/// The contents of a `VALUE` line; `None` for another line.
pub(super) fn value(line: &[u8]) -> Result<Option<ValueLine<'_>>, ProtocolError> {
    let Some(rest) = line.strip_prefix(b"VALUE ") else { return Ok(None) };
    let parsed = (|| {
        let (key, rest) = rest.split_at(memchr(b' ', rest)?);
        let (flags, length) = rest[1..].split_at(memchr(b' ', &rest[1..])?);
        // A CAS number may follow.
        let length = length[1..].split(|&byte| byte == b' ').next()?;
        Some((key, u32::try_from(number(flags)?).ok()?, usize::try_from(number(length)?).ok()?))
    })();
    parsed.map(Some).ok_or_else(|| ProtocolError::in_line("a malformed value", line))
}
