//! The sources of a cell's key.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::{Error, ErrorKind};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::table;

/// How long a source takes that isn't slow.
pub(crate) const LATENCY: Duration = Duration::from_millis(100);

/// What it answers.
pub(crate) const NEW: i32 = 2;

/// The caller's error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failed {
    Source,
    Cache(ErrorKind),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Cache(error.kind())
    }
}

#[derive(Debug)]
pub(crate) struct Source {
    kind: table::Source,
    asked: Mutex<HashMap<String, usize>>,
    is_back: AtomicBool,
    shut: Semaphore,
}

impl Source {
    pub(crate) fn new(kind: table::Source) -> Arc<Self> {
        let (asked, is_back, shut) = (Mutex::default(), AtomicBool::new(false), Semaphore::new(0));
        Arc::new(Self { kind, asked, is_back, shut })
    }

    pub(crate) fn ask(self: Arc<Self>, keys: &[String]) -> impl Future<Output = Result<i32, Failed>> + Send + use<> {
        let keys = keys.to_vec();
        async move {
            for key in keys {
                *self.asked.lock().unwrap().entry(key).or_default() += 1;
            }
            self.answer().await
        }
    }

    async fn answer(&self) -> Result<i32, Failed> {
        let fails = match self.kind {
            table::Source::Answers | table::Source::Slow => false,
            table::Source::Fails => true,
            table::Source::Flaps => !self.is_back.load(Ordering::SeqCst),
        };
        match self.kind {
            table::Source::Slow => drop(self.shut.acquire().await.unwrap()),
            _ => sleep(LATENCY).await,
        }
        if fails { Err(Failed::Source) } else { Ok(NEW) }
    }

    /// It fails no more.
    pub(crate) fn comes_back(&self) {
        self.is_back.store(true, Ordering::SeqCst);
    }

    /// It is slow no more.
    pub(crate) fn answers(&self) {
        self.shut.add_permits(1);
    }

    /// How often it has been asked for this key.
    pub(crate) fn asked(&self, key: &str) -> usize {
        self.asked.lock().unwrap().get(key).copied().unwrap_or_default()
    }
}
