//! Integers in as few bytes as they need: seven bits a byte, the lowest first; each byte but the last has its highest bit set (LEB128).

/// Appends `number`.
pub(super) fn write(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The number at the front of `bytes`, and the bytes after it. `None` if `bytes` end within it, if it has more than 64 bits, or more
/// bytes than it needs: so a number has one form.
pub(super) fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << (7 * place);
        if shifted >> (7 * place) != bits {
            return None;
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            let is_short = place == 0 || *byte != 0;
            return is_short.then(|| (number, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn every_number_has_one_form() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            write(number, &mut bytes);
            bytes.push(7);
            assert_eq!(read(&bytes).unwrap(), (number, &[7][..]));
            for end in 0..bytes.len() - 1 {
                assert_eq!(read(&bytes[..end]), None);
            }
        }
        assert_eq!(read(&[0x80, 0]), None, "more bytes than needed");
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), None, "more than 64 bits");
        assert_eq!(read(&[0xff; 20]), None);
    }
}
