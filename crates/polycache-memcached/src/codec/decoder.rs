//! Bytes in, replies out.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use super::expect::{Expect, Form, Keys, Looked, Opaque};
use super::lines;
use super::reply::{Meta, ProtocolError, Refusal, RefusalKind, Reply, Status};
use super::values::{COPIED_MAX, Values};

/// The longest line of a reply. The protocol's own lines are far shorter.
const LINE_MAX: usize = 8 * 1024;

/// Takes replies out of bytes, however these are cut into pieces. It looks at no byte twice, so a large value that comes in small pieces
/// costs no more.
#[derive(Debug)]
pub struct Decoder {
    max_value: usize,
    /// What CAS numbers are shifted by.
    shift: u64,
    /// How much of the input holds no line end, or belongs to a raw reply already.
    scanned: usize,
    /// How much of the input belongs to a raw reply already.
    taken: usize,
    /// The meta reply whose data block hasn't arrived yet.
    body: Option<Body>,
    values: Values,
    so_far: SoFar,
}

/// The arrived part of a reply that may go on after an error line.
#[derive(Debug, Default)]
struct SoFar {
    /// The first error line.
    refusal: Option<Refusal>,
    /// The number of error lines.
    refusals: usize,
    /// Whether `END` has come.
    ended: bool,
}

#[derive(Debug)]
struct Body {
    /// The length of the value, without its line end.
    length: usize,
    head: Head,
}

#[derive(Debug)]
enum Head {
    Meta(Meta),
    Value { index: usize, flags: u32 },
    Raw,
}

impl Decoder {
    /// A decoder that refuses values and raw replies of more than `max_value` bytes.
    #[must_use]
    pub fn new(max_value: usize) -> Self {
        // So sums with it can't overflow.
        let max_value = max_value.min(u32::MAX as usize);
        let (values, so_far) = (Values::default(), SoFar::default());
        Self { max_value, shift: 0, scanned: 0, taken: 0, body: None, values, so_far }
    }

    /// The same decoder, for CAS numbers that are shifted in requests by as much.
    pub(crate) fn shifting(self, shift: u64) -> Self {
        Self { shift, ..self }
    }

    /// The next reply, of the form `expect`, taken from the front of `input`; `None` if it isn't whole yet. Then call again with more
    /// input, and the same `expect`.
    ///
    /// # Errors
    /// The input is no such reply, or too large. The decoder must not be used any more.
    #[inline]
    pub fn decode(&mut self, input: &mut BytesMut, expect: &mut Expect) -> Result<Option<Reply>, ProtocolError> {
        match &mut expect.0 {
            Form::Meta(opaque) if self.body.is_none() => {
                if let Some(reply) = self.usual_meta(input, *opaque) {
                    return Ok(Some(reply));
                }
            }
            Form::LookAndWrite(opaque, looked) => return self.look_and_write(input, *opaque, looked),
            _ => {}
        }
        self.decode_any(input, expect)
    }

    fn look_and_write(
        &mut self,
        input: &mut BytesMut,
        opaque: Opaque,
        looked: &mut Looked,
    ) -> Result<Option<Reply>, ProtocolError> {
        let mut one = Expect::meta(opaque);
        if matches!(looked, Looked::NotYet) {
            let Some(reply) = self.decode(input, &mut one)? else { return Ok(None) };
            *looked = match reply {
                Reply::Meta(Meta { status: Status::Missing, .. }) => Looked::Missing,
                // Nothing behind this can be trusted.
                Reply::Refused(refusal) if refusal.kind != RefusalKind::Server => {
                    return Ok(Some(Reply::Refused(refusal)));
                }
                reply => Looked::At(Box::new(reply)),
            };
        }
        let Some(write) = self.decode(input, &mut one)? else { return Ok(None) };
        Ok(Some(match std::mem::take(looked) {
            Looked::At(look) => Reply::LookAndWrite(Box::new([*look, write])),
            Looked::NotYet | Looked::Missing => write,
        }))
    }

    fn decode_any(&mut self, input: &mut BytesMut, expect: &mut Expect) -> Result<Option<Reply>, ProtocolError> {
        loop {
            if self.body.is_some() {
                match self.body(input)? {
                    Some(Done::Reply(reply)) => return Ok(Some(reply)),
                    Some(Done::Part) => continue,
                    None => return Ok(None),
                }
            }
            if let Form::Values(keys) = &mut expect.0
                && self.scanned == 0
            {
                self.values.expect(keys.count());
                self.values.take_run(keys, input, self.max_value);
            }
            let is_dump = matches!(expect.0, Form::Dump);
            let Some((length, end)) = self.line(input, is_dump)? else { return Ok(None) };
            let start = self.taken;
            let line = &input[start..start + length];
            let reply = match &mut expect.0 {
                Form::Meta(opaque) => match lines::meta(line, *opaque, self.shift)? {
                    Some((meta, None)) => Some(Reply::Meta(meta)),
                    Some((meta, Some(length))) => {
                        self.wait_for(length, Head::Meta(meta))?;
                        None
                    }
                    None => Some(refused(line)?),
                },
                Form::Values(keys) => self.value_line(line, keys)?,
                Form::Line(reply) if line.starts_with(reply) => Some(Reply::Line(Bytes::copy_from_slice(line))),
                Form::Line(_) => refused(line).map(Some)?,
                // Its replies are asked for one by one.
                Form::LookAndWrite(..) => Some(refused(line)?),
                Form::Raw { is_get, broke_off } => self.raw_line(input, start, end, *is_get, broke_off)?,
                Form::Dump => self.dump_line(input, start, start + length, end)?,
            };
            if !matches!(expect.0, Form::Raw { .. } | Form::Dump) {
                input.advance(end);
            }
            if let Some(reply) = reply {
                self.reset();
                return Ok(Some(reply));
            }
            self.reserve(input);
        }
    }

    /// A reply to a meta command in its usual shape, if it is whole.
    #[inline]
    fn usual_meta(&mut self, input: &mut BytesMut, opaque: Opaque) -> Option<Reply> {
        let (mut meta, end, length) = lines::usual_meta(input, opaque)?;
        if let Some(length) = length {
            let fits = length <= self.max_value.min(COPIED_MAX);
            if !fits || input.get(end + length..end + length + 2) != Some(b"\r\n") {
                return None;
            }
            meta.value = Some(Bytes::copy_from_slice(&input[end..end + length]));
        }
        let end = end + length.map_or(0, |length| length + 2);
        // A cleared buffer begins at its old start, so the next read goes to memory that is in the processor's cache.
        if end == input.len() {
            input.clear();
        } else {
            input.advance(end);
        }
        self.reset();
        Some(Reply::Meta(meta))
    }

    fn reset(&mut self) {
        self.scanned = 0;
        self.taken = 0;
    }

    /// The length of the next line without its end, and where the line after it begins; `None` if it isn't whole. With `bare`, a line may
    /// end in a lone `\n`.
    fn line(&mut self, input: &BytesMut, bare: bool) -> Result<Option<(usize, usize)>, ProtocolError> {
        let from = self.scanned.max(self.taken);
        let Some(found) = memchr(b'\n', &input[from..]) else {
            if input.len() - self.taken > LINE_MAX {
                return Err(ProtocolError::in_line("a line without an end", &input[self.taken..]));
            }
            self.scanned = input.len();
            return Ok(None);
        };
        let line = &input[self.taken..from + found];
        self.scanned = 0;
        let next = from + found + 1;
        match line.split_last() {
            Some((b'\r', line)) if line.len() <= LINE_MAX => Ok(Some((line.len(), next))),
            _ if bare && line.len() <= LINE_MAX => Ok(Some((line.len(), next))),
            _ => Err(ProtocolError::in_line("a malformed line", line)),
        }
    }

    fn wait_for(&mut self, length: usize, head: Head) -> Result<(), ProtocolError> {
        if length > self.max_value {
            let max = self.max_value;
            return Err(ProtocolError::new(format!("a value of {length} bytes, where at most {max} are allowed")));
        }
        self.body = Some(Body { length, head });
        Ok(())
    }

    /// Room for the whole of a large value, so that it is read into place.
    fn reserve(&self, input: &mut BytesMut) {
        if let Some(body) = &self.body {
            let whole = self.taken + body.length + 2;
            if body.length > COPIED_MAX && whole > input.len() {
                input.reserve(whole - input.len());
            }
        }
    }

    fn value_line(&mut self, line: &[u8], keys: &mut Keys) -> Result<Option<Reply>, ProtocolError> {
        if let Some((key, flags, length)) = lines::value(line)? {
            let unasked = || ProtocolError::in_line("a value that wasn't asked for", line);
            let index = keys.find(key).ok_or_else(unasked)?;
            self.wait_for(length, Head::Value { index, flags })?;
            return Ok(None);
        }
        let so_far = std::mem::take(&mut self.so_far);
        if line == b"END" {
            let values = std::mem::take(&mut self.values);
            return Ok(Some(so_far.refusal.map_or_else(|| Reply::Values(values.finish()), Reply::Refused)));
        }
        let refusal = lines::refusal(line).ok_or_else(|| ProtocolError::in_line("an unexpected line", line))?;
        // A proxy sends this error for each key of a server that is out, and goes on. memcached itself breaks off.
        if refusal.is_of_a_backend() && so_far.refusals < keys.count() {
            self.so_far.refusals = so_far.refusals + 1;
            self.so_far.refusal = so_far.refusal.or(Some(refusal));
            return Ok(None);
        }
        self.values = Values::default();
        keys.broke_off = true;
        Ok(Some(Reply::Refused(refusal)))
    }

    /// A line of a raw reply, which stays in the input until it is whole.
    fn raw_line(
        &mut self,
        input: &mut BytesMut,
        start: usize,
        end: usize,
        is_get: bool,
        broke_off: &mut bool,
    ) -> Result<Option<Reply>, ProtocolError> {
        self.bound_raw(end)?;
        let line = &input[start..end - 2];
        if line == b"MN" {
            let so_far = std::mem::take(&mut self.so_far);
            return Ok(Some(match so_far.refusal {
                Some(refusal) => {
                    *broke_off = is_get && !so_far.ended;
                    input.advance(end);
                    Reply::Refused(refusal)
                }
                // The command was itself the mark.
                None if start == 0 => raw_reply(input, end, end),
                None => raw_reply(input, start, end),
            }));
        }
        if let Some(refusal) = lines::refusal(line) {
            self.so_far.refusal.get_or_insert(refusal);
        }
        self.so_far.ended |= line == b"END";
        let block = match lines::words(line).next() {
            Some(b"VA") => lines::words(line).nth(1).and_then(lines::number),
            Some(b"VALUE") => lines::value(line)?.map(|(_, _, length)| length as u64),
            _ => None,
        };
        if let Some(length) = block {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            self.wait_for(length, Head::Raw)?;
        }
        self.taken = end;
        Ok(None)
    }

    /// A line of a list of keys, or the one line in place of the list.
    fn dump_line(
        &mut self,
        input: &mut BytesMut,
        start: usize,
        line_end: usize,
        end: usize,
    ) -> Result<Option<Reply>, ProtocolError> {
        self.bound_raw(end)?;
        let line = &input[start..line_end];
        if let Some(refusal) = lines::refusal(line) {
            input.advance(end);
            return Ok(Some(Reply::Refused(refusal)));
        }
        let of_list = line == b"OK" || line.starts_with(b"key=") || line.starts_with(b"mg ");
        self.taken = end;
        Ok((!of_list).then(|| raw_reply(input, line_end + 2, end)))
    }

    fn bound_raw(&self, end: usize) -> Result<(), ProtocolError> {
        if end > self.max_value.saturating_add(LINE_MAX) {
            return Err(ProtocolError::new(format!("a reply of more than {} bytes", self.max_value)));
        }
        Ok(())
    }

    fn body(&mut self, input: &mut BytesMut) -> Result<Option<Done>, ProtocolError> {
        let Some(body) = self.body.take_if(|body| input.len() >= self.taken + body.length + 2) else { return Ok(None) };
        let (start, end) = (self.taken, self.taken + body.length);
        if &input[end..end + 2] != b"\r\n" {
            return Err(ProtocolError::in_line("a value longer than announced", &input[start..end + 2]));
        }
        let done = match body.head {
            Head::Meta(mut meta) => {
                meta.value = Some(take_value(input, body.length));
                Done::Reply(Reply::Meta(meta))
            }
            Head::Value { index, flags } => {
                self.values.take(index, flags, body.length, input);
                Done::Part
            }
            Head::Raw => {
                self.taken = end + 2;
                Done::Part
            }
        };
        if matches!(done, Done::Reply(_)) {
            self.reset();
        }
        Ok(Some(done))
    }
}

enum Done {
    Reply(Reply),
    Part,
}

fn refused(line: &[u8]) -> Result<Reply, ProtocolError> {
    match lines::refusal(line) {
        Some(refusal) if refusal.message.ends_with("writing get response") => {
            Err(ProtocolError::in_line("the reply to a later request, whose error dropped this one's", line))
        }
        Some(refusal) => Ok(Reply::Refused(refusal)),
        None => Err(ProtocolError::in_line("an unexpected line", line)),
    }
}

/// A value and its line end, taken from the front.
fn take_value(input: &mut BytesMut, length: usize) -> Bytes {
    if length <= COPIED_MAX {
        let value = Bytes::copy_from_slice(&input[..length]);
        input.advance(length + 2);
        return value;
    }
    let value = input.split_to(length).freeze();
    input.advance(2);
    value
}

/// The bytes before `until` as a reply, without the line end there. All bytes up to `end` are removed.
fn raw_reply(input: &mut BytesMut, until: usize, end: usize) -> Reply {
    let reply = Bytes::copy_from_slice(&input[..until - 2]);
    input.advance(end);
    Reply::Raw(reply)
}

#[cfg(test)]
mod tests;
