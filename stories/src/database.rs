//! The shop's database: prices that only rise, so that an old one is known by its number.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use polycache::ErrorKind;
use polycache_testkit::{Chaos, Fault};

/// How long a query takes while nothing is wrong.
const QUERY: Duration = Duration::from_millis(2);

/// And how long while it is slow.
const SLOW_QUERY: Duration = Duration::from_secs(4);

/// Why there is no price.
#[derive(Debug, Clone)]
pub(crate) struct Trouble(pub(crate) String);

impl From<polycache::Error> for Trouble {
    fn from(error: polycache::Error) -> Self {
        Self(error.to_string())
    }
}

pub(crate) struct Database {
    prices: Mutex<HashMap<u64, u64>>,
    chaos: Chaos,
    reads: AtomicU64,
}

impl Database {
    pub(crate) fn new() -> Self {
        let database = Self { prices: Mutex::new(HashMap::new()), chaos: Chaos::new(), reads: AtomicU64::new(0) };
        database.starts();
        database
    }

    pub(crate) fn starts(&self) {
        self.chaos.always(Fault::none().after(QUERY));
    }

    /// From now on each query fails, as if nobody listened.
    pub(crate) fn stops(&self) {
        self.chaos.always(Fault::error(ErrorKind::Unavailable));
    }

    pub(crate) fn slows_down(&self) {
        self.chaos.always(Fault::none().after(SLOW_QUERY));
    }

    pub(crate) async fn price(&self, product: u64) -> Result<u64, Trouble> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let price =
            async { Ok(self.prices.lock().expect("nobody panics with it").get(&product).copied().unwrap_or_default()) };
        self.chaos.call(price).await
    }

    pub(crate) async fn raise(&self, product: u64) -> Result<u64, Trouble> {
        let raise = async {
            let mut prices = self.prices.lock().expect("nobody panics with it");
            let price = prices.entry(product).or_default();
            *price += 1;
            Ok(*price)
        };
        self.chaos.call(raise).await
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}
