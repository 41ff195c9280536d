//! The slots of a Redis Cluster.

/// How many slots a Redis Cluster has.
pub(crate) const SLOTS: u16 = 16384;

/// The slot of a key in a Redis Cluster. Follows the "Redis cluster specification" of the Redis documentation.
pub(crate) fn slot(full: &[u8]) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(hashed_part(full)) % SLOTS
}

/// What the slot is made of: the part between the first `{` and the next `}`, if that isn't empty, else all.
pub(crate) fn hashed_part(full: &[u8]) -> &[u8] {
    let tag = full.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &full[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
        Some(&rest[..close])
    });
    tag.unwrap_or(full)
}
