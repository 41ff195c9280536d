//! The slots of a Redis Cluster, by the "Redis cluster specification" of the Redis documentation.

/// The number of slots of a Redis Cluster.
pub(crate) const SLOTS: u16 = 1 << SLOT_BITS;

const SLOT_BITS: usize = 14;

/// The slot of a key.
#[cfg(any(feature = "redis", test))]
pub(crate) fn slot(full: &[u8]) -> u16 {
    slot_of_hashed(hash_tag(full).unwrap_or(full))
}

/// The slot of a key whose hashed bytes these are.
pub(crate) fn slot_of_hashed(bytes: &[u8]) -> u16 {
    crc(0, bytes) % SLOTS
}

/// The part of a key that is hashed instead of the whole: between the first `{` and the next `}`. `None` if the whole key is hashed.
pub(crate) fn hash_tag(full: &[u8]) -> Option<&[u8]> {
    let open = full.iter().position(|byte| *byte == b'{')?;
    let rest = &full[open + 1..];
    let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
    Some(&rest[..close])
}

/// Four letters that lead to a slot: behind `before`, they make the CRC that of a key in `slot`.
///
/// A letter holds bits of a number in its lower half. The CRC is linear in them, so each wrong bit of the slot is put right by a number
/// of its own.
pub(crate) fn letters(before: &[u8], slot: u16) -> [u8; 4] {
    let mut wrong = (crc(crc(0, before), &letters_of(0)) ^ slot) % SLOTS;
    let mut number = 0;
    while wrong != 0 {
        number ^= PUTS_RIGHT[wrong.trailing_zeros() as usize % PUTS_RIGHT.len()];
        wrong &= wrong - 1;
    }
    letters_of(number)
}

/// Whether a text may be made of [`letters`].
pub(crate) fn are_letters(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte & 0xf0 == FIRST_LETTER)
}

const FIRST_LETTER: u8 = b'@';

/// The letters that hold the bits of a number: two bits in the first one, four in each of the others.
const fn letters_of(number: u16) -> [u8; 4] {
    const fn letter(bits: u16) -> u8 {
        FIRST_LETTER | (bits & 15) as u8
    }
    [letter(number >> 12), letter(number >> 8), letter(number >> 4), letter(number)]
}

/// For each bit of a slot, the number whose letters change only this bit.
const PUTS_RIGHT: [u16; 16] = {
    let plain = crc(0, &letters_of(0));
    // The bits that each bit of a number changes; then Gauss-Jordan elimination.
    let mut rows = [(0, 0); SLOT_BITS];
    let mut bit = 0;
    while bit < SLOT_BITS {
        rows[bit] = (crc(0, &letters_of(1 << bit)) ^ plain, 1 << bit);
        bit += 1;
    }
    let mut numbers = [0; 16];
    let mut bit = 0;
    while bit < SLOT_BITS {
        let mut pivot = bit;
        while rows[pivot].0 >> bit & 1 == 0 {
            pivot += 1;
        }
        let (changes, number) = rows[pivot];
        rows[pivot] = rows[bit];
        rows[bit] = (changes, number);
        let mut other = 0;
        while other < SLOT_BITS {
            if other != bit && rows[other].0 >> bit & 1 == 1 {
                rows[other] = (rows[other].0 ^ changes, rows[other].1 ^ number);
            }
            other += 1;
        }
        bit += 1;
    }
    let mut bit = 0;
    while bit < SLOT_BITS {
        numbers[bit] = rows[bit].1;
        bit += 1;
    }
    numbers
};

/// Continues a CRC16/XMODEM.
const fn crc(mut state: u16, mut bytes: &[u8]) -> u16 {
    while let [byte, rest @ ..] = bytes {
        state = state << 8 ^ CRC_OF_BYTE[((state >> 8) as u8 ^ *byte) as usize];
        bytes = rest;
    }
    state
}

const CRC_OF_BYTE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut state = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            state = if state & 0x8000 == 0 { state << 1 } else { state << 1 ^ 0x1021 };
            bit += 1;
        }
        table[byte] = state;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // From `redis-cli cluster keyslot`.
        for (key, expected) in [
            ("123456789", 12739),
            ("foo", 12182),
            ("{user1000}.following", 3443),
            ("{user1000}.followers", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("foo{bar}{zap}", 5061),
            ("", 0),
        ] {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn letters_lead_to_every_slot() {
        for before in ["", "a", "user:7\u{1}lease"] {
            for slot in 0..SLOTS {
                let letters = letters(before.as_bytes(), slot);
                assert!(std::str::from_utf8(&letters).is_ok_and(are_letters));
                assert_eq!(slot_of_hashed(&[before.as_bytes(), &letters].concat()), slot);
            }
        }
    }
}
