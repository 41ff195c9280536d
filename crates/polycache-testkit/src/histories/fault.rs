//! What goes wrong.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::books::Books;

/// The shortest and the longest time that a fault lasts.
const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(1500);

type Run = dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// Something that goes wrong now and then, for a while.
pub struct Fault {
    name: String,
    run: Box<Run>,
}

impl Fault {
    /// `run` makes trouble for the time that it is given, from two milliseconds to a second and a half, and has ended it when its future
    /// is ready. A failure of a moment may leave the time aside.
    pub fn new<F>(name: &str, run: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name: name.to_owned(), run: Box::new(move |time| Box::pin(run(time))) }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One fault after another, with quiet in between.
pub(super) async fn happen(faults: Vec<Fault>, mut rng: fastrand::Rng, books: Arc<Books>) {
    while !books.is_over() {
        tokio::time::sleep(Duration::from_millis(rng.u64(5..150))).await;
        let fault = &faults[rng.usize(..faults.len())];
        // As many short ones as long ones.
        let time = SHORTEST.mul_f64((LONGEST.as_secs_f64() / SHORTEST.as_secs_f64()).powf(rng.f64()));
        books.log.all(format!("FAULT {} for {time:?}", fault.name));
        (fault.run)(time).await;
        books.log.all(format!("FAULT {} ends", fault.name));
        books.faults.fetch_add(1, Ordering::Relaxed);
    }
}
