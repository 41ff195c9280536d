use std::sync::Arc;

use erased_serde::Serialize;

use super::{decode_error, encode_error};
use crate::serializer::{Context, Serializer, Visit};
use crate::settings::Range;
use crate::{Result, Settings};

#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "zstd")]
mod zstd;

const THRESHOLD: Range<usize> = Range::from("threshold", 0);
const MAX_UNPACKED: Range<usize> = Range::from("max_unpacked", 0);

/// In bytes. A shorter value gains little, and costs as much time as a longer one.
const DEFAULT_THRESHOLD: usize = 512;

/// In bytes.
const DEFAULT_MAX_UNPACKED: usize = 64 << 20;

/// Packs the bytes of another serializer, by zstd or by lz4, if that makes them smaller.
///
/// A packed value is a whole frame of zstd or lz4, as their own tools read and write them. Other values are the other serializer's bytes
/// as they are: those that are shorter than [`threshold`](Self::threshold), that wouldn't shrink, or that were stored before values were
/// packed. Frames of both are read, whichever is written, so one can replace the other. A frame has a checksum. `docs/format.md`
/// describes the form.
///
/// A frame must tell the length of its content, so that a forged one can't fill the memory: no more is unpacked than
/// [`max_unpacked`](Self::max_unpacked).
///
/// Counters aren't packed, so `increment` is refused.
///
/// ```
/// # #[cfg(feature = "zstd")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
/// use polycache::serializers::{Compressed, Json};
/// use polycache::{Cache, Value};
///
/// let cache = Cache::builder().serializer(Compressed::zstd(Json)).build()?;
/// let story = "All work and no play makes Jack a dull boy. ".repeat(1_000);
/// cache.set("story", story.clone()).await?;
/// assert_eq!(cache.get::<String>("story").await?, Some(story));
///
/// let stored = cache.get::<Value>("story").await?.expect("set above");
/// assert!(stored.as_bytes().is_some_and(|bytes| bytes.len() < 200));
/// # Ok(()) }
/// # #[cfg(not(feature = "zstd"))] fn main() {}
/// ```
#[derive(Debug, Clone)]
pub struct Compressed {
    inner: Arc<dyn Serializer>,
    packing: Packing,
    threshold: usize,
    max_unpacked: usize,
}

/// How values are packed.
#[derive(Debug, Clone, Copy)]
enum Packing {
    #[cfg(feature = "lz4")]
    Lz4,
    #[cfg(feature = "zstd")]
    Zstd { level: u32 },
}

/// The sort of a frame, by its first bytes.
#[derive(Debug, Clone, Copy)]
enum Frame {
    Lz4,
    Zstd,
}

impl Frame {
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl Compressed {
    /// By zstd, at its level 3: smaller. It needs the feature `zstd`.
    #[cfg(feature = "zstd")]
    #[must_use]
    pub fn zstd(inner: impl Serializer) -> Self {
        Self::around(Arc::new(inner), Packing::Zstd { level: zstd::DEFAULT_LEVEL })
    }

    /// By lz4: faster. It needs the feature `lz4`.
    #[cfg(feature = "lz4")]
    #[must_use]
    pub fn lz4(inner: impl Serializer) -> Self {
        Self::around(Arc::new(inner), Packing::Lz4)
    }

    fn around(inner: Arc<dyn Serializer>, packing: Packing) -> Self {
        Self { inner, packing, threshold: DEFAULT_THRESHOLD, max_unpacked: DEFAULT_MAX_UNPACKED }
    }

    /// The level of zstd, from 1 (fast) to 22 (small): 3 by default. Lz4 has no levels.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a level that zstd doesn't have.
    ///
    /// ```
    /// use polycache::serializers::{Compressed, Json};
    ///
    /// let small = Compressed::zstd(Json).level(19)?;
    /// assert!(small.level(23).is_err());
    /// # Ok::<(), polycache::Error>(())
    /// ```
    #[cfg(feature = "zstd")]
    pub fn level(mut self, level: u32) -> Result<Self> {
        let level = zstd::LEVEL.check(level)?;
        match &mut self.packing {
            Packing::Zstd { level: present } => *present = level,
            #[cfg(feature = "lz4")]
            Packing::Lz4 => {}
        }
        Ok(self)
    }

    /// The fewest bytes of a value that is packed: 512 by default.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// The most bytes that may come out of a frame: 64 MiB by default. A larger value isn't packed. Give the same number to all who share
    /// the values.
    #[must_use]
    pub fn max_unpacked(mut self, bytes: usize) -> Self {
        self.max_unpacked = bytes;
        self
    }

    fn pack(&self, plain: &[u8]) -> Result<Vec<u8>> {
        match self.packing {
            #[cfg(feature = "lz4")]
            Packing::Lz4 => lz4::pack(plain),
            #[cfg(feature = "zstd")]
            Packing::Zstd { level } => zstd::pack(plain, level),
        }
        .map_err(|error| encode_error(self.name(), error))
    }

    fn unpack(&self, frame: Frame, bytes: &[u8]) -> Result<Vec<u8>> {
        let unpacked = match frame {
            #[cfg(feature = "lz4")]
            Frame::Lz4 => lz4::unpack(bytes, self.max_unpacked),
            #[cfg(feature = "zstd")]
            Frame::Zstd => zstd::unpack(bytes, self.max_unpacked),
            #[cfg(not(feature = "lz4"))]
            Frame::Lz4 => Err("it is packed by lz4, which needs the feature `lz4` of polycache".to_owned()),
            #[cfg(not(feature = "zstd"))]
            Frame::Zstd => Err("it is packed by zstd, which needs the feature `zstd` of polycache".to_owned()),
        };
        unpacked.map_err(|error| decode_error(self.name(), error))
    }
}

/// The length of a frame's content, as the frame tells it.
fn content_len(told: Option<u64>, max: usize) -> Result<usize, String> {
    let Some(told) = told else {
        return Err("the frame doesn't tell how long its content is; write it with the length".to_owned());
    };
    match usize::try_from(told) {
        Ok(len) if len <= max => Ok(len),
        _ => Err(format!("its content has {told} bytes, and `max_unpacked` is {max}")),
    }
}

impl Serializer for Compressed {
    fn name(&self) -> &str {
        match self.packing {
            #[cfg(feature = "lz4")]
            Packing::Lz4 => "lz4",
            #[cfg(feature = "zstd")]
            Packing::Zstd { .. } => "zstd",
        }
    }

    fn serialize(&self, value: &dyn Serialize, context: &Context<'_>, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        self.inner.serialize(value, context, out)?;
        let plain = out.get(start..).unwrap_or_default();
        // A reader would take these bytes for a frame.
        let is_alike = Frame::of(plain).is_some();
        if plain.len() > self.max_unpacked {
            return if is_alike {
                let text = format!("it has {} bytes, and `max_unpacked` is {}", plain.len(), self.max_unpacked);
                Err(encode_error(self.name(), text))
            } else {
                Ok(())
            };
        }
        if plain.len() < self.threshold && !is_alike {
            return Ok(());
        }
        let packed = self.pack(plain)?;
        if packed.len() < plain.len() || is_alike {
            out.truncate(start);
            out.extend(packed);
        }
        Ok(())
    }

    fn deserialize(&self, bytes: &[u8], context: &Context<'_>, visit: &mut Visit<'_>) -> Result<()> {
        match Frame::of(bytes) {
            Some(frame) => self.inner.deserialize(&self.unpack(frame, bytes)?, context, visit),
            None => self.inner.deserialize(bytes, context, visit),
        }
    }

    fn reads_decimal_text(&self) -> bool {
        false
    }
}

/// The serializer for a configuration.
#[cfg(feature = "zstd")]
pub(super) fn zstd_from_settings(settings: &mut Settings) -> Result<Arc<dyn Serializer>> {
    let level = settings.ranged(&zstd::LEVEL)?.unwrap_or(zstd::DEFAULT_LEVEL);
    from_settings(settings, Packing::Zstd { level })
}

/// The serializer for a configuration.
#[cfg(feature = "lz4")]
pub(super) fn lz4_from_settings(settings: &mut Settings) -> Result<Arc<dyn Serializer>> {
    from_settings(settings, Packing::Lz4)
}

fn from_settings(settings: &mut Settings, packing: Packing) -> Result<Arc<dyn Serializer>> {
    let mut made = Compressed::around(super::inner(settings)?, packing);
    if let Some(bytes) = settings.ranged(&THRESHOLD)? {
        made = made.threshold(bytes);
    }
    if let Some(bytes) = settings.ranged(&MAX_UNPACKED)? {
        made = made.max_unpacked(bytes);
    }
    Ok(Arc::new(made))
}

#[cfg(test)]
mod tests;
