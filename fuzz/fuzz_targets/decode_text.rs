#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| polycache_fuzz::decode(polycache::serializers::Text, bytes));
