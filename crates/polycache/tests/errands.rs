//! Detached computations on an executor other than tokio's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use polycache::{Cache, Errand};

#[allow(clippy::unused_async, reason = "a computation")]
async fn value(value: i32) -> Result<i32, Infallible> {
    Ok(value)
}

#[test]
fn an_errand_goes_on_without_its_caller() {
    let cache = Cache::memory();
    let mut context = Context::from_waker(Waker::noop());
    let errands = {
        let call = pin!(cache.get_or_set("k", || value(1)).detached());
        let (poll, errands) = Errand::taken_from(|| call.poll(&mut context));
        assert!(poll.is_pending());
        errands
    };
    assert_eq!(errands.len(), 1);
    for errand in errands {
        assert!(pin!(errand).poll(&mut context).is_ready());
    }
    assert_eq!(cache.get::<i32>("k").now().unwrap().unwrap(), Some(1));
}

#[test]
fn whoever_waits_takes_over_from_a_dropped_errand() {
    let cache = Cache::memory();
    let mut context = Context::from_waker(Waker::noop());
    let mut first = Box::pin(cache.get_or_set("k", || value(1)).detached());
    let (_, errands) = Errand::taken_from(|| first.as_mut().poll(&mut context));
    let mut second = pin!(cache.get_or_set("k", || value(2)));
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop((errands, first));
    assert_eq!(second.poll(&mut context), Poll::Ready(Ok(2)));
}

#[test]
fn polls_within_one_another_take_their_own() {
    let cache = Cache::memory();
    let mut context = Context::from_waker(Waker::noop());
    let mut outer = pin!(cache.get_or_set("outer", || value(1)).detached());
    let mut inner = pin!(cache.get_or_set("inner", || value(2)).detached());
    let ((_, inner_errands), outer_errands) = Errand::taken_from(|| {
        let taken = Errand::taken_from(|| inner.as_mut().poll(&mut context).is_pending());
        (outer.as_mut().poll(&mut context).is_pending(), taken.1)
    });
    assert_eq!((inner_errands.len(), outer_errands.len()), (1, 1));
}
