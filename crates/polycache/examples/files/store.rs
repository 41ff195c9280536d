//! A backend that keeps its entries as files in a folder.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use polycache::backend::{
    Backend, BackendInfo, Cursor, Entry, Found, Key, Page, Pattern, SetOptions, Version, Want, When,
};
use polycache::{Error, ErrorKind, Raw, Reply, Result, Settings, Ttl, Value};

use super::file::{NEVER, Stored};

/// Entries as files in a folder, which one process uses at a time. They are there again after a restart.
///
/// Every operation is done when it returns, under one lock. That makes each atomic, and suits a few thousand calls a second: a store
/// for more would lock by key, and do its work on threads of its own.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    info: BackendInfo,
    /// The version of the last write.
    last_version: Mutex<u64>,
}

impl Files {
    /// The entries in `folder`, which is made where there is none.
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(trouble)?;
        let mut info = BackendInfo::new("files");
        info.capabilities.exclusive = true;
        // Later than any version that an earlier process has given.
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { folder, info, last_version: Mutex::new(started.as_nanos() as u64) })
    }

    /// What `files:///path/of/the/folder` or `cache = "files"` with `folder = "…"` names.
    pub(crate) fn from_settings(settings: &mut Settings) -> Result<Box<dyn Backend>> {
        let folder = match settings.take::<String>("address")? {
            Some(folder) => folder,
            None => settings.require("folder")?,
        };
        Ok(Box::new(Self::new(folder)?))
    }

    fn lock(&self) -> Locked<'_> {
        // Whoever panicked has left whole files: each is replaced in one step.
        Locked { files: self, last_version: self.last_version.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// The store while nobody else uses it.
struct Locked<'a> {
    files: &'a Files,
    last_version: MutexGuard<'a, u64>,
}

impl Locked<'_> {
    /// The file of a key. Two keys may share one: then the later replaces the earlier, and as the file has the key in it, nobody reads
    /// another key's value.
    fn path(&self, key: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.files.folder.join(format!("{:016x}", hasher.finish()))
    }

    fn find(&self, key: &str) -> Result<Option<Stored>> {
        let stored = Stored::read(&self.path(key)).map_err(trouble)?;
        Ok(stored.filter(|stored| stored.key == key && stored.deadline > now()))
    }

    /// The version of what was stored.
    fn store(&mut self, key: &str, value: &Value, deadline: u64) -> Result<u64> {
        // With the value's head, where it has one.
        let Some(bytes) = value.to_stored() else {
            return Err(Error::new(ErrorKind::Unsupported, "a file can't hold a live object"));
        };
        *self.last_version += 1;
        let stored = Stored { key: key.to_owned(), bytes: bytes.into_owned(), deadline, version: *self.last_version };
        stored.write(&self.path(key)).map_err(trouble)?;
        Ok(stored.version)
    }

    /// Whether there was an entry that `may` be removed.
    fn remove(&self, key: &str, may: impl FnOnce(&Stored) -> bool) -> Result<bool> {
        match self.find(key)? {
            Some(stored) if may(&stored) => remove_file(&self.path(key)).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Shows each file to `see`, with its entry if one lives in it.
    fn each(&self, mut see: impl FnMut(&Path, Option<Stored>) -> Result<()>) -> Result<()> {
        for file in fs::read_dir(&self.files.folder).map_err(trouble)? {
            let path = file.map_err(trouble)?.path();
            let stored = Stored::read(&path).map_err(trouble)?;
            // One with an extension was left half-written by a process that ended.
            let lives = |stored: &Stored| stored.deadline > now() && path.extension().is_none();
            see(&path, stored.filter(lives))?;
        }
        Ok(())
    }
}

impl Backend for Files {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn get(&self, key: Key<'_>) -> Reply<Option<Value>> {
        Reply::from(self.lock().find(key.full()).map(|stored| stored.map(|stored| Value::from_stored(stored.bytes))))
    }

    fn look(&self, key: Key<'_>, want: Want) -> Reply<Option<Found>> {
        Reply::from(self.lock().find(key.full()).map(|stored| stored.map(|stored| found(stored, want))))
    }

    fn multi_get(&self, keys: &[Key<'_>], want: Want) -> Reply<Vec<Option<Found>>> {
        let files = self.lock();
        let find = |key: &Key<'_>| Ok(files.find(key.full())?.map(|stored| found(stored, want)));
        Reply::from(keys.iter().map(find).collect::<Result<_>>())
    }

    fn set(&self, key: Key<'_>, value: Value, options: SetOptions) -> Reply<bool> {
        let set = |mut files: Locked<'_>| {
            let present = files.find(key.full())?;
            // Looked at under the lock: a write that withdraws the permit comes before, and is seen, or after, and wins.
            if !options.permitted() || !allows(&options.when, present.as_ref())? {
                return Ok(false);
            }
            let version = files.store(key.full(), &value, deadline(options.ttl))?;
            if let Some(written) = &options.written {
                written.leave(Version::number(version));
            }
            Ok(true)
        };
        Reply::from(set(self.lock()))
    }

    fn multi_set(&self, entries: Vec<Entry<'_>>) -> Reply<()> {
        let mut files = self.lock();
        let mut store = |entry: &Entry<'_>| files.store(entry.key.full(), &entry.value, deadline(entry.ttl)).map(drop);
        Reply::from(entries.iter().try_for_each(&mut store))
    }

    fn increment(&self, key: Key<'_>, delta: i64, ttl: Ttl) -> Reply<i64> {
        let add = |mut files: Locked<'_>| {
            let (sum, deadline) = match files.find(key.full())? {
                None => (delta, deadline(ttl)),
                Some(stored) => {
                    let text = std::str::from_utf8(&stored.bytes).ok();
                    let number = text.and_then(|text| text.parse::<i64>().ok());
                    let number = number.ok_or_else(|| Error::new(ErrorKind::NotANumber, "no integer is stored"))?;
                    let sum = number.checked_add(delta);
                    let text = "the sum isn't an integer of 64 bits";
                    (sum.ok_or_else(|| Error::new(ErrorKind::Overflow, text))?, stored.deadline)
                }
            };
            files.store(key.full(), &Value::from(sum.to_string().into_bytes()), deadline)?;
            Ok(sum)
        };
        Reply::from(add(self.lock()))
    }

    fn expire(&self, key: Key<'_>, ttl: Ttl) -> Reply<bool> {
        let expire = |files: Locked<'_>| {
            let Some(stored) = files.find(key.full())? else { return Ok(false) };
            // The same version: this is no write.
            Stored { deadline: deadline(ttl), ..stored }.write(&files.path(key.full())).map_err(trouble)?;
            Ok(true)
        };
        Reply::from(expire(self.lock()))
    }

    fn delete(&self, key: Key<'_>, when: When) -> Reply<bool> {
        let files = self.lock();
        let delete = || {
            let Some(stored) = files.find(key.full())? else { return Ok(false) };
            let allowed = allows(&when, Some(&stored))?;
            files.remove(key.full(), |_| allowed)
        };
        Reply::from(delete())
    }

    fn multi_delete(&self, keys: &[Key<'_>]) -> Reply<u64> {
        let files = self.lock();
        let count = keys.iter().try_fold(0, |count, key| Ok(count + u64::from(files.remove(key.full(), |_| true)?)));
        Reply::from(count)
    }

    fn clear(&self, prefix: &str) -> Reply<()> {
        // Files without an entry that lives go too.
        let cleared = self.lock().each(|path, stored| match stored {
            Some(stored) if !stored.key.starts_with(prefix) => Ok(()),
            _ => remove_file(path),
        });
        Reply::from(cleared)
    }

    fn scan(&self, prefix: &str, pattern: &Pattern, _: Option<Cursor>) -> Reply<Page> {
        let mut page = Page::default();
        let scanned = self.lock().each(|_, stored| {
            if let Some(stored) = stored
                && stored.key.strip_prefix(prefix).is_some_and(|name| pattern.matches(name))
            {
                page.keys.push(stored.key);
            }
            Ok(())
        });
        // One batch has them all.
        Reply::from(scanned.map(|()| page))
    }

    fn raw(&self, command: &str, _: &[&[u8]]) -> Reply<Raw> {
        if command != "folder" {
            let text = format!("the files backend knows no command {command:?}; it knows `folder`");
            return Reply::error(Error::new(ErrorKind::InvalidInput, text));
        }
        Reply::ready(Raw::Bytes(self.folder.display().to_string().into_bytes()))
    }

    fn close(&self) -> Reply<()> {
        Reply::ready(())
    }
}

/// Whether the condition holds.
fn allows(when: &When, present: Option<&Stored>) -> Result<bool> {
    match when {
        When::Always => Ok(true),
        When::Absent => Ok(present.is_none()),
        When::Unchanged(version) => Ok(present.map(|stored| Version::number(stored.version)).as_ref() == Some(version)),
        // Never done without a look at a condition that was added later.
        _ => Err(Error::new(ErrorKind::Unsupported, "the files backend doesn't know this condition")),
    }
}

fn found(stored: Stored, want: Want) -> Found {
    let mut found = Found::new();
    found.version = want.has(Want::VERSION).then(|| Version::number(stored.version));
    found.ttl = want.has(Want::TTL).then(|| match stored.deadline {
        NEVER => Ttl::Never,
        deadline => Ttl::After(Duration::from_millis(deadline.saturating_sub(now()).max(1))),
    });
    found.value = want.has(Want::VALUE).then(|| Value::from_stored(stored.bytes));
    found
}

fn deadline(ttl: Ttl) -> u64 {
    match ttl {
        Ttl::Never => NEVER,
        // Rounded up to the resolution that the backend declares.
        Ttl::After(life) => {
            let life = life.as_nanos().div_ceil(1_000_000);
            now().saturating_add(u64::try_from(life).unwrap_or(NEVER)).min(NEVER - 1)
        }
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != Io::NotFound => Err(trouble(error)),
        _ => Ok(()),
    }
}

fn trouble(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the folder of the cache can't be used").with_source(error)
}
