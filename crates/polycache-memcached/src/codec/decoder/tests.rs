#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::super::{Delta, Item, Meta, Parts, RawCommand, Refusal, RefusalKind, Reply, Request, Status, WireKey};
use super::*;

const MAX: usize = 1 << 20;

fn get() -> Expect {
    Request::Get { key: &WireKey::new(b"k"), parts: Parts::VALUE }.encode(0, &mut Vec::new())
}

fn multi_get(keys: &[&str]) -> Expect {
    let keys: Vec<_> = keys.iter().map(|key| WireKey::new(key.as_bytes())).collect();
    Request::MultiGet { keys: &keys }.encode(0, &mut Vec::new())
}

fn raw(line: &str) -> Expect {
    Request::Raw(RawCommand::new(line.as_bytes()).unwrap()).encode(0, &mut Vec::new())
}

fn line() -> Expect {
    Request::Version.encode(0, &mut Vec::new())
}

fn meta(status: Status) -> Meta {
    Meta { status, value: None, flags: 0, cas: 0, ttl: None }
}

/// The reply in `bytes`, which must be the same when the bytes are cut into two at every place, and into single bytes.
fn decode(expect: &Expect, bytes: &[u8]) -> Reply {
    let whole = pieces(expect, [bytes]).unwrap().unwrap();
    for cut in 0..bytes.len() {
        assert_eq!(pieces(expect, [&bytes[..cut], &bytes[cut..]]).unwrap(), Some(whole.clone()), "cut at {cut}");
        assert_eq!(pieces(expect, [&bytes[..cut]]).unwrap(), None, "only {cut} bytes");
    }
    assert_eq!(pieces(expect, bytes.chunks(1)).unwrap(), Some(whole.clone()));
    whole
}

fn pieces<'a>(expect: &Expect, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Reply>, ProtocolError> {
    let (mut decoder, mut expect, mut input) = (Decoder::new(MAX), expect.clone(), BytesMut::new());
    let mut reply = None;
    for piece in pieces {
        assert_eq!(reply, None, "it came early");
        input.extend_from_slice(piece);
        reply = decoder.decode(&mut input, &mut expect)?;
    }
    assert!(reply.is_none() || input.is_empty());
    Ok(reply)
}

fn wrong(expect: &Expect, bytes: &[u8]) -> String {
    pieces(expect, [bytes]).unwrap_err().to_string()
}

#[test]
fn meta_replies() {
    let value = |value: &'static [u8]| Some(Bytes::from_static(value));
    let hit = Meta { value: value(b"a\r\nb"), flags: 5, cas: 9, ttl: Some(-1), ..meta(Status::Done) };
    assert_eq!(decode(&get(), b"VA 4 f5 c9 t-1 OAA\r\na\r\nb\r\n"), Reply::Meta(hit));
    assert_eq!(decode(&get(), b"VA 0 OAA\r\n\r\n"), Reply::Meta(Meta { value: value(b""), ..meta(Status::Done) }));
    assert_eq!(decode(&get(), b"EN OAA\r\n"), Reply::Meta(meta(Status::Missing)));
    assert_eq!(decode(&get(), b"EN\r\n"), Reply::Meta(meta(Status::Missing)));
    assert_eq!(decode(&get(), b"HD OAA\r\n"), Reply::Meta(meta(Status::Done)));
    assert_eq!(decode(&get(), b"NS OAA\r\n"), Reply::Meta(meta(Status::NotStored)));
    assert_eq!(decode(&get(), b"EX OAA x\r\n"), Reply::Meta(meta(Status::Changed)));
    assert_eq!(decode(&get(), b"NF OAA\r\n"), Reply::Meta(meta(Status::Missing)));
}

#[test]
fn a_look_and_a_write_are_one_reply() {
    let (look, write) = (&WireKey::new(b"l"), &Request::Delete { key: &WireKey::new(b"k"), cas: None });
    let both = Request::LookAndWrite { look, parts: Parts::VALUE, write }.encode(0, &mut Vec::new());
    let done = || Reply::Meta(meta(Status::Done));
    let refusal = |kind, message: &str| Reply::Refused(Refusal { kind, message: message.to_owned() });
    for missing in ["EN\r\n", "EN OAA\r\n"] {
        assert_eq!(decode(&both, format!("{missing}HD OAA\r\n").as_bytes()), done());
        assert_eq!(decode(&both, format!("{missing}NF OAA\r\n").as_bytes()), Reply::Meta(meta(Status::Missing)));
        let memory = refusal(RefusalKind::Server, "out of memory");
        assert_eq!(decode(&both, format!("{missing}SERVER_ERROR out of memory\r\n").as_bytes()), memory);
        assert_eq!(both.out_of_step(&memory), None);
    }
    let found = Reply::Meta(Meta { value: Some(Bytes::from_static(b"HD")), ..meta(Status::Done) });
    let reply = decode(&both, b"VA 2 f0 OAA\r\nHD\r\nHD OAA\r\n");
    assert_eq!(reply, Reply::LookAndWrite(Box::new([found, done()])));
    assert_eq!(both.out_of_step(&reply), None);
    let reply = decode(&both, b"SERVER_ERROR busy\r\nHD OAA\r\n");
    assert_eq!(reply, Reply::LookAndWrite(Box::new([refusal(RefusalKind::Server, "busy"), done()])));
    // The server took the rest of the line for another request.
    let reply = decode(&both, b"ERROR\r\n");
    assert!(both.out_of_step(&reply).is_some());
    let reply = decode(&both, b"VA 0 f0 OAA\r\n\r\nERROR\r\n");
    assert!(both.out_of_step(&reply).is_some());
    wrong(&both, b"EN\r\nHD OAB\r\n");
    wrong(&both, b"HD OAB\r\n");
}

#[test]
fn flags_are_32_bits() {
    let largest = Meta { value: Some(Bytes::from_static(b"a")), flags: u32::MAX, ..meta(Status::Done) };
    assert_eq!(decode(&get(), b"VA 1 f4294967295 OAA\r\na\r\n"), Reply::Meta(largest));
    wrong(&get(), b"VA 1 f4294967296 OAA\r\na\r\n");
    wrong(&multi_get(&["k"]), b"VALUE k 4294967296 1\r\na\r\nEND\r\n");
    wrong(&get(), b"VA 4294967297 f0 OAA\r\na\r\n");
}

#[test]
fn large_values_come_in_place() {
    let large = vec![7_u8; 300_000];
    let mut bytes = format!("VA {} f0 OAA\r\n", large.len()).into_bytes();
    bytes.extend_from_slice(&large);
    bytes.extend_from_slice(b"\r\n");
    let Some(Reply::Meta(reply)) = pieces(&get(), bytes.chunks(1_000)).unwrap() else { panic!("no reply") };
    assert_eq!(reply.value.unwrap(), large);
}

#[test]
fn values_of_a_multi_get_stay_in_order() {
    let item = |value: &'static str, flags| Some(Item { value: Bytes::from_static(value.as_bytes()), flags });
    let keys = multi_get(&["a", "b", "a", "c"]);
    let reply = decode(&keys, b"VALUE a 1 1\r\nA\r\nVALUE a 1 1\r\nA\r\nVALUE c 0 5\r\nEND\r\n\r\nEND\r\n");
    assert_eq!(reply, Reply::Values(vec![item("A", 1), None, item("A", 1), item("END\r\n", 0)]));
    assert_eq!(decode(&keys, b"END\r\n"), Reply::Values(vec![None; 4]));
    assert!(wrong(&keys, b"VALUE d 0 1\r\nD\r\nEND\r\n").starts_with("a value that wasn't asked for"));
    assert!(wrong(&keys, b"VALUE c 0 1\r\nC\r\nVALUE b 0 1\r\nB\r\n").starts_with("a value that wasn't asked for"));
    assert!(wrong(&keys, b"VALUE a 0\r\n").starts_with("a malformed value"));
}

#[test]
fn a_reply_with_errors_is_taken_whole() {
    const FAILURE: &str = "SERVER_ERROR backend failure\r\n";
    let keys = multi_get(&["a", "b", "c"]);
    // memcached's proxy: an error for each key of a dead server, between values and before the end.
    for text in [
        format!("{FAILURE}VALUE b 0 1\r\nB\r\n{FAILURE}END\r\n"),
        format!("{FAILURE}{FAILURE}{FAILURE}END\r\n"),
        format!("VALUE a 0 1\r\nA\r\n{FAILURE}END\r\n"),
    ] {
        let Reply::Refused(refusal) = decode(&keys, text.as_bytes()) else { panic!("a refusal") };
        assert!(refusal.is_of_a_backend());
        let text = format!("{text}MN\r\n");
        let Reply::Refused(refusal) = decode(&raw("get a b c"), text.as_bytes()) else { panic!("a refusal") };
        assert!(refusal.is_of_a_backend());
    }
    let broke_off = |expect: &Expect, text: &str| {
        let (mut expect, mut input) = (expect.clone(), BytesMut::from(text));
        let reply = Decoder::new(MAX).decode(&mut input, &mut expect).unwrap().unwrap();
        assert!(matches!(reply, Reply::Refused(_)), "{text:?}");
        expect.out_of_step(&reply).is_some()
    };
    // memcached itself: nothing follows, and replies to earlier requests are lost.
    for text in [
        "VALUE a 0 1\r\nA\r\nSERVER_ERROR out of memory writing get response\r\n",
        "CLIENT_ERROR bad command line format\r\n",
        "SERVER_ERROR of an unknown sort\r\n",
        &format!("{FAILURE}SERVER_ERROR of an unknown sort\r\n"),
        &FAILURE.repeat(4),
    ] {
        assert!(broke_off(&keys, text), "{text:?}");
        assert!(broke_off(&raw("get a"), &format!("{text}MN\r\n")), "{text:?}");
    }
    assert!(!broke_off(&keys, &format!("{FAILURE}END\r\n")));
    assert!(!broke_off(&raw("get a"), &format!("{FAILURE}END\r\nMN\r\n")));
    assert!(!broke_off(&raw("incr a 1"), "CLIENT_ERROR no number\r\nMN\r\n"));
    // 1.6.45 sends an empty line after it.
    assert!(!broke_off(&raw("touch a"), "CLIENT_ERROR bad command line format\r\n\r\nMN\r\n"));
    assert!(wrong(&get(), b"SERVER_ERROR out of memory writing get response\r\n").contains("later request"));
    for text in [&format!("{FAILURE}HD OAA\r\n"), "MN\r\n", "\r\nEND\r\n"] {
        assert!(wrong(&keys, text.as_bytes()).starts_with("an unexpected line"), "{text:?}");
    }
}

#[test]
fn lists_of_keys_are_read_in_the_form_of_each_version() {
    for text in [
        "key=a exp=-1 la=1 cas=2 fetch=no cls=1 size=61\nkey=b exp=-1\nEND\r\n",
        "OK\r\nkey=a exp=-1 la=1 cas=2 fetch=no cls=1 size=61 flags=0 \nEND\r\n",
        "mg a\r\nmg b\r\nEN\r\n",
        "OK\r\nEN\r\n",
        "BUSY currently processing crawler request\r\n",
        "BADCLASS invalid class id\r\n",
    ] {
        let expected = text.strip_suffix("\r\n").unwrap();
        let reply = decode(&raw("lru_crawler metadump all"), text.as_bytes());
        assert_eq!(reply, Reply::Raw(Bytes::copy_from_slice(expected.as_bytes())));
    }
    let Reply::Refused(_) = decode(&raw("lru_crawler mgdump all"), b"ERROR\r\n") else { panic!("a refusal") };
}

#[test]
fn raw_replies_come_as_they_are() {
    let same = |command: &str, text: &str| {
        let expected = text.strip_suffix("\r\n").unwrap();
        let text = format!("{text}MN\r\n");
        assert_eq!(decode(&raw(command), text.as_bytes()), Reply::Raw(Bytes::copy_from_slice(expected.as_bytes())));
    };
    same("get a b", "VALUE a 0 3\r\nEND\r\nVALUE b 0 5\r\n\r\nEND\r\nEND\r\n");
    same("get a", "END\r\n");
    same("mg a v", "VA 3\r\n\r\n3\r\n");
    same("mg a v", "EN\r\n");
    same("stats", "STAT pid 1\r\nSTAT x y\r\nEND\r\n");
    same("stats reset", "RESET\r\n");
    same("incr a 1", "42\r\n");
    same("delete a", "NOT_FOUND\r\n");
    // A value may look like the mark.
    same("mg a v", "VA 4\r\nMN\r\n\r\n");
    // 1.6.18 sends no end after it.
    same("stats sizes_enable", "STAT sizes_status enabled\r\n");
    assert_eq!(decode(&raw("mn"), b"MN\r\n"), Reply::Raw(Bytes::from_static(b"MN")));
    let Reply::Refused(refusal) = decode(&raw("get a"), b"ERROR\r\nMN\r\n") else { panic!("a refusal") };
    assert_eq!(refusal.kind, RefusalKind::Unknown);
}

#[test]
fn raw_commands_are_one_line_that_is_answered() {
    for line in [
        "",
        " get a",
        "get",
        "get a\r\nget b",
        "get a\n",
        "set a 0 0 1",
        "ms a 1",
        "quit",
        "shutdown",
        "watch fetchers",
        "incr a 1 noreply",
        "mg a q",
        "mg a v q",
        "flush_all noreply",
        "verbosity 1 noreply",
        "nonsense",
        "GET a",
        "gat 10",
        "mg \0",
        &format!("get a {}", "k".repeat(251)),
    ] {
        assert!(RawCommand::new(line.as_bytes()).is_err(), "{line:?}");
    }
    let key = |line: &'static str| RawCommand::new(line.as_bytes()).unwrap().key();
    assert_eq!(key("mg q v"), Some(&b"q"[..]));
    assert_eq!(key("gat 10 a b"), Some(&b"a"[..]));
    assert_eq!(key("stats items"), None);
    assert!(RawCommand::new(&[b'a'; 3_000]).is_err());
}

#[test]
fn garbage_is_refused() {
    for bytes in [
        &b"\r\n"[..],
        b"\n",
        b"VA\r\n",
        b"VA x OAA\r\n",
        b"VA -1 OAA\r\n",
        b"VA 18446744073709551616 OAA\r\n",
        b"HD\r\n",
        b"HD OAB\r\n",
        b"VA 2 f OAA\r\n",
        b"VA 2 f4294967296 OAA\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"VA 2 OAA\r\nabcd\r\n",
        b"STORED\r\n",
        b"ERRORS\r\n",
        b"HD OAA\n",
        b"\xff\xfe\xfd\r\n",
    ] {
        assert!(pieces(&get(), [bytes]).is_err(), "{:?}", bytes.escape_ascii().to_string());
    }
    assert_eq!(wrong(&get(), b"VA 1048577 OAA\r\n"), "a value of 1048577 bytes, where at most 1048576 are allowed");
    assert!(pieces(&get(), [&[b'x'; 9_000][..]]).is_err());
    assert!(wrong(&get(), b"HD OZZ\r\n").starts_with("the reply to another request"));
}

#[test]
fn error_lines_are_refusals() {
    for (expect, mark) in [(get(), ""), (line(), ""), (raw("get a"), "MN\r\n"), (multi_get(&["a"]), "")] {
        let text = format!("SERVER_ERROR object too large for cache\r\n{mark}");
        let Reply::Refused(refusal) = decode(&expect, text.as_bytes()) else { panic!("a refusal") };
        assert_eq!((refusal.kind, refusal.message.as_str()), (RefusalKind::Server, "object too large for cache"));
    }
    let Reply::Refused(refusal) = decode(&get(), b"ERROR Too many open connections\r\n") else { panic!("a refusal") };
    assert_eq!((refusal.kind, refusal.message.as_str()), (RefusalKind::Unknown, "Too many open connections"));
}

#[test]
fn a_pipeline_is_taken_apart() {
    let mut input = BytesMut::from(&b"VA 1 OAA\r\n1\r\nEN OAB\r\nVA 2 OAC\r\n12\r\nVERSION 1.6.18\r\n"[..]);
    let mut decoder = Decoder::new(MAX);
    let key = &WireKey::new(b"k");
    let mut next = |request: Request<'_>, opaque| {
        let mut expect = request.encode(opaque, &mut Vec::new());
        decoder.decode(&mut input, &mut expect).unwrap().unwrap()
    };
    let value = |reply: Reply| if let Reply::Meta(meta) = reply { meta.value } else { panic!("no meta reply") };
    assert_eq!(value(next(Request::Get { key, parts: Parts::VALUE }, 0)).unwrap(), "1");
    assert_eq!(value(next(Request::Delete { key, cas: None }, 1)), None);
    assert_eq!(value(next(Request::Count { key, delta: Delta::Add(1), create: None }, 2)).unwrap(), "12");
    assert_eq!(next(Request::Version, 3), Reply::Line(Bytes::from_static(b"VERSION 1.6.18")));
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let cut = cut.min(bytes.len());
        for expect in [get(), line(), raw("get a"), raw("lru_crawler mgdump all"), multi_get(&["a", "b"])] {
            let (mut decoder, mut first, mut input) = (Decoder::new(100), expect.clone(), BytesMut::from(&bytes[..]));
            let whole = decoder.decode(&mut input, &mut first);
            let (mut decoder, mut second, mut input) = (Decoder::new(100), expect, BytesMut::from(&bytes[..cut]));
            let mut parts = decoder.decode(&mut input, &mut second);
            if parts == Ok(None) {
                input.extend_from_slice(&bytes[cut..]);
                parts = decoder.decode(&mut input, &mut second);
            }
            prop_assert_eq!(whole.is_ok(), parts.is_ok());
            if let (Ok(whole), Ok(parts)) = (whole, parts) {
                prop_assert_eq!(whole, parts);
            }
        }
    }
}
