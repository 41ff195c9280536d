//! In front of a backend that tells of changes.

use std::sync::{Arc, Mutex};

use polycache::backend::{self, Backend, Gap, Key, SetOptions, Tracker, Want, When};
use polycache::backends::memory::ManualClock;
use polycache::backends::near::Near;
use polycache::{Cache, Reply, Result, Ttl, Value};

use crate::settings::Ear;
use crate::stepped::{Stepped, step};

const K: Key<'static> = Key::plain("k");

/// Tells when the test does.
#[derive(Debug)]
struct Telling {
    far: Arc<Stepped>,
    trackers: Mutex<Vec<Arc<dyn Tracker>>>,
    closed: Arc<Mutex<Vec<&'static str>>>,
}

#[derive(Debug)]
struct Handle {
    far: Arc<Stepped>,
    closed: Arc<Mutex<Vec<&'static str>>>,
}

impl Backend for Telling {
    backend::forward!(self.far, all but [close]);

    fn close(&self) -> Reply<()> {
        self.closed.lock().unwrap().push("backend");
        Reply::ready(())
    }

    fn tracked(&self, tracker: Arc<dyn Tracker>) -> Result<Option<Arc<dyn Backend>>> {
        self.trackers.lock().unwrap().push(tracker);
        Ok(Some(Arc::new(Handle { far: Arc::clone(&self.far), closed: Arc::clone(&self.closed) })))
    }
}

impl Backend for Handle {
    backend::forward!(self.far, all but [close]);

    fn close(&self) -> Reply<()> {
        self.closed.lock().unwrap().push("handle");
        Reply::ready(())
    }
}

impl Telling {
    fn new() -> Arc<Self> {
        let far = Arc::new(Stepped::on(&ManualClock::new()));
        Arc::new(Self { far, trackers: Mutex::default(), closed: Arc::default() })
    }

    /// Another process writes.
    fn write(&self, value: &[u8]) {
        let options = SetOptions::new(Ttl::Never, When::Always);
        assert!(self.far.0.set(K, Value::bytes(value), options).now().unwrap().unwrap());
    }

    fn tracker(&self) -> Arc<dyn Tracker> {
        Arc::clone(&self.trackers.lock().unwrap()[0])
    }
}

async fn read(near: &Near) -> Option<Vec<u8>> {
    near.get(K).await.unwrap().and_then(|value| value.as_bytes().map(<[u8]>::to_vec))
}

#[tokio::test]
async fn a_value_stays_until_a_change_is_told() {
    let far = Telling::new();
    let near = Near::builder().build(far.clone()).unwrap();
    assert_eq!((near.is_tracked(), near.ttl()), (true, None));
    let ear = Ear::default();
    let cache = Cache::builder().backend(near.clone()).build().unwrap().with_plugin(ear.clone());
    far.write(b"1");
    for _ in 0..2 {
        assert_eq!(cache.get("k").await.unwrap(), Some(1));
    }
    far.write(b"2");
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    far.tracker().changed(b"another");
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    far.tracker().changed(b"k");
    assert_eq!(cache.get("k").await.unwrap(), Some(2));
    far.write(b"3");
    far.tracker().lost(Gap::Disconnected { server: "h:1" });
    assert_eq!(cache.get("k").await.unwrap(), Some(3));
    far.tracker().changed(b"\xff");
    let [missed, hit] = ["k missed", "k hit"];
    let lost = "NearFlushed { why: Gap(Disconnected { server: \"h:1\" }) }";
    assert_eq!(ear.taken(), [missed, hit, hit, hit, "k changed", missed, lost, missed]);
}

/// A read's three steps, and another process's write, which is told some time later: in each order.
#[test]
fn a_change_that_is_told_meanwhile_wins() {
    let tell: [fn(&Telling); 2] = [|far| far.tracker().changed(b"k"), |far| far.tracker().lost(Gap::Moved)];
    for (written, told) in (0..4).flat_map(|written| (written..4).map(move |told| (written, told))) {
        for (tell, is_there) in tell.iter().flat_map(|tell| [(tell, true), (tell, false)]) {
            let far = Telling::new();
            let near = Near::builder().misses(std::time::Duration::from_secs(60)).build(far.clone()).unwrap();
            if is_there {
                far.write(b"1");
            }
            let mut reading = None;
            for at in 0..4 {
                if at == written {
                    far.write(b"2");
                }
                if at == told {
                    tell(&far);
                }
                let reading = reading.get_or_insert_with(|| Box::pin(near.look(K, Want::VALUE)));
                if at < 3 {
                    assert_eq!(step(reading).is_some(), at == 2);
                }
            }
            let mut again = Box::pin(read(&near));
            let again = std::iter::repeat_with(|| step(&mut again)).flatten().next().unwrap();
            assert_eq!(again.as_deref(), Some(&b"2"[..]), "written before step {written}, told before {told}");
        }
    }
}

#[tokio::test]
async fn closing_closes_both() {
    let far = Telling::new();
    let cache = Cache::builder().backend(Near::new(far.clone()).unwrap()).build().unwrap();
    cache.close().await.unwrap();
    assert_eq!(*far.closed.lock().unwrap(), ["handle", "backend"]);
}

/// By choice nothing is tracked.
#[test]
fn tracking_can_be_left() {
    let far = Telling::new();
    let near = Near::builder().tracking(false).build(far.clone()).unwrap();
    assert_eq!((near.is_tracked(), near.ttl()), (false, Some(std::time::Duration::from_secs(1))));
    assert!(far.trackers.lock().unwrap().is_empty());
}
