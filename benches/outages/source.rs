//! Where the values come from: a database that can be made slow, to fail, or to panic.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use polycache::ErrorKind;
use polycache_testkit::{Chaos, Fault};

/// Why there is no value.
#[derive(Debug, Clone)]
pub(crate) struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Trouble {}

impl From<polycache::Error> for Trouble {
    fn from(error: polycache::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[derive(Debug)]
pub(crate) struct Source {
    chaos: Chaos,
    panics: AtomicBool,
    version: AtomicU64,
    calls: AtomicU64,
}

impl Source {
    pub(crate) fn new() -> Self {
        Self {
            chaos: Chaos::new(),
            panics: AtomicBool::new(false),
            version: AtomicU64::new(1),
            calls: AtomicU64::new(0),
        }
    }

    pub(crate) fn takes(&self, time: Duration) {
        self.chaos.always(Fault::none().after(time));
    }

    pub(crate) fn fails(&self) {
        self.chaos.always(Fault::error(ErrorKind::Unavailable).after(Duration::from_millis(5)));
    }

    /// The call that is under way, or the next one, panics after its time.
    pub(crate) fn panics_once(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    pub(crate) fn change(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The present value.
    pub(crate) fn value(&self) -> String {
        self.version.load(Ordering::SeqCst).to_string()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    #[allow(clippy::panic, reason = "that is what is tried")]
    pub(crate) async fn load(&self) -> Result<String, Trouble> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let panics = self.panics.swap(false, Ordering::SeqCst);
        self.chaos
            .call(async {
                if panics {
                    panic!("a computation panics");
                }
                Ok(self.value())
            })
            .await
    }
}
