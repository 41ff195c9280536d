//! With a bound the listener tells which values left: the engine must hold all others that were stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use proptest::prelude::*;

use super::commands::{Command, Expected, KEYS, Key, New, command, group, name};
use super::{check, delete_prefix, store};
use crate::{Cause, Clock, Decision, Engine, Layout, ManualClock, NEVER, Quick, Removed, Small};

#[derive(Debug, Clone)]
struct Value {
    key: Key,
    serial: u64,
    /// Counts the values that exist.
    _alive: Arc<()>,
}

/// A value inside the engine.
#[derive(Debug, Clone, Copy)]
struct Entry {
    serial: u64,
    weight: u64,
    deadline: u64,
}

/// What the command that just ran may have removed on purpose.
enum Aim {
    Nothing,
    Key(Key),
    Prefix(&'static str),
}

struct World<L: Layout> {
    engine: Engine<Value, L>,
    left: Arc<Mutex<Vec<Removed<Value>>>>,
    alive: Arc<()>,
    manual: ManualClock,
    clock: Clock,
    capacity: u64,
    inside: HashMap<Key, Entry>,
    /// The entry that the last store replaced.
    replaced: Option<(Key, Entry)>,
    /// Whether a store has ever met a lack of room: nothing may be evicted before.
    full: bool,
    serial: u64,
}

impl<L: Layout> World<L> {
    fn new(capacity: u64, shards: usize) -> Self {
        let manual = ManualClock::new();
        let clock = Clock::Manual(manual.clone());
        let left = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&left);
        let engine = Engine::builder()
            .capacity(capacity)
            .shards(shards)
            .clock(clock.clone())
            .listener(move |removed| log.lock().unwrap().push(removed))
            .laid_out()
            .build();
        let (inside, replaced, alive) = (HashMap::new(), None, Arc::new(()));
        Self { engine, left, alive, manual, clock, capacity, inside, replaced, full: false, serial: 0 }
    }

    fn live(&self, key: Key) -> Option<u64> {
        self.inside.get(&key).filter(|entry| entry.deadline > self.clock.now()).map(|entry| entry.serial)
    }

    fn weight(&self) -> u64 {
        self.inside.values().map(|entry| entry.weight).sum()
    }

    fn store(&mut self, key: Key, new: New, wanted: bool) {
        self.serial += 1;
        let value = Value { key, serial: self.serial, _alive: Arc::clone(&self.alive) };
        let weight = new.weight_within(self.capacity);
        let deadline = new.life.map_or(NEVER, |life| self.clock.deadline(Duration::from_micros(life)));
        let decision = Decision::Store { value, weight, deadline };
        // A value that isn't stored is carried out of the lock.
        let rest = self.engine.update(&name(key), |_| match wanted {
            true => (decision, None),
            false => (Decision::Keep, Some(decision)),
        });
        if rest.is_some() {
            return;
        }
        let replaced = self.inside.insert(key, Entry { serial: self.serial, weight, deadline });
        self.full |= self.weight() > self.capacity;
        self.replaced = replaced.map(|entry| (key, entry));
    }

    /// Takes the listener's reports, and checks that each names a value inside and the right cause.
    fn settle(&mut self, aim: &Aim) {
        let now = self.clock.now();
        for Removed { key, value, cause } in std::mem::take(&mut *self.left.lock().unwrap()) {
            assert_eq!(key, name(value.key), "a value under another key");
            let replaced = self.replaced.take_if(|(key, entry)| (*key, entry.serial) == (value.key, value.serial));
            let was_replaced = replaced.is_some();
            let entry = replaced.map(|(_, entry)| entry).unwrap_or_else(|| {
                let entry = self.inside.remove(&value.key).expect("left once");
                assert_eq!(entry.serial, value.serial, "left once");
                entry
            });
            let expired = entry.deadline <= now;
            match cause {
                Cause::Expired => assert!(expired),
                Cause::Replaced => assert!(was_replaced && !expired),
                Cause::Evicted => assert!(self.full && !was_replaced, "evicted without need"),
                Cause::Deleted => assert!(match aim {
                    Aim::Nothing => false,
                    Aim::Key(key) => *key == value.key && !expired,
                    Aim::Prefix(prefix) => name(value.key).starts_with(prefix),
                }),
            }
        }
        assert!(self.replaced.is_none(), "a replaced value leaves");
    }

    fn run(&mut self, command: &Command) {
        let mut aim = Aim::Nothing;
        let mut stored = None;
        match *command {
            Command::Get(key) | Command::Peek(key) => {
                assert_eq!(self.engine.get(&name(key)).map(|value| value.serial), self.live(key));
            }
            Command::Store(key, new) => {
                self.store(key, new, true);
                stored = Some(key);
            }
            Command::Add(key, new) => {
                let wanted = self.live(key).is_none();
                self.store(key, new, wanted);
                stored = wanted.then_some(key);
            }
            Command::Cas(key, expected, new) => {
                let wanted = matches!(expected, Expected::Current);
                self.store(key, new, wanted);
                stored = wanted.then_some(key);
            }
            Command::Keep(key) => self.engine.update(&name(key), |_| (Decision::Keep, ())),
            Command::Expire(key, life) => {
                let deadline = life.map_or(NEVER, |life| self.clock.deadline(Duration::from_micros(life)));
                if self.engine.update(&name(key), |it| (Decision::Expire { deadline }, it.is_some())) {
                    self.inside.get_mut(&key).expect("it was found").deadline = deadline;
                }
            }
            Command::Delete(key) => {
                self.engine.update(&name(key), |_| (Decision::Delete, ()));
                aim = Aim::Key(key);
            }
            Command::DeleteWhere(key, places) => {
                delete_prefix(&self.engine, group(key), places);
                aim = Aim::Prefix(group(key));
            }
            Command::Clear => {
                self.engine.clear();
                aim = Aim::Prefix("");
            }
            Command::RemoveExpired => self.engine.remove_expired(),
            Command::Advance(micros) => self.manual.advance(Duration::from_micros(micros)),
        }
        self.settle(&aim);
        if let Some(key) = stored {
            let entry = self.inside.get(&key).expect("what was just stored is inside");
            assert_eq!(entry.serial, self.serial);
        }
        if let Aim::Key(key) = aim {
            assert!(!self.inside.contains_key(&key));
        }
        if let Aim::Prefix(prefix) = aim {
            assert!(!self.inside.keys().any(|&key| name(key).starts_with(prefix)));
        }
        assert_eq!(self.engine.weight(), self.weight());
        assert_eq!(self.engine.len(), self.inside.len());
        assert!(self.engine.weight() <= self.capacity);
        assert_eq!(Arc::strong_count(&self.alive), 1 + self.inside.len(), "what left is dropped");
    }

    fn compare(&self) {
        for key in 0..KEYS {
            let peeked = self.engine.peek(&name(key), |present| (present.value.key, present.value.serial));
            assert_eq!(peeked, self.live(key).map(|serial| (key, serial)));
        }
        check(&self.engine);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_bounded_engine_holds_what_has_not_left(
        capacity in prop_oneof![0..40_u64, 40..3_000_u64],
        shards in 1..17_usize,
        commands in prop::collection::vec(command(), 1..250),
        clear in any::<bool>(),
    ) {
        run::<Quick>(capacity, shards, &commands, clear);
        run::<Small>(capacity, shards, &commands, clear);
    }
}

fn run<L: Layout>(capacity: u64, shards: usize, commands: &[Command], clear: bool) {
    let mut world = World::<L>::new(capacity, shards);
    for (step, command) in commands.iter().enumerate() {
        world.run(command);
        if step % 16 == 0 {
            world.compare();
        }
    }
    world.compare();
    if clear {
        world.run(&Command::Clear);
        assert!(world.inside.is_empty());
    }
    drop(world.engine);
    assert_eq!(Arc::strong_count(&world.alive), 1);
}

#[test]
fn what_was_cleared_alive_is_told_so_however_long_the_telling_takes() {
    let manual = ManualClock::new();
    let (sender, told) = mpsc::channel();
    let slow = manual.clone();
    let engine = Engine::builder()
        .clock(Clock::Manual(manual.clone()))
        .listener(move |removed: Removed<()>| {
            slow.advance(Duration::from_secs(60));
            sender.send(removed.cause).unwrap();
        })
        .build();
    for n in 0..10 {
        store(&engine, &n.to_string(), (), 1, 30_000);
    }
    engine.clear();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [Cause::Deleted; 10]);
}
