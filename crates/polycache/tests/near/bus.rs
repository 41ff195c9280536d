//! Near caches that tell each other what they write.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use polycache::backend::{Backend, Gap, Key, Tracker, When};
use polycache::backends::memory::Memory;
use polycache::backends::near::Near;
use polycache::{Cache, Value};

use crate::stepped::{Stepped, step};

/// A channel between processes: whoever is on it hears what all others say.
#[derive(Debug, Default)]
struct Channel(Mutex<Vec<Arc<dyn Tracker>>>);

/// A process's end of it, with the number of its near cache.
#[derive(Debug)]
struct End(Arc<Channel>, usize);

impl End {
    fn others(&self) -> Vec<Arc<dyn Tracker>> {
        let all = self.0.0.lock().unwrap();
        all.iter().enumerate().filter(|(number, _)| *number != self.1).map(|(_, near)| Arc::clone(near)).collect()
    }
}

impl Tracker for End {
    fn changed(&self, key: &[u8]) {
        self.others().iter().for_each(|near| near.changed(key));
    }

    fn lost(&self, gap: Gap<'_>) {
        self.others().iter().for_each(|near| near.lost(gap));
    }
}

fn processes<const N: usize>(far: &Arc<dyn Backend>) -> [(Near, Cache); N] {
    let channel = Arc::new(Channel::default());
    std::array::from_fn(|number| {
        let long = Duration::from_secs(3_600);
        let end = Arc::new(End(Arc::clone(&channel), number));
        let near = Near::builder().ttl(long).misses(long).tells(end).build(Arc::clone(far)).unwrap();
        channel.0.lock().unwrap().push(near.tracker());
        (near.clone(), Cache::builder().backend(near).build().unwrap())
    })
}

#[tokio::test]
async fn what_one_process_writes_leaves_the_others() {
    let far: Arc<dyn Backend> = Arc::new(Memory::builder().max_bytes(1 << 20).build().unwrap());
    let [(_, one), (near, two)] = processes(&far);
    assert_eq!(two.get::<i32>("k").await.unwrap(), None);
    one.set("k", 1).await.unwrap();
    assert_eq!(two.get("k").await.unwrap(), Some(1));
    assert_eq!(one.increment("k", 1).await.unwrap(), 2);
    assert_eq!(two.get("k").await.unwrap(), Some(2));
    one.multi_set([("k", 3), ("l", 4)]).await.unwrap();
    assert_eq!(two.multi_get(&["k", "l"]).await.unwrap(), [Some(3), Some(4)]);
    assert_eq!(near.len(), 2);
    one.delete("k").await.unwrap();
    assert_eq!((near.len(), two.get::<i32>("k").await.unwrap()), (1, None));
    one.clear().await.unwrap();
    assert!(near.is_empty() && !two.exists("l").await.unwrap());
}

/// A write that its caller has given up may be done: others are told of that too.
#[test]
fn a_write_that_is_given_up_is_told() {
    let stepped = Arc::new(Stepped::on(&polycache::backends::memory::ManualClock::new()));
    let far = Arc::clone(&stepped) as Arc<dyn Backend>;
    let [(one, _), (two, _)] = processes(&far);
    let mut reading = Box::pin(two.get(Key::plain("k")));
    assert!(std::iter::repeat_with(|| step(&mut reading)).flatten().next().unwrap().unwrap().is_none());
    assert_eq!(two.len(), 1);
    let set = polycache::backend::SetOptions::new(polycache::Ttl::Never, When::Always);
    let mut writing = Box::pin(one.set(Key::plain("k"), Value::bytes(*b"1"), set));
    assert!(step(&mut writing).is_none() && step(&mut writing).is_none());
    assert_eq!(two.len(), 1);
    drop(writing);
    assert!(two.is_empty());
}
