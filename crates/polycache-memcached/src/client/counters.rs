//! Numbers that the server changes.

use std::str::FromStr;

use super::{Cas, Client, Entry, outcome};
use crate::codec::{Delta, Item, Request, Status, WireKey};
use crate::{Error, ErrorKind, Result, Ttl};

impl Client {
    /// Adds to an unsigned decimal number and returns the sum; `None` if there is none. Beyond 2^64 it starts again at 0. Keeps the TTL.
    ///
    /// # Errors
    /// `NotANumber`, and nothing was changed; trouble with the server.
    pub async fn incr(&self, key: impl AsRef<[u8]>, delta: u64) -> Result<Option<u64>> {
        self.count(&WireKey::new(key.as_ref()), Delta::Add(delta), None).await
    }

    /// Subtracts from an unsigned decimal number, down to 0 at least, and returns the rest; `None` if there is none. Keeps the TTL. The
    /// server pads a number that loses digits with spaces: `get` may find `9` and a space.
    ///
    /// # Errors
    /// `NotANumber`, and nothing was changed; trouble with the server.
    pub async fn decr(&self, key: impl AsRef<[u8]>, delta: u64) -> Result<Option<u64>> {
        self.count(&WireKey::new(key.as_ref()), Delta::Subtract(delta), None).await
    }

    /// Adds to a signed decimal number and returns the sum. A missing number starts at `delta`, with `ttl`; a present one keeps its TTL.
    /// Atomic against all other writes.
    ///
    /// memcached itself knows only numbers from 0 on. If neither `delta` nor the number is negative, memcached does the sum: one round
    /// trip. Otherwise this client compares and swaps: three round trips, and again if others write meanwhile; the TTL is kept to the
    /// second. Where memcached does the sum, a number ends at a space, and may begin with a space or `+`.
    ///
    /// ```no_run
    /// use polycache_memcached::{Client, Ttl};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = Client::open("127.0.0.1:11211")?;
    /// let visits = client.increment("visits", 1, Ttl::Never).await?;
    /// println!("visitor {visits}");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `NotANumber`, and nothing was changed. `Overflow`: the sum is beyond `i64`; if memcached did the sum, the stored number is too,
    /// until a negative `delta` brings it back. Trouble with the server.
    pub async fn increment(&self, key: impl AsRef<[u8]>, delta: i64, ttl: Ttl) -> Result<i64> {
        let wire = WireKey::new(key.as_ref());
        let exptime = ttl.exptime()?;
        if let Ok(unsigned) = u64::try_from(delta) {
            match self.count(&wire, Delta::Add(unsigned), Some((unsigned, exptime))).await {
                // Beyond 64 bits the server's sum begins again at 0.
                Ok(Some(sum)) if sum < unsigned => return Err(overflow()),
                Ok(Some(sum)) => return i64::try_from(sum).map_err(|_| overflow()),
                Ok(None) => return Err(outcome::unexpected()),
                // The number may be below zero.
                Err(error) if error.kind() == ErrorKind::NotANumber => {}
                Err(error) => return Err(error),
            }
        }
        self.add_by_cas(key.as_ref(), delta, ttl).await
    }

    async fn add_by_cas(&self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64> {
        loop {
            let Some((item, cas)) = self.gets(key).await? else {
                let text = delta.to_string();
                if self.add(key, Entry::new(text.as_bytes()).ttl(ttl)).await? {
                    return Ok(delta);
                }
                continue;
            };
            let sum = i64::try_from(number(&item)? + i128::from(delta)).map_err(|_| overflow())?;
            // If the entry has ended meanwhile, the swap would fail too.
            let Some(rest) = self.ttl(key).await? else { continue };
            let rest = if rest == Ttl::secs(0) { Ttl::secs(1) } else { rest };
            let text = sum.to_string();
            if self.cas(key, Entry::new(text.as_bytes()).flags(item.flags).ttl(rest), cas).await? == Cas::Stored {
                return Ok(sum);
            }
        }
    }

    async fn count(&self, key: &WireKey<'_>, delta: Delta, create: Option<(u64, u32)>) -> Result<Option<u64>> {
        let reply = self.fleet.call(key.stored(), &Request::Count { key, delta, create }).await?;
        let meta = outcome::meta(reply.ok_or_else(outcome::unexpected)?, false)?;
        match (meta.status, meta.value) {
            (Status::Missing, _) => Ok(None),
            (Status::Done, Some(value)) => parse(&value).map(Some).ok_or_else(outcome::unexpected),
            _ => Err(outcome::unexpected()),
        }
    }
}

fn parse<N: FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The number in an entry. Spaces that a `decr` left may follow it.
fn number(item: &Item) -> Result<i128> {
    let digits = item.value.trim_ascii_end();
    let legal = !digits.starts_with(b"+") && digits.len() <= 20;
    let number = if legal { parse(digits) } else { None };
    number.ok_or_else(|| Error::new(ErrorKind::NotANumber, "the stored value isn't a decimal integer; it is unchanged"))
}

#[cold]
fn overflow() -> Error {
    Error::new(ErrorKind::Overflow, "the sum is beyond the bounds of i64")
}
