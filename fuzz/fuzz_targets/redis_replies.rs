#![no_main]

//! Any bytes as replies of Redis, cut anywhere: each is a reply or an error, the same however they are cut.

use polycache::backends::redis::resp::Reader;
use polycache_fuzz::replies::Pieces;

libfuzzer_sys::fuzz_target!(|input: Pieces<'_>| {
    input.read(|| {
        let mut reader = Reader::default();
        move |bytes| reader.read(bytes)
    });
});
