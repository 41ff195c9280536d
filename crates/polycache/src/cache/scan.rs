//! Listing keys.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::Cache;
use crate::backend::{Cursor, Page, Pattern};
use crate::lease::is_lease;
use crate::{Answer, CommandName, Error, ErrorKind, Reply, Result};

impl Cache {
    /// The keys in the cache's namespace that match `pattern` (`*`, `?`, `[a-z]`, and a backslash before a literal character), without
    /// the namespace.
    ///
    /// Takes time proportional to the number of keys *in the backend*, in batches that hold up nobody else. A batch is fetched when it is
    /// asked for, within the timeout, and the plugins' hooks run for each. A key that is there all the time is listed, perhaps twice. The
    /// library's own entries, for leases, locks and tags, aren't listed.
    ///
    /// # Errors
    /// The stream yields [`InvalidInput`](ErrorKind::InvalidInput) for a broken pattern and [`Unsupported`](ErrorKind::Unsupported) if
    /// the backend can't list keys, and ends.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// let users = polycache::Cache::memory().namespace("user");
    /// users.multi_set([("1", "Ada"), ("2", "Grace"), ("x", "?")]).await?;
    ///
    /// let mut keys = users.scan("[0-9]*");
    /// while let Some(key) = keys.next().await {
    ///     assert!(["1", "2"].contains(&&*key?));
    /// }
    /// assert_eq!(users.scan("*").collect().await?.len(), 3);
    /// # Ok(()) }
    /// ```
    pub fn scan(&self, pattern: &str) -> Scan {
        let (stage, pattern) = match Pattern::new(pattern) {
            Ok(pattern) => (Stage::Next(None), pattern),
            Err(error) => {
                let failed = Reply::error(error.of(CommandName::Scan, None));
                (Stage::Fetching(failed), Pattern::default())
            }
        };
        Scan { cache: self.clone(), pattern, keys: VecDeque::new(), stage }
    }

    fn scan_page(&self, pattern: &Pattern, cursor: Option<Cursor>) -> Reply<Page> {
        const NAME: CommandName = CommandName::Scan;
        let pattern = pattern.clone();
        let open = move |cache: &Self, _: &str| {
            if !cache.info().capabilities.scan {
                let text = format!("the backend {} can't list keys", cache.info().name);
                return Reply::error(Error::new(ErrorKind::Unsupported, text).of(NAME, None));
            }
            let reply = cache.view.backend.scan(cache.view.prefix.as_str(), &pattern, cursor);
            cache.finish(NAME, None, reply, |_, _, result| result)
        };
        let shut = |cache: &Self, _: &str| cache.shut(NAME, Page::default());
        self.pass(Self::gate, NAME, None, open, |page| Answer::Count(page.keys.len() as u64), shut)
    }
}

/// The keys that [`Cache::scan`] finds: a [`Stream`], with its two most used methods.
#[must_use = "nothing is listed before it is asked for"]
pub struct Scan {
    cache: Cache,
    pattern: Pattern,
    keys: VecDeque<String>,
    stage: Stage,
}

enum Stage {
    Next(Option<Cursor>),
    Fetching(Reply<Page>),
    Ended,
}

impl Scan {
    /// The next key; `None` at the end.
    ///
    /// # Errors
    /// Those of [`Cache::scan`].
    pub async fn next(&mut self) -> Option<Result<String>> {
        poll_fn(|context| self.poll_key(context)).await
    }

    /// All remaining keys.
    ///
    /// # Errors
    /// Those of [`Cache::scan`].
    pub async fn collect(mut self) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        while let Some(key) = self.next().await {
            keys.push(key?);
        }
        Ok(keys)
    }

    fn poll_key(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Poll::Ready(Some(Ok(key)));
            }
            match &mut self.stage {
                Stage::Ended => return Poll::Ready(None),
                Stage::Next(cursor) => {
                    self.stage = Stage::Fetching(self.cache.scan_page(&self.pattern, *cursor));
                }
                Stage::Fetching(reply) => match ready!(Pin::new(reply).poll(context)) {
                    Ok(page) => {
                        let start = self.cache.view.prefix.as_str().len();
                        self.keys = page
                            .keys
                            .into_iter()
                            .filter(|key| !is_lease(key))
                            .filter_map(|key| Some(key.get(start..)?.to_owned()))
                            .collect();
                        self.stage = page.next.map_or(Stage::Ended, |cursor| Stage::Next(Some(cursor)));
                    }
                    Err(error) => {
                        self.stage = Stage::Ended;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

impl Stream for Scan {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_key(context)
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("pattern", &self.pattern.as_str()).finish_non_exhaustive()
    }
}
