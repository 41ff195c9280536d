//! The core's wish to have values computed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use polycache::{Inside, Item, Value};
use tokio::sync::oneshot;

use super::raised::Raised;

/// Values by their keys.
pub(super) type Values = Vec<(String, Value)>;

/// Values by their keys, with what belongs to them.
pub(super) type Computed = Result<Vec<(String, Item<Value>)>, Raised>;
pub(super) type Answer = Pin<Box<dyn Future<Output = Computed> + Send>>;
pub(super) type ValuesAnswer = Pin<Box<dyn Future<Output = Result<Values, Raised>> + Send>>;

/// The core's wish, until the poll is over.
pub(super) type Wish = Arc<Mutex<Option<Wanted>>>;

pub(super) struct Wanted {
    pub(super) ask: Ask,
    pub(super) sender: oneshot::Sender<Computed>,
    /// The computations that this one is a part of, and itself.
    pub(super) inside: Inside,
}

/// What the computation is called with.
pub(super) enum Ask {
    One,
    /// The keys.
    Many(Vec<String>),
    /// What it is to replace.
    Item(Option<Box<Item<Value>>>),
}

/// Makes the wish when it is first polled.
pub(super) async fn wanted(wish: Wish, ask: Ask) -> Computed {
    let (sender, receiver) = oneshot::channel();
    *wish.lock() = Some(Wanted { ask, sender, inside: Inside::current() });
    // If the task was cancelled nobody is left to send: then this future is dropped, too, before it is polled again.
    receiver.await.unwrap_or(Err(Raised::cancelled()))
}
