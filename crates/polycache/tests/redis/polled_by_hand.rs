//! Replies in a program without an executor: started, polled with a waker of its own, and taken.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use polycache::{ErrorKind, Reply, Result, Value};
use polycache_testkit::servers::RedisServer;

use crate::support::{PATIENCE, cache, cache_with};

/// Says which of several replies to look at again.
struct Tells(Sender<usize>, usize);

impl Wake for Tells {
    fn wake(self: Arc<Self>) {
        // Nobody looks any more where the test is over.
        let _ = self.0.send(self.1);
    }
}

fn poll<T>(reply: &mut Reply<T>, waker: &Waker) -> Poll<Result<T>> {
    Pin::new(reply).poll(&mut Context::from_waker(waker))
}

/// The result of a reply that was perhaps polled before.
fn take<T>(mut reply: Reply<T>, waker: &Waker, woken: &Receiver<usize>) -> Result<T> {
    loop {
        if let Poll::Ready(result) = poll(&mut reply, waker) {
            return result;
        }
        woken.recv_timeout(PATIENCE).expect("the reply wakes who polls it");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_reply_is_started_polled_and_taken_without_an_executor() {
    let runtime = runtime();
    let server = runtime.block_on(RedisServer::start());
    let cache = cache(&server.url());

    let (sender, woken) = channel();
    let waker = |index| Waker::from(Arc::new(Tells(sender.clone(), index)));
    let _entered = runtime.enter();
    take(cache.set("k", Value::bytes(*b"[1]")), &waker(0), &woken).unwrap();
    assert_eq!(take(cache.get::<Vec<u8>>("k"), &waker(0), &woken).unwrap(), Some(vec![1]));

    // Many at once: each is started, and taken when its own waker was woken.
    let mut replies: Vec<_> = (0..100).map(|_| Some(cache.increment("count", 1))).collect();
    let mut sums = Vec::new();
    let mut look: Vec<usize> = (0..100).collect();
    while sums.len() < 100 {
        for index in look.drain(..) {
            let Some(reply) = &mut replies[index] else { continue };
            if let Poll::Ready(sum) = poll(reply, &waker(index)) {
                sums.push(sum.unwrap());
                replies[index] = None;
            }
        }
        if sums.len() < 100 {
            look.push(woken.recv_timeout(PATIENCE).expect("each reply wakes who polls it"));
        }
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=100).collect::<Vec<i64>>());
}

#[test]
fn the_timeout_rings_without_an_executor() {
    let runtime = runtime();
    let server = runtime.block_on(RedisServer::start());
    let cache = cache_with(&server.url(), Duration::from_millis(300));
    let (sender, woken) = channel();
    let waker = Waker::from(Arc::new(Tells(sender, 0)));
    let _entered = runtime.enter();
    take(cache.set("k", 1), &waker, &woken).unwrap();
    server.stop();
    assert_eq!(take(cache.get::<i32>("k"), &waker, &woken).unwrap_err().kind(), ErrorKind::Timeout);
    server.resume();
}
