//! What is compared, on which keys, and which goals polycache has there.

use polycache_benches::accesses::Accesses;
use polycache_benches::rounds::{Plan, interleave};
use polycache_benches::zipf::Zipf;

use crate::flat;
use crate::peers::{BoundedFloor, Floor, Foyer, Moka, Polycache, Quick};
use crate::work::{Work, contender, filled};

/// The names of contenders.
pub(crate) const FLOOR: &str = "F";
pub(crate) const MOKA: &str = "M";
pub(crate) const QUICK: &str = "quick_cache";
pub(crate) const FOYER: &str = "foyer";
pub(crate) const POLYCACHE: &str = "polycache";
/// The floor and moka where they copy the value too.
pub(crate) const FLOOR_COPY: &str = "F, copied";
pub(crate) const MOKA_COPY: &str = "M, copied";

/// The most that polycache may take, as a multiple of F and of M.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) floor: f64,
    pub(crate) moka: f64,
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) goal: Option<Goal>,
    measure: fn(&Plan) -> Vec<(&'static str, f64)>,
}

impl Row {
    const fn new(name: &'static str, goal: Option<(f64, f64)>, measure: fn(&Plan) -> Vec<(&'static str, f64)>) -> Self {
        let goal = match goal {
            Some((floor, moka)) => Some(Goal { floor, moka }),
            None => None,
        };
        Self { name, goal, measure }
    }

    /// The median nanoseconds of each contender.
    pub(crate) fn measure(&self, plan: &Plan) -> Vec<(&'static str, f64)> {
        (self.measure)(plan)
    }
}

/// All rows.
pub(crate) const ROWS: &[Row] = &[
    Row::new("shared read, hot", Some((3.0, 0.22)), |plan| reads(plan, Work::Read, HOT)),
    Row::new("shared read, cold", Some((3.6, 0.22)), |plan| reads(plan, Work::Read, COLD)),
    Row::new("cloning read, hot", Some((3.8, 0.28)), |plan| reads(plan, Work::Copy, HOT)),
    Row::new("cloning read, cold", Some((4.4, 0.28)), |plan| reads(plan, Work::Copy, COLD)),
    Row::new("cloning read, hot, flat record", Some((3.8, 0.28)), |plan| flat::reads(plan, HOT)),
    Row::new("cloning read, cold, flat record", Some((4.4, 0.28)), |plan| flat::reads(plan, COLD)),
    Row::new("insert under pressure", Some((1.4, 0.3)), |plan| pressure(plan, Work::Write)),
    Row::new("the same, value shared", Some((1.4, 0.3)), |plan| pressure(plan, Work::Share)),
    Row::new("Zipf mix 90/10", Some((2.6, 0.26)), zipf_mix),
    Row::new("miss", None, misses),
    Row::new("overwrite", None, overwrites),
    Row::new("shared read, hot, in a chain", None, |plan| reads(plan, Work::Chain, HOT)),
    Row::new("shared read, cold, in a chain", None, |plan| reads(plan, Work::Chain, COLD)),
    Row::new("shared read, hot, namespace", None, |plan| variant(plan, "users", Work::Read)),
    Row::new("shared read, hot, long namespace", None, |plan| variant(plan, "service:tenant-4711:users", Work::Read)),
    Row::new("cloning read, hot, Json", None, json),
];

pub(crate) const HOT: u32 = 2_000;
const COLD: u32 = 100_000;
/// What a full cache holds.
pub(crate) const FULL: usize = 10_000;
/// The accesses of a round.
const ACCESSES: usize = 250_000;

fn rng() -> fastrand::Rng {
    fastrand::Rng::with_seed(0x5EED)
}

/// Reads of `count` keys at random.
pub(crate) fn reading(count: u32) -> Accesses {
    let mut rng = rng();
    if count == HOT {
        Accesses::at_random(0..u64::from(count), ACCESSES, &mut rng)
    } else {
        Accesses::in_sequence((0..ACCESSES).map(|_| u64::from(rng.u32(0..count))))
    }
}

/// A capacity that evicts nothing of `count` entries, however a cache splits it.
pub(crate) const fn roomy(count: u32) -> usize {
    2 * count as usize
}

fn reads(plan: &Plan, work: Work, count: u32) -> Vec<(&'static str, f64)> {
    let keys = reading(count);
    let room = roomy(count);
    // The goals of copying reads are held against sharing ones.
    let theirs = if work == Work::Copy { Work::Read } else { work };
    let mut contenders = vec![
        contender(FLOOR, theirs, || filled(Floor::default(), count), &keys),
        contender(MOKA, theirs, || filled(Moka::new(room), count), &keys),
        contender(QUICK, theirs, || filled(Quick::new(room), count), &keys),
        contender(FOYER, theirs, || filled(Foyer::new(room), count), &keys),
        contender(POLYCACHE, work, || filled(Polycache::new(room), count), &keys),
    ];
    if work == Work::Copy {
        contenders.push(contender(FLOOR_COPY, work, || filled(Floor::default(), count), &keys));
        contenders.push(contender(MOKA_COPY, work, || filled(Moka::new(room), count), &keys));
    }
    interleave(plan, contenders)
}

fn pressure(plan: &Plan, work: Work) -> Vec<(&'static str, f64)> {
    let keys = Accesses::in_sequence(0..ACCESSES as u64);
    let floor = BoundedFloor { floor: Floor::default(), keys: &keys, capacity: FULL, written: 0 };
    let contenders = vec![
        contender(FLOOR, work, || floor, &keys),
        contender(MOKA, work, || Moka::new(FULL), &keys),
        contender(QUICK, work, || Quick::new(FULL), &keys),
        contender(FOYER, work, || Foyer::new(FULL), &keys),
        contender(POLYCACHE, work, || Polycache::new(FULL), &keys),
    ];
    interleave(plan, contenders)
}

/// Accesses by Zipf's law.
pub(crate) fn mixed() -> Accesses {
    let mut rng = rng();
    let zipf = Zipf::new(COLD, 0.99, &mut rng);
    Accesses::in_sequence((0..ACCESSES).map(|_| u64::from(zipf.draw(&mut rng))))
}

fn zipf_mix(plan: &Plan) -> Vec<(&'static str, f64)> {
    let keys = mixed();
    let contenders = vec![
        contender(FLOOR, Work::Mix, || filled(Floor::default(), COLD), &keys),
        contender(MOKA, Work::Mix, || filled(Moka::new(FULL), COLD), &keys),
        contender(QUICK, Work::Mix, || filled(Quick::new(FULL), COLD), &keys),
        contender(FOYER, Work::Mix, || filled(Foyer::new(FULL), COLD), &keys),
        contender(POLYCACHE, Work::Mix, || filled(Polycache::new(FULL), COLD), &keys),
    ];
    interleave(plan, contenders)
}

/// The contenders, holding `FULL` entries and room for as many again.
fn half_full(plan: &Plan, work: Work, keys: &Accesses) -> Vec<(&'static str, f64)> {
    let count = FULL as u32;
    let room = roomy(count);
    let contenders = vec![
        contender(FLOOR, work, || filled(Floor::default(), count), keys),
        contender(MOKA, work, || filled(Moka::new(room), count), keys),
        contender(QUICK, work, || filled(Quick::new(room), count), keys),
        contender(FOYER, work, || filled(Foyer::new(room), count), keys),
        contender(POLYCACHE, work, || filled(Polycache::new(room), count), keys),
    ];
    interleave(plan, contenders)
}

fn misses(plan: &Plan) -> Vec<(&'static str, f64)> {
    let absent = u64::from(COLD)..u64::from(COLD + HOT);
    half_full(plan, Work::Read, &Accesses::at_random(absent, ACCESSES, &mut rng()))
}

fn overwrites(plan: &Plan) -> Vec<(&'static str, f64)> {
    half_full(plan, Work::Write, &Accesses::at_random(0..FULL as u64, ACCESSES, &mut rng()))
}

/// polycache alone with a namespace: the others have none, and are asked for the bare key.
fn variant(plan: &Plan, namespace: &str, work: Work) -> Vec<(&'static str, f64)> {
    let keys = reading(HOT);
    let room = roomy(HOT);
    let cache = Polycache::with(room, namespace, polycache::serializers::Null);
    let contenders = vec![
        contender(FLOOR, work, || filled(Floor::default(), HOT), &keys),
        contender(MOKA, work, || filled(Moka::new(room), HOT), &keys),
        contender(POLYCACHE, work, || filled(cache, HOT), &keys),
    ];
    interleave(plan, contenders)
}

fn json(plan: &Plan) -> Vec<(&'static str, f64)> {
    let keys = reading(HOT);
    let room = roomy(HOT);
    let contenders = vec![
        contender(FLOOR, Work::Read, || filled(Floor::default(), HOT), &keys),
        contender(MOKA, Work::Read, || filled(Moka::new(room), HOT), &keys),
        contender(POLYCACHE, Work::Copy, || filled(Polycache::json(room), HOT), &keys),
    ];
    interleave(plan, contenders)
}
