//! What is asked of every contender.

use std::sync::Arc;

use polycache_benches::user::User;

/// A cache of users, or what stands for one. Not `Send`: a round stays on its thread.
pub(crate) trait Store {
    /// A read that shares the value.
    async fn read(&mut self, key: &str) -> Option<Arc<User>>;

    /// A read that copies the value.
    #[inline]
    async fn read_copy(&mut self, key: &str) -> Option<User> {
        self.read(key).await.map(|user| User::clone(&user))
    }

    /// Stores a value that was made for it.
    async fn write(&mut self, key: &str, user: User);

    /// Stores a value that is shared already.
    async fn share(&mut self, key: &str, user: Arc<User>);
}
