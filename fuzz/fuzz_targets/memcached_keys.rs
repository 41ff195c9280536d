#![no_main]

//! Any two keys: one word on the wire each, reversible where it is base64, and the same in the server only if they are the same.

use base64::Engine;
use polycache_memcached::codec::{Request, WireKey};

libfuzzer_sys::fuzz_target!(|keys: (&[u8], &[u8])| {
    let (one, other) = (WireKey::new(keys.0), WireKey::new(keys.1));
    for (key, wire) in [(keys.0, &one), (keys.1, &other)] {
        let token = wire.token();
        assert!((1..=250).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic));
        if wire.is_base64() {
            let decoded = base64::engine::general_purpose::STANDARD.decode(token).expect("it is base64");
            assert_eq!((decoded.as_slice(), wire.stored()), (key, key));
        }
        let mut out = Vec::new();
        Request::Delete { key: wire, cas: None }.encode(0, &mut out);
        assert_eq!(out.iter().position(|&byte| byte == b'\n'), Some(out.len() - 1));
    }
    assert_eq!(keys.0 == keys.1, one.stored() == other.stored());
    // A key that another key became.
    let again = WireKey::new(one.stored());
    assert_eq!(keys.0 == one.stored(), again.stored() == one.stored());
});
