//! The lines of replies, taken apart.

use super::expect::Opaque;
use super::reply::{Meta, ProtocolError, Refusal, RefusalKind, Status};

/// The number that these digits are, if they are one and it fits.
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

/// The words of a line.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|&byte| byte == b' ').filter(|word| !word.is_empty())
}

/// The refusal that this line is, if it is one.
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

/// A meta reply, and the length of its data block if it has one; `None` where the line is no meta reply.
pub(super) fn meta(line: &[u8], opaque: Opaque) -> Result<Option<(Meta, Option<usize>)>, ProtocolError> {
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
    let wrong = || ProtocolError::in_line("a flag of a reply is no number", line);
    // Some versions of 1.6 send a bare `EN`.
    let mut confirmed = code == b"EN";
    for word in words {
        let (flag, token) = (word[0], &word[1..]);
        match flag {
            b'f' => meta.flags = number(token).and_then(|flags| u32::try_from(flags).ok()).ok_or_else(wrong)?,
            b'c' => meta.cas = number(token).ok_or_else(wrong)?,
            b't' => meta.ttl = Some(signed(token).ok_or_else(wrong)?),
            b'O' if token == opaque.token() => confirmed = true,
            b'O' => return Err(ProtocolError::in_line("the reply to another request", line)),
            _ => {}
        }
    }
    if !confirmed {
        return Err(ProtocolError::in_line("a reply without its opaque", line));
    }
    Ok(Some((meta, length)))
}

/// The key, flags and length of a `VALUE` line; `None` where it is another line.
pub(super) fn value(line: &[u8]) -> Result<Option<(&[u8], u32, usize)>, ProtocolError> {
    let mut words = words(line);
    if words.next() != Some(b"VALUE") {
        return Ok(None);
    }
    let parsed = (|| {
        let key = words.next()?;
        let flags = u32::try_from(number(words.next()?)?).ok()?;
        let length = usize::try_from(number(words.next()?)?).ok()?;
        Some((key, flags, length))
    })();
    parsed.map(Some).ok_or_else(|| ProtocolError::in_line("a malformed value", line))
}
