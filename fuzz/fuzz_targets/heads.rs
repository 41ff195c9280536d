#![no_main]

//! Whatever a server holds is read, or is an error; what was read is stored again as it was; and any bytes come back behind any head.

use polycache::{Cache, ErrorKind, Head, Value};

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8], &str, u64)| {
    let (stored, bytes, text, number) = input;
    for stored in [stored.to_vec(), [b"\xC1pc", stored].concat(), [b"\xC1pc\x01", stored].concat()] {
        let value = Value::from_stored(stored.clone());
        let head = value.head().map(Head::into_owned);
        if let Some(head) = &head {
            assert_eq!(value.to_stored().as_deref(), Some(&*stored));
            let _ = (head.born(), head.cost(), head.etag(), head.tags().count());
        }
        let cache = Cache::memory();
        cache.set("k", value.clone()).now().expect("ready").expect("stored");
        match cache.get::<Value>("k").now().expect("ready") {
            Ok(read) => assert_eq!(read.as_ref().and_then(Value::as_bytes), value.as_bytes()),
            Err(error) => assert_eq!((error.kind(), head), (ErrorKind::Decode, None), "{error}"),
        }
    }
    let head = Head::new().with_tag(text, number).with_etag(text);
    let value = Value::bytes(bytes).with_head(&head);
    let back = Value::from_stored(value.to_stored().expect("bytes").into_owned());
    assert_eq!((back.as_bytes(), back.head()), (Some(bytes), Some(head)));
});
