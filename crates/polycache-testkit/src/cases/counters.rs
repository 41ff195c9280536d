//! `increment`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use polycache::serializers::{Json, Text};
use polycache::{ErrorKind, Reply, Ttl};

use crate::subject::{absent, assert_expires_in, builder, cache};
use crate::{Intercept, Marked, Subject};

/// A missing counter starts at the delta, with the TTL of the call.
pub async fn a_missing_key_starts_at_the_delta(subject: &dyn Subject) {
    let cache = cache(subject);
    for delta in [1, -1, 0, 41, i64::MAX, i64::MIN] {
        let key = format!("by {delta}");
        assert_eq!(cache.increment(&key, delta).await.unwrap(), delta);
        assert_eq!(cache.get::<i64>(&key).await.unwrap(), Some(delta));
        assert_eq!(cache.ttl(&key).await.unwrap(), Some(Ttl::Never));
    }
    cache.with_ttl(Ttl::secs(60)).increment("k", 1).await.unwrap();
    assert_expires_in(subject, &cache, "k", Duration::from_secs(60)).await;
}

/// An existing counter keeps its TTL, whatever the call's.
pub async fn an_existing_key_keeps_its_ttl(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.with_ttl(Ttl::secs(600)).set("brief", 1).await.unwrap();
    assert_eq!(cache.increment("brief", 1).await.unwrap(), 2);
    assert_eq!(cache.with_ttl(Ttl::secs(5)).increment("brief", 1).await.unwrap(), 3);
    assert_expires_in(subject, &cache, "brief", Duration::from_secs(600)).await;

    cache.set("never", 1).await.unwrap();
    assert_eq!(cache.with_ttl(Ttl::secs(5)).increment("never", 1).await.unwrap(), 2);
    assert_eq!(cache.ttl("never").await.unwrap(), Some(Ttl::Never));
}

/// Sums go below zero, to zero, and through it both ways.
pub async fn sums_pass_through_zero(subject: &dyn Subject) {
    let cache = cache(subject);
    let mut sum = 0;
    for delta in [1, -1, -1, -9, 10, 0, 1_000_000_007, -2_000_000_014] {
        sum += delta;
        assert_eq!(cache.increment("k", delta).await.unwrap(), sum);
        assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(sum));
    }
}

/// A number that was set can be counted on, whatever its integer type; a counter is read as any type that it fits.
pub async fn numbers_that_were_set_are_counted_on(subject: &dyn Subject) {
    let cache = cache(subject);
    cache.set("i32", -5_i32).await.unwrap();
    cache.set("i64", i64::MAX - 1).await.unwrap();
    cache.set("u8", 250_u8).await.unwrap();
    cache.set("u64", 7_u64).await.unwrap();
    assert_eq!(cache.increment("i32", 6).await.unwrap(), 1);
    assert_eq!(cache.increment("i64", 1).await.unwrap(), i64::MAX);
    assert_eq!(cache.increment("u8", 10).await.unwrap(), 260);
    assert_eq!(cache.increment("u64", -8).await.unwrap(), -1);
    assert_eq!(cache.get::<u16>("u8").await.unwrap(), Some(260));
    assert_eq!(cache.get::<u8>("u8").await.unwrap_err().kind(), ErrorKind::Decode);

    assert!(cache.add("added", 1).await.unwrap());
    assert_eq!(cache.increment("added", 1).await.unwrap(), 2);
    cache.set("added", 10).await.unwrap();
    assert_eq!(cache.increment("added", 1).await.unwrap(), 11);
}

/// Counters work with every serializer that reads decimal text.
pub async fn every_textual_serializer_counts(subject: &dyn Subject) {
    let json = builder(subject).namespace("json").serializer(Json).build().unwrap();
    let text = builder(subject).namespace("text").serializer(Text).build().unwrap();
    for cache in [json, text.clone()] {
        assert_eq!(cache.increment("k", 41).await.unwrap(), 41);
        assert_eq!(cache.increment("k", 1).await.unwrap(), 42);
        assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(42));
        cache.set("set", 7).await.unwrap();
        assert_eq!(cache.increment("set", -8).await.unwrap(), -1);
    }
    assert_eq!(text.get::<String>("k").await.unwrap().as_deref(), Some("42"));
}

/// A value that isn't an integer is an error, and stays with its TTL.
pub async fn not_a_number_changes_nothing(subject: &dyn Subject) {
    async fn refused<T>(subject: &dyn Subject, value: T)
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug + Clone + Send + Sync + 'static,
    {
        let cache = cache(subject);
        cache.with_ttl(Ttl::secs(600)).set("k", value.clone()).await.unwrap();
        let (_, version) = cache.get_versioned::<T>("k").await.unwrap();
        let error = cache.increment("k", 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotANumber, "{value:?}: {error}");
        assert!(!error.is_retryable());
        assert_eq!(cache.get_versioned::<T>("k").await.unwrap(), (Some(value), version));
        assert_expires_in(subject, &cache, "k", Duration::from_secs(600)).await;
    }
    refused(subject, "abc".to_owned()).await;
    refused(subject, String::new()).await;
    refused(subject, "12".to_owned()).await;
    refused(subject, 1.5).await;
    refused(subject, true).await;
    refused(subject, vec![1, 2]).await;
    refused(subject, None::<i64>).await;
    if cache(subject).info().capabilities.prevents_overflow {
        refused(subject, u64::MAX).await;
    }
}

/// A sum beyond 64 bits is an error; where the backend can prevent it, nothing changes.
pub async fn overflow_is_an_error(subject: &dyn Subject) {
    let cache = cache(subject);
    for (start, delta) in [(i64::MAX, 1), (i64::MIN, -1), (1, i64::MAX), (-2, i64::MIN), (i64::MIN, i64::MIN)] {
        cache.with_ttl(Ttl::secs(600)).set("k", start).await.unwrap();
        let error = cache.increment("k", delta).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overflow, "{start} and {delta}: {error}");
        if cache.info().capabilities.prevents_overflow {
            assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(start));
            assert_expires_in(subject, &cache, "k", Duration::from_secs(600)).await;
        } else {
            absent(&cache, "prevents_overflow");
        }
    }
}

/// With a serializer that can't read a counter back, `increment` is refused before anything reaches the backend.
pub async fn refused_where_a_counter_would_not_read_back(subject: &dyn Subject) {
    let operations = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&operations);
    let backend = Intercept::new(subject.backend(), move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::ready(())
    });
    let cache = builder(subject).backend(backend).serializer(Marked).build().unwrap();
    cache.set("k", 1).await.unwrap();
    let before = operations.load(Ordering::SeqCst);
    for key in ["k", "new"] {
        let error = cache.increment(key, 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("marked json"), "{error}");
    }
    assert_eq!(operations.load(Ordering::SeqCst), before);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert!(!cache.exists("new").await.unwrap());
}
