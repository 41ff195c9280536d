//! Without a bound the engine is a map with deadlines: every answer is known.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;

use super::commands::{Command, Expected, KEYS, Key, New, command, group, name};
use super::{check, delete_prefix, store};
use crate::{Clock, Cursor, Decision, Engine, Layout, ManualClock, NEVER, Quick, Small};

/// The version that no entry has.
const ABSENT: u64 = 0;

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    value: (Key, u64),
    version: u64,
    deadline: u64,
}

struct World<L: Layout> {
    engine: Engine<(Key, u64), L>,
    manual: ManualClock,
    clock: Clock,
    /// The entries that were stored and not deleted since, expired or not.
    model: HashMap<Key, Entry>,
    /// The version before the present one.
    former: HashMap<Key, u64>,
    versions: HashSet<(Key, u64)>,
    serial: u64,
}

impl<L: Layout> World<L> {
    fn new(shards: usize) -> Self {
        let manual = ManualClock::new();
        let clock = Clock::Manual(manual.clone());
        let engine = Engine::builder().shards(shards).clock(clock.clone());
        let engine = engine.pointee(|(_, serial)| *serial as usize * 64).laid_out().build();
        engine.number_writes();
        let (model, former, versions) = (HashMap::new(), HashMap::new(), HashSet::new());
        Self { engine, manual, clock, model, former, versions, serial: 0 }
    }

    fn live(&self, key: Key) -> Option<&Entry> {
        self.model.get(&key).filter(|entry| entry.deadline > self.clock.now())
    }

    fn peek(&self, key: Key) -> Option<Entry> {
        let look = |present: crate::Present<'_, (Key, u64)>| Entry {
            value: *present.value,
            version: present.version,
            deadline: present.deadline,
        };
        self.engine.peek(&name(key), look)
    }

    /// A store that happens only if `wanted` accepts the present version.
    fn store(&mut self, key: Key, new: New, wanted: impl Fn(u64) -> bool) {
        let now = self.live(key).cloned();
        let agreed = wanted(now.as_ref().map_or(ABSENT, |entry| entry.version));
        self.serial += 1;
        let value = (key, self.serial);
        let deadline = new.life.map_or(NEVER, |life| self.clock.deadline(Duration::from_micros(life)));
        let decision = Decision::Store { value, weight: new.weight_within(1_000), deadline };
        let (found, stored) = self.engine.update(&name(key), |present| {
            let found = present.map(|present| Entry {
                value: *present.value,
                version: present.version,
                deadline: present.deadline,
            });
            let version = found.as_ref().map_or(ABSENT, |entry| entry.version);
            if wanted(version) { (decision, (found, true)) } else { (Decision::Keep, (found, false)) }
        });
        assert_eq!((found, stored), (now, agreed));
        if !stored {
            return;
        }
        let before = self.model.insert(key, Entry { value, version: ABSENT, deadline });
        self.former.insert(key, before.map_or(ABSENT, |entry| entry.version));
        if let Some(entry) = self.peek(key) {
            assert!(self.versions.insert((key, entry.version)), "a version is used once");
            self.model.insert(key, entry);
        } else {
            assert!(deadline <= self.clock.now(), "just stored");
        }
    }

    fn run(&mut self, command: &Command) {
        match *command {
            Command::Get(key) => assert_eq!(self.engine.get(&name(key)), self.live(key).map(|entry| entry.value)),
            Command::Peek(key) => assert_eq!(self.peek(key).as_ref(), self.live(key)),
            Command::Store(key, new) => self.store(key, new, |_| true),
            Command::Add(key, new) => self.store(key, new, |version| version == ABSENT),
            Command::Cas(key, expected, new) => {
                let expected = match expected {
                    Expected::Current => self.live(key).map_or(ABSENT, |entry| entry.version),
                    Expected::Former => self.former.get(&key).copied().unwrap_or(ABSENT),
                    Expected::Absent => ABSENT,
                };
                self.store(key, new, |version| version == expected);
            }
            Command::Keep(key) => {
                let found = self.engine.update(&name(key), |present| (Decision::Keep, present.map(|it| *it.value)));
                assert_eq!(found, self.live(key).map(|entry| entry.value));
            }
            Command::Expire(key, life) => {
                let deadline = life.map_or(NEVER, |life| self.clock.deadline(Duration::from_micros(life)));
                let decision = Decision::Expire { deadline };
                let found = self.engine.update(&name(key), |present| (decision, present.is_some()));
                assert_eq!(found, self.live(key).is_some());
                if found {
                    self.model.get_mut(&key).unwrap().deadline = deadline;
                }
            }
            Command::Delete(key) => {
                let found = self.engine.update(&name(key), |present| (Decision::Delete, present.is_some()));
                assert_eq!(found, self.live(key).is_some());
                self.model.remove(&key);
            }
            Command::DeleteWhere(key, places) => {
                delete_prefix(&self.engine, group(key), places);
                self.model.retain(|&key_of, _| !name(key_of).starts_with(group(key)));
            }
            Command::Clear => {
                self.engine.clear();
                self.model.clear();
                assert!(self.engine.is_empty());
            }
            Command::RemoveExpired => {
                self.engine.remove_expired();
                let tick = self.clock.now() >> 6;
                let kept = self.model.values().filter(|entry| entry.deadline >> 6 >= tick).count();
                assert!(self.engine.len() <= kept, "an expired entry is kept for at most a tick");
            }
            Command::Advance(micros) => self.manual.advance(Duration::from_micros(micros)),
        }
    }

    fn compare(&self) {
        let mut walked = HashMap::new();
        let mut cursor = Some(Cursor::default());
        while let Some(from) = cursor {
            cursor = self.engine.walk(from, 50, |key, value| {
                assert!(walked.insert(key.to_owned(), *value).is_none(), "{key} is shown once");
            });
        }
        for key in 0..KEYS {
            assert_eq!(self.peek(key).as_ref(), self.live(key));
            assert_eq!(walked.remove(&name(key)), self.live(key).map(|entry| entry.value));
        }
        assert_eq!(walked, HashMap::new());
        let live = (0..KEYS).filter(|&key| self.live(key).is_some()).count();
        assert!((live..=self.model.len()).contains(&self.engine.len()));
        check(&self.engine);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_unbounded_engine_is_a_map_with_deadlines(
        shards in 1..5_usize,
        commands in prop::collection::vec(command(), 1..250),
    ) {
        run::<Quick>(shards, &commands);
        run::<Small>(shards, &commands);
    }
}

fn run<L: Layout>(shards: usize, commands: &[Command]) {
    let mut world = World::<L>::new(shards);
    for (step, command) in commands.iter().enumerate() {
        world.run(command);
        if step % 16 == 0 {
            world.compare();
        }
    }
    world.compare();
    // Whatever the state of the wheel, every timer runs out.
    world.manual.advance(Duration::from_secs(200 * 365 * 86_400));
    world.engine.remove_expired();
    world.model.retain(|_, entry| entry.deadline == NEVER);
    assert_eq!(world.engine.len(), world.model.len());
    world.compare();
}

#[test]
fn writes_may_be_numbered_late_and_before_or_after_the_first_deadline() {
    for has_deadlines_first in [false, true] {
        let engine = Engine::builder().small().shards(1).build();
        let version = |key: &str| engine.peek(key, |present| present.version);
        let link = || store(&engine, "with a deadline", 0, 1, engine.clock().deadline(Duration::from_secs(60)));
        (0..300).for_each(|n| store(&engine, &n.to_string(), n, 1, NEVER));
        if has_deadlines_first {
            link();
        }
        engine.number_writes();
        let first = version("7");
        assert!(first.is_some());
        store(&engine, "7", 70, 1, NEVER);
        let second = version("7");
        if !has_deadlines_first {
            link();
        }
        assert_eq!(version("7"), second, "links keep the versions");
        engine.update("7", |_| (Decision::Delete, ()));
        store(&engine, "7", 71, 1, NEVER);
        assert!(first < second && second < version("7"));
        engine.clear();
        store(&engine, "7", 72, 1, NEVER);
        assert!(second < version("7"), "cleared stores go on counting");
        check(&engine);
    }
}
