//! Tasks that call a client, all at once.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use cpu_time::ProcessTime;
use polycache_benches::accesses::Accesses;
use polycache_benches::rounds::Contender;
use polycache_testkit::servers::RedisServer;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::clients::{Client, VALUE_LEN};

/// How many keys a `multi_get` asks for.
pub(crate) const BATCH: usize = 100;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Get,
    Set,
    /// [`BATCH`] keys at once.
    MultiGet,
}

impl Command {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::MultiGet => "multi_get of 100",
        }
    }

    /// The keys of a call.
    pub(crate) const fn keys(self) -> usize {
        match self {
            Self::Get | Self::Set => 1,
            Self::MultiGet => BATCH,
        }
    }
}

/// The runtime that makes the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    Current,
    TwoWorkers,
}

impl Threads {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Current => "current thread",
            Self::TwoWorkers => "two workers",
        }
    }

    fn runtime(self) -> Runtime {
        let mut builder = match self {
            Self::Current => Builder::new_current_thread(),
            Self::TwoWorkers => Builder::new_multi_thread(),
        };
        builder.worker_threads(2).enable_all().build().expect("a runtime")
    }
}

/// Nanoseconds of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Of wall time, with all tasks busy.
    pub(crate) wall: f64,
    /// Of this process's time on processors, the server's not included.
    pub(crate) cpu: f64,
}

/// What a round does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) command: Command,
    pub(crate) tasks: usize,
    pub(crate) threads: Threads,
    /// Calls of all tasks together.
    pub(crate) calls: usize,
}

/// A client under this load.
pub(crate) fn contender<'a, C: Client>(
    name: &'static str,
    load: Load,
    server: &'a RedisServer,
    keys: &Arc<Accesses>,
) -> Contender<'a, Cost> {
    let keys = Arc::clone(keys);
    Contender::new(name, move || {
        let runtime = load.threads.runtime();
        let client = runtime.block_on(C::connect(server));
        move || {
            let (cpu, wall) = (ProcessTime::now(), Instant::now());
            runtime.block_on(round(load, &client, &keys));
            let cost = |spent: std::time::Duration| spent.as_secs_f64() * 1e9 / load.calls as f64;
            Cost { cpu: cost(cpu.elapsed()), wall: cost(wall.elapsed()) }
        }
    })
}

async fn round<C: Client>(load: Load, client: &C, keys: &Arc<Accesses>) {
    let share = load.calls / load.tasks;
    let tasks: JoinSet<()> = (0..load.tasks)
        .map(|number| calls(load.command, client.clone(), Arc::clone(keys), number * share..(number + 1) * share))
        .collect();
    tasks.join_all().await;
}

/// One task.
async fn calls<C: Client>(command: Command, mut client: C, keys: Arc<Accesses>, calls: Range<usize>) {
    let whole = |value: &Option<String>| value.as_ref().is_some_and(|value| value.len() == VALUE_LEN);
    match command {
        Command::Get => {
            for key in keys.keys(calls) {
                assert!(whole(&client.get(key).await), "the value of {key}");
            }
        }
        Command::Set => {
            for key in keys.keys(calls) {
                client.set(key).await;
            }
        }
        Command::MultiGet => {
            let mut batch = Vec::with_capacity(BATCH);
            for call in calls {
                batch.clear();
                batch.extend(keys.keys(call * BATCH..(call + 1) * BATCH));
                assert!(client.multi_get(&batch).await.iter().all(whole), "the values of {batch:?}");
            }
        }
    }
}
