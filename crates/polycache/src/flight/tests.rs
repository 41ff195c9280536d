#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::pending;

use futures_util::FutureExt;

use crate::Cache;

/// Nothing is left of a million flights: computed, failed, cancelled, or overtaken.
#[test]
fn the_table_is_left_empty() {
    let cache = Cache::builder().backend(crate::backends::memory::Memory::builder().max_entries(100).build().unwrap());
    let cache = cache.build().unwrap();
    for number in 0..1_000_000_u32 {
        let key = format!("{number}");
        match number % 32 {
            4.. => drop(cache.get_or_set(&key, || async { Ok::<_, Infallible>(1) }).now_or_never().unwrap()),
            3 => drop(cache.get_or_set(&key, || async { Err::<i32, _>(()) }).now_or_never().unwrap()),
            step => {
                let mut leads = Box::pin(cache.get_or_set(&key, pending::<Result<i32, Infallible>>));
                assert!(leads.as_mut().now_or_never().is_none());
                let mut waits = Box::pin(cache.get_or_set(&key, pending::<Result<i32, Infallible>>));
                assert!(waits.as_mut().now_or_never().is_none());
                assert!(cache.view.flights.any());
                if step == 0 {
                    drop(cache.delete(&key));
                }
                if number % 64 < 32 {
                    drop(leads);
                    // It takes over, or starts anew.
                    assert!(waits.as_mut().now_or_never().is_none());
                    drop(waits);
                } else {
                    drop(waits);
                    drop(leads);
                }
            }
        }
    }
    assert!(!cache.view.flights.any());
}
