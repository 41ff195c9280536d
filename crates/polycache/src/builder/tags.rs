//! What clearing a tag does.

use super::CacheBuilder;

impl CacheBuilder {
    /// Whether [`clear_tag`](crate::Cache::clear_tag) makes entries stale that have a [grace](Self::grace), rather than gone: commands
    /// don't find them either way, and they are given where their source fails. Not by default.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> polycache::Result<()> {
    /// use polycache::{Cache, Ttl};
    /// use std::time::Duration;
    ///
    /// let cache = Cache::builder().ttl(Ttl::secs(60)).grace(Duration::from_secs(3_600)).stale_on_clear(true).build()?;
    /// cache.tagged(["shop"]).set("price", 5).await?;
    /// cache.clear_tag("shop").await?;
    /// assert_eq!(cache.get::<i32>("price").await?, None);
    /// let price = cache.get_or_set("price", || async { Err("the database is away") }).await;
    /// assert_eq!(price, Ok(5));
    /// # Ok(()) }
    /// ```
    pub fn stale_on_clear(mut self, stale: bool) -> Self {
        self.stale_on_clear = stale;
        self
    }
}
