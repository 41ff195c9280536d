//! One file: an entry, and how it lies on the disk.

use std::fs;
use std::io::{Error, ErrorKind, Result, Write};
use std::path::Path;

/// What a file holds: four numbers of eight bytes, the key, the value.
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
    /// Milliseconds since 1970 at which it ends; [`NEVER`].
    pub(crate) deadline: u64,
    /// Which write made it.
    pub(crate) version: u64,
}

/// The deadline of an entry that doesn't end.
pub(crate) const NEVER: u64 = u64::MAX;

/// Begins every file, and tells the form of the rest.
const MAGIC: u64 = u64::from_be_bytes(*b"pcfiles1");

impl Stored {
    /// The entry in the file at `path`, if there is one. A file of another form counts as none: a cache may forget.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file at `path` in one step: whoever reads it, after a crash too, finds the entry before or this one.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let new = path.with_extension("new");
        let mut file = fs::File::create(&new)?;
        let key_len = u64::try_from(self.key.len()).map_err(Error::other)?;
        for number in [MAGIC, self.deadline, self.version, key_len] {
            file.write_all(&number.to_be_bytes())?;
        }
        file.write_all(self.key.as_bytes())?;
        file.write_all(&self.bytes)?;
        fs::rename(new, path)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |index: usize| {
            let eight = bytes.get(index * 8..index * 8 + 8)?;
            Some(u64::from_be_bytes(eight.try_into().ok()?))
        };
        let (magic, deadline, version, key_len) = (number(0)?, number(1)?, number(2)?, number(3)?);
        let (key, value) = bytes.get(32..)?.split_at_checked(usize::try_from(key_len).ok()?)?;
        let key = String::from_utf8(key.to_vec()).ok()?;
        (magic == MAGIC).then(|| Self { key, bytes: value.to_vec(), deadline, version })
    }
}
