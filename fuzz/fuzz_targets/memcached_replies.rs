#![no_main]

//! Any bytes as replies, cut anywhere: each is a reply or an error, the same however they are cut, and never larger than allowed.

use polycache_fuzz::replies::Pieces;
use polycache_memcached::codec::{Decoder, Expect, Parts, ProtocolError, RawCommand, Reply, Request, WireKey};

const MAX: usize = 1_000;

fn expect(form: u8) -> Expect {
    let key = &WireKey::new(b"k");
    let keys = &["a", "b", "a", "sha256:c"].map(|key| WireKey::new(key.as_bytes()));
    let raw = |line| Request::Raw(RawCommand::new(line).expect("a legal line"));
    let write = &Request::Delete { key, cas: None };
    let request = match form % 8 {
        0 => Request::Get { key, parts: Parts::VALUE.and(Parts::CAS) },
        1 => Request::MultiGet { keys },
        2 => Request::Version,
        3 => raw(b"get a"),
        4 => raw(b"mg a v"),
        5 => raw(b"lru_crawler metadump all"),
        6 => Request::LookAndWrite { look: key, parts: Parts::VALUE, write },
        _ => raw(b"stats"),
    };
    request.encode(0, &mut Vec::new())
}

libfuzzer_sys::fuzz_target!(|input: (Vec<u8>, Pieces<'_>)| {
    let (forms, pieces) = input;
    // One reply for each form.
    let replies = pieces.read(|| {
        let (mut decoder, mut forms) = (Decoder::new(MAX), forms.iter().map(|&form| expect(form)));
        let mut expected = forms.next();
        move |bytes| {
            let Some(form) = &mut expected else { return Ok(None) };
            let reply = decoder.decode(bytes, form)?;
            if reply.is_some() {
                expected = forms.next();
            }
            Ok::<_, ProtocolError>(reply)
        }
    });
    for reply in replies {
        match reply {
            Reply::Meta(meta) => assert!(meta.value.is_none_or(|value| value.len() <= MAX)),
            Reply::LookAndWrite(both) => assert!(
                both.iter().all(|reply| matches!(reply, Reply::Meta(_) | Reply::Refused(_))),
                "neither is more than one reply"
            ),
            Reply::Values(values) => {
                assert_eq!(values.len(), 4);
                assert!(values.iter().flatten().all(|item| item.value.len() <= MAX));
            }
            _ => {}
        }
    }
});
