#![no_main]

use polycache::serializers::{Compressed, Json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for magic in [&[][..], &[0x04, 0x22, 0x4d, 0x18], &[0x28, 0xb5, 0x2f, 0xfd]] {
        polycache_fuzz::decode(Compressed::zstd(Json).max_unpacked(1 << 20), &[magic, bytes].concat());
    }
});
