//! Reading RESP2 and RESP3. Follows the "Redis serialization protocol specification" of the Redis documentation.
//!
//! The client's own parser isn't used: it is made of generic combinators, which take longer for a list of values than the server does.

#![cfg_attr(not(fuzzing), allow(unreachable_pub, reason = "public for the fuzz target alone"))]

use bytes::{Buf, BytesMut};
use memchr::memchr;
use redis::{Value, VerbatimFormat};

use super::server_error;

/// How deep replies may nest.
const DEEPEST: usize = 100;
/// The longest string, since Redis takes no longer ones (`proto-max-bulk-len`).
const LONGEST_STRING: usize = 512 << 20;
/// The longest line.
const LONGEST_LINE: usize = 1 << 20;
/// The longest list.
const LONGEST_LIST: usize = 1 << 24;
/// The bytes of the shortest element of a list.
const SHORTEST: usize = 3;

/// Decodes replies from bytes in pieces of any size. Reserves nothing for bytes that are only announced.
#[derive(Debug, Default)]
pub struct Reader {
    /// The lists that have begun and aren't whole, the outermost first.
    open: Vec<List>,
    /// How many bytes at the front hold no line end.
    scanned: usize,
}

/// A message from a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The reply to a command.
    Reply(Value),
    /// A message that answers no command.
    Push(Vec<Value>),
}

/// These bytes aren't RESP.
type Result<T> = std::result::Result<T, &'static str>;

#[derive(Debug)]
struct List {
    kind: Kind,
    /// How many elements are to come.
    left: usize,
    elements: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Set,
    Map,
    Push,
    /// An attribute: the server describes the value that follows. It is dropped.
    Attributes,
}

/// The front of the input.
enum Part {
    Value(Value),
    /// The head of a list, whose elements follow.
    List(List),
}

impl Reader {
    /// The next frame, taken from the front of `input`; `None` if it isn't whole yet. Then call again with more input.
    ///
    /// # Errors
    /// Why the bytes are wrong. The reader must not be used any more.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Option<Frame>> {
        loop {
            let mut value = match self.part(input)? {
                None => return Ok(None),
                Some(Part::Value(value)) => Some(value),
                Some(Part::List(list)) => {
                    self.begin(list)?;
                    None
                }
            };
            loop {
                if let Some(value) = value.take() {
                    let Some(list) = self.open.last_mut() else { return Ok(Some(Frame::Reply(value))) };
                    list.elements.push(value);
                    list.left -= 1;
                }
                let Some(List { kind, elements, .. }) = self.open.pop_if(|list| list.left == 0) else { break };
                value = match kind {
                    Kind::Array => Some(Value::Array(elements)),
                    Kind::Set => Some(Value::Set(elements)),
                    Kind::Map => Some(Value::Map(pairs(elements))),
                    Kind::Push => return Ok(Some(Frame::Push(elements))),
                    Kind::Attributes => None,
                };
            }
        }
    }

    /// Whether a part of a list was taken.
    pub fn is_amid(&self) -> bool {
        !self.open.is_empty()
    }

    fn begin(&mut self, list: List) -> Result<()> {
        if self.open.len() >= DEEPEST {
            return Err("a reply nests too deep");
        }
        if list.kind == Kind::Push && !self.open.is_empty() {
            return Err("a push is within a reply");
        }
        self.open.push(list);
        Ok(())
    }

    /// Takes the next part, if it is whole.
    fn part(&mut self, input: &mut BytesMut) -> Result<Option<Part>> {
        let Some(end) = self.line_end(input)? else { return Ok(None) };
        let (mark, line) = (input[0], &input[1..end]);
        let value = match mark {
            b'$' | b'=' | b'!' => match length(line, LONGEST_STRING)? {
                None if mark == b'$' => Value::Nil,
                None => return Err("a length is below zero"),
                Some(length) => {
                    let (start, stop) = (end + 2, end + 2 + length);
                    let Some(after) = input.get(stop..stop + 2) else { return Ok(None) };
                    if after != b"\r\n" {
                        return Err("a string is longer than announced");
                    }
                    let value = string(mark, &input[start..stop])?;
                    input.advance(length + 2);
                    value
                }
            },
            b'*' | b'~' | b'%' | b'>' | b'|' => {
                let part = match length(line, LONGEST_LIST)? {
                    None if mark == b'*' => Part::Value(Value::Nil),
                    None => return Err("a length is below zero"),
                    Some(length) => Part::List(List::new(mark, length, input.len() - end)),
                };
                input.advance(end + 2);
                return Ok(Some(part));
            }
            _ => simple(mark, line)?,
        };
        input.advance(end + 2);
        Ok(Some(Part::Value(value)))
    }

    /// Where the first line ends, if it is whole.
    fn line_end(&mut self, input: &BytesMut) -> Result<Option<usize>> {
        match input.first() {
            None => return Ok(None),
            Some(
                b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b',' | b'#' | b'(' | b'=' | b'!' | b'~' | b'%' | b'>' | b'|',
            ) => {}
            Some(_) => return Err("a reply is of an unknown type"),
        }
        match memchr(b'\n', &input[self.scanned..]) {
            Some(found) => {
                let end = self.scanned + found;
                self.scanned = 0;
                if end < 2 || input[end - 1] != b'\r' { Err("a line ends wrong") } else { Ok(Some(end - 1)) }
            }
            None if input.len() > LONGEST_LINE => Err("a line has no end"),
            None => {
                self.scanned = input.len();
                Ok(None)
            }
        }
    }
}

impl List {
    /// A list that begins. `bytes` of its elements may have come.
    fn new(mark: u8, length: usize, bytes: usize) -> Self {
        let (kind, left) = match mark {
            b'*' => (Kind::Array, length),
            b'~' => (Kind::Set, length),
            b'>' => (Kind::Push, length),
            b'%' => (Kind::Map, 2 * length),
            _ => (Kind::Attributes, 2 * length),
        };
        Self { kind, left, elements: Vec::with_capacity(left.min(bytes / SHORTEST)) }
    }
}

fn pairs(elements: Vec<Value>) -> Vec<(Value, Value)> {
    let mut elements = elements.into_iter();
    std::iter::from_fn(|| elements.next().zip(elements.next())).collect()
}

/// A length; `None` for `-1`, the length of a null.
fn length(line: &[u8], longest: usize) -> Result<Option<usize>> {
    if line == b"-1" {
        return Ok(None);
    }
    let digits = |length: usize, &byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        let length = length * 10 + usize::from(digit);
        if digit <= 9 && length <= longest { Ok(length) } else { Err("a length is no number, or too large") }
    };
    if line.is_empty() { Err("a length is missing") } else { line.iter().try_fold(0, digits).map(Some) }
}

fn string(mark: u8, bytes: &[u8]) -> Result<Value> {
    Ok(match mark {
        b'$' => Value::BulkString(bytes.to_vec()),
        b'!' => return error(bytes),
        _ => {
            let text = String::from_utf8_lossy(bytes);
            let (format, text) = text.split_once(':').ok_or("a verbatim string has no format")?;
            let format = match format {
                "txt" => VerbatimFormat::Text,
                "mkd" => VerbatimFormat::Markdown,
                other => VerbatimFormat::Unknown(other.to_owned()),
            };
            Value::VerbatimString { format, text: text.to_owned() }
        }
    })
}

fn simple(mark: u8, line: &[u8]) -> Result<Value> {
    let text = || std::str::from_utf8(line).map_err(|_| "a line isn't UTF-8");
    Ok(match (mark, line) {
        (b'+', b"OK") => Value::Okay,
        (b'+', _) => Value::SimpleString(text()?.to_owned()),
        (b'-', _) => return error(line),
        (b':', _) => Value::Int(text()?.parse().map_err(|_| "an integer is none")?),
        (b'_', b"") => Value::Nil,
        (b'#', b"t") => Value::Boolean(true),
        (b'#', b"f") => Value::Boolean(false),
        (b',', _) => Value::Double(text()?.parse().map_err(|_| "a number is none")?),
        // A big number, as text: the client's own variant changes its type with the client's feature `num-bigint`.
        (b'(', _) if line.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') => {
            Value::SimpleString(text()?.to_owned())
        }
        _ => return Err("a line isn't what its type allows"),
    })
}

/// An error, which only the client's parser can make.
#[cold]
fn error(text: &[u8]) -> Result<Value> {
    let text = String::from_utf8_lossy(text).replace(char::is_control, " ");
    server_error::read(&text).map(Value::ServerError).ok_or("an error is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All frames, and the error of the next one, if any; fed in pieces of `piece` bytes.
    fn read(bytes: &[u8], piece: usize) -> (Vec<Frame>, Option<&'static str>) {
        let (mut reader, mut input, mut frames) = (Reader::default(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            input.extend_from_slice(piece);
            loop {
                match reader.read(&mut input) {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(wrong) => return (frames, Some(wrong)),
                }
            }
        }
        (frames, None)
    }

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn every_type_in_pieces_of_any_size() {
        let bytes = b"+OK\r\n+fine\r\n:-42\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n_\r\n#t\r\n,1.5\r\n(-123\r\n=5\r\ntxt:a\r\n\
            *3\r\n:1\r\n*0\r\n$1\r\nx\r\n%1\r\n+k\r\n~1\r\n:2\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n\
            |1\r\n+ttl\r\n:9\r\n*1\r\n|1\r\n+a\r\n:1\r\n:7\r\n";
        let text = Value::VerbatimString { format: VerbatimFormat::Text, text: "a".to_owned() };
        let simple = |text: &str| Value::SimpleString(text.to_owned());
        let mut right: Vec<Frame> = [
            Value::Okay,
            simple("fine"),
            Value::Int(-42),
            bulk("a\r\nbc"),
            bulk(""),
            Value::Nil,
            Value::Nil,
            Value::Nil,
            Value::Boolean(true),
            Value::Double(1.5),
            simple("-123"),
            text,
            Value::Array(vec![Value::Int(1), Value::Array(vec![]), bulk("x")]),
            Value::Map(vec![(simple("k"), Value::Set(vec![Value::Int(2)]))]),
        ]
        .map(Frame::Reply)
        .into();
        right.push(Frame::Push(vec![simple("invalidate"), Value::Array(vec![bulk("k")])]));
        right.push(Frame::Reply(Value::Array(vec![Value::Int(7)])));
        for piece in 1..=bytes.len() {
            assert_eq!(read(bytes, piece), (right.clone(), None), "in pieces of {piece} bytes");
        }
    }

    #[test]
    fn errors_have_a_code_and_details() {
        for bytes in [&b"-WRONGTYPE of a key\r\n"[..], b"!19\r\nWRONGTYPE of\r\na key\r\n"] {
            let right = |error: &redis::ServerError| {
                let details = error.details().unwrap_or_default();
                error.code() == "WRONGTYPE" && details.starts_with("of") && details.ends_with("a key")
            };
            let (frames, _) = read(bytes, 7);
            assert!(
                matches!(&frames[..], [Frame::Reply(Value::ServerError(error))] if right(error)),
                "{frames:?} of {}",
                bytes.escape_ascii()
            );
        }
        assert!(matches!(&read(b"-\xff\r\n", 9).0[..], [Frame::Reply(Value::ServerError(_))]));
    }

    #[test]
    fn what_is_no_reply_is_refused_at_once() {
        for bytes in [
            &b"HTTP"[..],
            b"\0",
            b"\r\n",
            b"$536870913\r\n",
            b"$99999999999999999999\r\n",
            b"$-2\r\n",
            b"$\r\n",
            b"$5\r\nvalueXX",
            b"*16777217\r\n",
            b"%-1\r\n",
            b"=-1\r\n",
            b"=3\r\nabc\r\n",
            b":one\r\n",
            b"#x\r\n",
            b"_x\r\n",
            b",one\r\n",
            b"(1x\r\n",
            b"+\xff\r\n",
            b"+a\n",
            b"*1\r\n>0\r\n",
        ] {
            assert!(read(bytes, 1).1.is_some(), "{}", bytes.escape_ascii());
        }
        assert!(read(&b"*1\r\n".repeat(101), 400).1.is_some());
        assert!(read(&vec![b'+'; LONGEST_LINE + 2], 1 << 16).1.is_some());
    }

    #[test]
    fn nothing_is_reserved_for_what_is_only_announced() {
        let (mut reader, mut input) = (Reader::default(), BytesMut::from(&b"*16777216\r\n:1\r\n"[..]));
        assert_eq!(reader.read(&mut input), Ok(None));
        assert!(reader.open[0].elements.capacity() < 10);
        let mut input = BytesMut::from(&b"$536870912\r\nvalue"[..]);
        assert_eq!(Reader::default().read(&mut input), Ok(None));
        assert!(input.capacity() < 100);
    }
}
