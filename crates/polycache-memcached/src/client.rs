//! The client.

mod counters;
mod many;
mod outcome;
mod raw;

use std::sync::Arc;

use crate::builder::Builder;
use crate::codec::{Item, Meta, Mode, Parts, Request, Status, WireKey};
use crate::fleet::Fleet;
use crate::{Error, ErrorKind, Result, Server, Ttl};

/// A client of one memcached or a fleet of them. Cheap to clone; all clones share one connection to each server.
///
/// A client connects when it is first used, and connects again by itself when a connection is lost. A future may be dropped at any
/// moment: its call may be executed or not, and no other call gets its reply. Calls need a tokio runtime with time and I/O enabled. When
/// the last clone is dropped, the connections are closed.
///
/// A key is any text or bytes: see [`WireKey`].
///
/// ```no_run
/// use polycache_memcached::{Client, Entry, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
/// let client = Client::open("127.0.0.1:11211")?;
/// client.set("greeting", Entry::new(b"hello").ttl(Ttl::secs(60))).await?;
/// let item = client.get("greeting").await?;
/// assert_eq!(item.map(|item| item.value).as_deref(), Some(&b"hello"[..]));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    fleet: Arc<Fleet>,
}

/// An entry to store: a value, its flags, its TTL.
///
/// ```
/// use polycache_memcached::{Entry, Ttl};
///
/// let entry = Entry::new(b"42").flags(1).ttl(Ttl::secs(60));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an entry is stored by `set` and its siblings"]
pub struct Entry<'a> {
    value: &'a [u8],
    flags: u32,
    ttl: Ttl,
}

impl<'a> Entry<'a> {
    /// An entry with this value, without flags, that never expires.
    pub const fn new(value: &'a [u8]) -> Self {
        Self { value, flags: 0, ttl: Ttl::Never }
    }

    /// The same entry with these flags: 32 bits that come back with the value, for the clients to agree upon. pymemcache and others mark
    /// types with them; bytes and text have 0 everywhere.
    pub const fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    /// The same entry with this TTL.
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    fn request(self, mode: Mode, key: &'a WireKey<'a>, max: usize) -> Result<Request<'a>> {
        let Self { value, flags, ttl } = self;
        if let Some(error) = too_large(value, max) {
            return Err(error);
        }
        Ok(Request::Store { mode, key, value, flags, exptime: ttl.exptime()?, cas: false })
    }
}

fn too_large(value: &[u8], max: usize) -> Option<Error> {
    let message = || format!("the value has {} bytes, where the client allows {max}; see max_value", value.len());
    (value.len() > max).then(|| Error::new(ErrorKind::TooLarge, message()))
}

/// The outcome of a [`Client::cas`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cas {
    /// The value was stored.
    Stored,
    /// Somebody else has written since; nothing was stored.
    Changed,
    /// The entry is gone; nothing was stored.
    Missing,
}

impl Client {
    pub(crate) fn new(fleet: Fleet) -> Self {
        Self { fleet: Arc::new(fleet) }
    }

    /// A client of one server, with default settings: `host:port`, `[ipv6]:port` or `/path/of/socket`.
    ///
    /// # Errors
    /// `InvalidInput`: the text is no address.
    pub fn open(server: &str) -> Result<Self> {
        Self::builder().server(server)?.build()
    }

    /// A client with settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Reads the value under a key, and its flags.
    ///
    /// # Errors
    /// Trouble with the server.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Item>> {
        let key = WireKey::new(key.as_ref());
        let reply = self.fleet.call(key.stored(), &Request::Get { key: &key, parts: Parts::VALUE }).await?;
        Ok(outcome::value(reply)?.map(|(item, _)| item))
    }

    /// Reads the value under a key, and the CAS number that [`cas`](Self::cas) compares. It isn't the server's own, and is good until the
    /// connection is lost: then it matches nothing, since a server that was restarted gives the same numbers to other values.
    ///
    /// # Errors
    /// Trouble with the server.
    pub async fn gets(&self, key: impl AsRef<[u8]>) -> Result<Option<(Item, u64)>> {
        let key = WireKey::new(key.as_ref());
        let request = Request::Get { key: &key, parts: Parts::VALUE.and(Parts::CAS) };
        outcome::value(self.fleet.call(key.stored(), &request).await?)
    }

    /// Reads some parts of an entry, in one command; `None` if there is no entry.
    ///
    /// ```no_run
    /// use polycache_memcached::Client;
    /// use polycache_memcached::codec::Parts;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = Client::open("127.0.0.1:11211")?;
    /// if let Some(entry) = client.look("k", Parts::VALUE.and(Parts::TTL)).await? {
    ///     println!("{:?} for {:?}", entry.value, entry.life());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Trouble with the server.
    pub async fn look(&self, key: impl AsRef<[u8]>, parts: Parts) -> Result<Option<Meta>> {
        let key = WireKey::new(key.as_ref());
        let Some(reply) = self.fleet.call(key.stored(), &Request::Get { key: &key, parts }).await? else {
            return Ok(None);
        };
        Ok(Some(outcome::meta(reply, true)?).filter(|entry| entry.status == Status::Done))
    }

    /// Stores a value.
    ///
    /// ```no_run
    /// use polycache_memcached::{Client, Entry, Ttl};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = Client::open("127.0.0.1:11211")?;
    /// client.set("greeting", Entry::new(b"hello").ttl(Ttl::After(std::time::Duration::from_secs(60)))).await?;
    /// let found = client.get("greeting").await?;
    /// assert!(found.is_some_and(|item| item.value == b"hello"[..]));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` for a TTL of zero; `TooLarge` and `OutOfMemory`, after which an older value may be gone; trouble with
    /// the server.
    pub async fn set(&self, key: impl AsRef<[u8]>, entry: Entry<'_>) -> Result<()> {
        // As `store`, but without its future around the call.
        let key = WireKey::new(key.as_ref());
        let request = entry.request(Mode::Set, &key, self.fleet.max_value())?;
        match outcome::status(self.fleet.call(key.stored(), &request).await?)? {
            Status::Done => Ok(()),
            _ => Err(outcome::unexpected()),
        }
    }

    /// Stores a value unless there is one. Returns whether it was stored.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub async fn add(&self, key: impl AsRef<[u8]>, entry: Entry<'_>) -> Result<bool> {
        Ok(self.store(key.as_ref(), entry, Mode::Add).await? == Status::Done)
    }

    /// Stores a value if there is one already. Returns whether it was stored.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub async fn replace(&self, key: impl AsRef<[u8]>, entry: Entry<'_>) -> Result<bool> {
        Ok(self.store(key.as_ref(), entry, Mode::Replace).await? == Status::Done)
    }

    /// Stores a value if nobody has written since [`gets`](Self::gets) gave this CAS number.
    ///
    /// ```no_run
    /// use polycache_memcached::{Cas, Client, Entry};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = Client::open("127.0.0.1:11211")?;
    /// if let Some((_, cas)) = client.gets("plan").await?
    ///     && client.cas("plan", Entry::new(b"new"), cas).await? == Cas::Changed
    /// {
    ///     println!("somebody else was faster");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub async fn cas(&self, key: impl AsRef<[u8]>, entry: Entry<'_>, cas: u64) -> Result<Cas> {
        match self.store(key.as_ref(), entry, Mode::Cas(cas)).await? {
            Status::Done => Ok(Cas::Stored),
            Status::Changed => Ok(Cas::Changed),
            Status::Missing => Ok(Cas::Missing),
            Status::NotStored => Err(outcome::unexpected()),
        }
    }

    async fn store(&self, key: &[u8], entry: Entry<'_>, mode: Mode) -> Result<Status> {
        let key = WireKey::new(key);
        let request = entry.request(mode, &key, self.fleet.max_value())?;
        outcome::status(self.fleet.call(key.stored(), &request).await?)
    }

    /// Deletes a key. Returns whether it was there.
    ///
    /// # Errors
    /// Trouble with the server.
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = WireKey::new(key.as_ref());
        let reply = self.fleet.call(key.stored(), &Request::Delete { key: &key, cas: None }).await?;
        Ok(outcome::status(reply)? == Status::Done)
    }

    /// Deletes a key if nobody has written since [`gets`](Self::gets) gave this CAS number. Returns whether it was deleted.
    ///
    /// # Errors
    /// Trouble with the server.
    pub async fn delete_cas(&self, key: impl AsRef<[u8]>, cas: u64) -> Result<bool> {
        let key = WireKey::new(key.as_ref());
        let reply = self.fleet.call(key.stored(), &Request::Delete { key: &key, cas: Some(cas) }).await?;
        Ok(outcome::status(reply)? == Status::Done)
    }

    /// Gives an entry another TTL; `false` if there is no entry. Its CAS number stays.
    ///
    /// # Errors
    /// `InvalidInput` for a TTL of zero; trouble with the server.
    pub async fn touch(&self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<bool> {
        let key = WireKey::new(key.as_ref());
        let request = Request::Touch { key: &key, exptime: ttl.exptime()? };
        Ok(outcome::status(self.fleet.call(key.stored(), &request).await?)? == Status::Done)
    }

    /// Reads the rest of an entry's TTL, in whole seconds; `None` if there is no entry.
    ///
    /// # Errors
    /// Trouble with the server.
    pub async fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Option<Ttl>> {
        Ok(self.look(key, Parts::TTL).await?.and_then(|entry| entry.life()))
    }

    /// Whether there is a value under a key, without fetching it.
    ///
    /// # Errors
    /// Trouble with the server.
    pub async fn exists(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.look(key, Parts::NONE).await?.is_some())
    }

    /// Deletes everything on every server, also what other clients stored. Takes effect with the server's next second: values that are
    /// stored before then may go too.
    ///
    /// # Errors
    /// Trouble with a server; others may have been emptied.
    pub async fn flush_all(&self) -> Result<()> {
        self.on_each(Request::FlushAll).await.map(drop)
    }

    /// The version of each server, in the order in which they were given.
    ///
    /// # Errors
    /// Trouble with a server.
    pub async fn version(&self) -> Result<Vec<String>> {
        let lines = self.on_each(Request::Version).await?;
        Ok(lines
            .iter()
            .map(|line| String::from_utf8_lossy(line.strip_prefix(b"VERSION ").unwrap_or(line)).into())
            .collect())
    }

    /// The servers, in the order in which they were given.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.fleet.connections().iter().map(|connection| connection.server())
    }

    /// Refuses further calls, on all clones. Calls that are under way are still answered.
    pub fn close(&self) {
        self.fleet.connections().iter().for_each(|connection| connection.close());
    }
}
