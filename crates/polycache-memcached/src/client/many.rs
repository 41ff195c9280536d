//! Several keys or servers at once.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{Client, Entry, outcome, too_large};
use crate::Result;
use crate::codec::{Item, Meta, Mode, Parts, Reply, Request, Status, WireKey};
use crate::connection::Connection;
use crate::fleet::Place;

/// How many keys go into one `get`: a server executes a command without a pause for other connections.
const KEYS_MAX: usize = 500;

impl Client {
    /// Reads the values under several keys, in their order; a key may come more than once. All servers are asked at once, each in one
    /// round trip. Keys in the meta base64 form (see [`WireKey`]) cost a command each, all others one together.
    ///
    /// ```no_run
    /// use polycache_memcached::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = Client::open("127.0.0.1:11211")?;
    /// let found = client.multi_get(&["user:1", "user:2"]).await?;
    /// println!("{} of 2 are there", found.iter().flatten().count());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Trouble with any of the servers.
    pub async fn multi_get<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<Vec<Option<Item>>> {
        let keys: Vec<_> = keys.iter().map(|key| WireKey::new(key.as_ref())).collect();
        let connections = self.fleet.connections();
        if let [only] = connections
            && !keys.iter().any(WireKey::is_base64)
        {
            return get_plain(only, &keys).await;
        }
        let mut values = vec![None; keys.len()];
        let mut asked: Vec<Asked<'_>> = vec![Asked::default(); connections.len()];
        for (number, key) in keys.iter().enumerate() {
            if let Place::At(at, _) = self.fleet.place(key.stored()) {
                let form = if key.is_base64() { &mut asked[at].base64 } else { &mut asked[at].plain };
                form.0.push(number);
                form.1.push(key.clone());
            }
        }
        let replies = connections.iter().zip(&asked).map(async |(connection, asked)| {
            let (plain, base64) =
                tokio::join!(get_plain(connection, &asked.plain.1), get_base64(connection, &asked.base64.1));
            [(&asked.plain.0, plain), (&asked.base64.0, base64)]
        });
        for (numbers, items) in join_all(replies).await.into_iter().flatten() {
            match items {
                Ok(items) => numbers.iter().zip(items).for_each(|(&number, item)| values[number] = item),
                // The server may be out by now, and its keys be placed elsewhere.
                Err(error) if error.is_retryable() && self.fleet.moves_keys() => {
                    for &number in numbers {
                        let key = &keys[number];
                        let reply = self.fleet.call(key.stored(), &Request::Get { key, parts: Parts::VALUE }).await?;
                        values[number] = reply.map(single).transpose()?.flatten();
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(values)
    }

    /// Stores several values, in one round trip for each server. Of entries with the same key, the last one stays.
    ///
    /// # Errors
    /// As [`set`](Self::set): the first error of all entries; the others may be stored.
    pub async fn multi_set<K: AsRef<[u8]>>(&self, entries: &[(K, Entry<'_>)]) -> Result<()> {
        let keys: Vec<_> = entries.iter().map(|(key, _)| WireKey::new(key.as_ref())).collect();
        let requests = keys
            .iter()
            .zip(entries)
            .map(|(key, (_, entry))| Ok((key.stored(), entry.request(Mode::Set, key, self.fleet.max_value())?)))
            .collect::<Result<Vec<_>>>()?;
        for reply in self.fleet.call_many(&requests).await {
            if outcome::status(reply?)? != Status::Done {
                return Err(outcome::unexpected());
            }
        }
        Ok(())
    }

    /// Deletes several keys, in one round trip for each server. Returns how many were there.
    ///
    /// # Errors
    /// Trouble with any of the servers; others may have deleted their keys.
    pub async fn multi_delete<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<u64> {
        let keys: Vec<_> = keys.iter().map(|key| WireKey::new(key.as_ref())).collect();
        let requests: Vec<_> = keys.iter().map(|key| (key.stored(), Request::Delete { key, cas: None })).collect();
        let mut deleted = 0;
        for reply in self.fleet.call_many(&requests).await {
            deleted += u64::from(outcome::status(reply?)? == Status::Done);
        }
        Ok(deleted)
    }

    /// Executes several meta commands in one round trip, each at the server of the key beside it; commands at one server are executed one
    /// after the other. A command's own key is taken to be at that server too, wherever it belongs: this is for entries that go with
    /// another one, such as a lease on it. Returns a reply for each command. A read at a server that is out, where reads find nothing, is
    /// [`Status::Missing`].
    ///
    /// # Errors
    /// Each command has its own. After a failed command, later ones may have been executed all the same.
    ///
    /// ```no_run
    /// use polycache_memcached::Client;
    /// use polycache_memcached::codec::{Parts, Request, WireKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = Client::open("127.0.0.1:11211")?;
    /// let (lease, value) = (WireKey::new(b"lease:k"), WireKey::new(b"k"));
    /// let look = Request::Get { key: &lease, parts: Parts::NONE };
    /// let [found, deleted] = client.in_order([("k", look), ("k", Request::Delete { key: &value, cas: None })]).await;
    /// println!("{:?} {:?}", found?, deleted?);
    /// # Ok(()) }
    /// ```
    pub async fn in_order<K: AsRef<[u8]>, const N: usize>(&self, commands: [(K, Request<'_>); N]) -> [Result<Meta>; N] {
        let mut replies = self.many_in_order(&commands).await.into_iter();
        std::array::from_fn(|_| replies.next().unwrap_or_else(|| Err(outcome::unexpected())))
    }

    /// As [`in_order`](Self::in_order), for any number of commands.
    ///
    /// # Errors
    /// As [`in_order`](Self::in_order).
    pub async fn many_in_order<K: AsRef<[u8]>>(&self, commands: &[(K, Request<'_>)]) -> Vec<Result<Meta>> {
        let homes: Vec<_> = commands.iter().map(|(home, _)| WireKey::new(home.as_ref())).collect();
        let requests: Vec<_> =
            homes.iter().zip(commands).map(|(home, (_, request))| (home.stored(), *request)).collect();
        let max = self.fleet.max_value();
        if let Some(error) =
            requests.iter().find_map(|(_, request)| request.value().and_then(|value| too_large(value, max)))
        {
            return requests.iter().map(|_| Err(error.clone())).collect();
        }
        let replies = self.fleet.call_in_order(&requests).await.into_iter();
        let meta = |(reply, (_, request)): (Result<Option<Reply>>, &(&[u8], Request<'_>))| match reply? {
            Some(reply) => outcome::meta(reply, request.is_read()),
            None => Ok(missing()),
        };
        replies.zip(&requests).map(meta).collect()
    }

    /// Looks at an entry and writes right behind that, in one round trip: the server executes nothing else of this connection in between.
    /// Both are taken to be at the server of the key `home`, as in [`in_order`](Self::in_order). `write` is a meta command. Returns what
    /// the look found and the outcome of the write.
    ///
    /// ```no_run
    /// use polycache_memcached::Client;
    /// use polycache_memcached::codec::{Parts, Request, Status, WireKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache_memcached::Result<()> {
    /// let client = Client::open("127.0.0.1:11211")?;
    /// let (lease, key) = (WireKey::new(b"lease:k"), WireKey::new(b"k"));
    /// let delete = Request::Delete { key: &key, cas: None };
    /// let (lease, deleted) = client.look_and_write(&key, (&lease, Parts::VALUE), &delete).await?;
    /// println!("{:?} {}", lease.value, deleted.status == Status::Done);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Trouble with the server, with one of the commands, or as [`set`](Self::set). The write may have been executed all the same.
    pub async fn look_and_write(
        &self,
        home: &WireKey<'_>,
        (look, parts): (&WireKey<'_>, Parts),
        write: &Request<'_>,
    ) -> Result<(Meta, Meta)> {
        if let Some(error) = write.value().and_then(|value| too_large(value, self.fleet.max_value())) {
            return Err(error);
        }
        let request = Request::LookAndWrite { look, parts, write };
        match self.fleet.call(home.stored(), &request).await?.ok_or_else(outcome::unexpected)? {
            Reply::LookAndWrite(both) => {
                let [found, written] = *both;
                // A write's error tells more.
                let written = outcome::meta(written, false)?;
                Ok((outcome::meta(found, true)?, written))
            }
            written => Ok((missing(), outcome::meta(written, false)?)),
        }
    }

    /// Asks every server; each answers with one line.
    pub(super) async fn on_each(&self, request: Request<'_>) -> Result<Vec<Bytes>> {
        let is_read = request.is_read();
        let asked = self.fleet.connections().iter().map(|connection| connection.call(&request));
        let lines = join_all(asked).await.into_iter().map(|reply| match reply? {
            Reply::Line(line) => Ok(line),
            Reply::Refused(refusal) => Err(outcome::refused(&refusal, is_read)),
            _ => Err(outcome::unexpected()),
        });
        lines.collect()
    }
}

fn missing() -> Meta {
    Meta { status: Status::Missing, value: None, flags: 0, cas: 0, ttl: None }
}

/// The keys of one server, and their places among all keys.
#[derive(Debug, Clone, Default)]
struct Asked<'a> {
    plain: (Vec<usize>, Vec<WireKey<'a>>),
    base64: (Vec<usize>, Vec<WireKey<'a>>),
}

async fn get_plain(connection: &Connection, keys: &[WireKey<'_>]) -> Result<Vec<Option<Item>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    if keys.len() <= KEYS_MAX {
        return values(connection.call(&Request::MultiGet { keys }).await?);
    }
    let lines: Vec<_> = keys.chunks(KEYS_MAX).map(|keys| Request::MultiGet { keys }).collect();
    let mut all = Vec::with_capacity(keys.len());
    for reply in connection.call_many(&lines).await {
        all.extend(values(reply?)?);
    }
    Ok(all)
}

async fn get_base64(connection: &Connection, keys: &[WireKey<'_>]) -> Result<Vec<Option<Item>>> {
    let requests: Vec<_> = keys.iter().map(|key| Request::Get { key, parts: Parts::VALUE }).collect();
    connection.call_many(&requests).await.into_iter().map(|reply| single(reply?)).collect()
}

fn values(reply: Reply) -> Result<Vec<Option<Item>>> {
    match reply {
        Reply::Values(values) => Ok(values),
        Reply::Refused(refusal) => Err(outcome::refused(&refusal, true)),
        _ => Err(outcome::unexpected()),
    }
}

fn single(reply: Reply) -> Result<Option<Item>> {
    let meta = outcome::meta(reply, true)?;
    Ok(meta.value.map(|value| Item { value, flags: meta.flags }))
}
