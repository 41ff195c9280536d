//! What is accessed, in which order.

use std::fs::File;
use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use polycache_benches::accesses::Accesses;
use polycache_benches::report::in_package;
use polycache_benches::zipf::Zipf;

/// Accesses, and the capacities that they are tried with.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    pub(crate) capacities: [usize; 4],
    /// Whether real users made it. There polycache shall be better than moka.
    pub(crate) real: bool,
    load: fn() -> Accesses,
}

impl Trace {
    pub(crate) fn load(&self) -> Accesses {
        (self.load)()
    }
}

/// All of them.
pub(crate) const TRACES: &[Trace] = &[
    Trace { name: "web07", capacities: [75, 300, 1_200, 3_000], real: true, load: || file("web07.txt.gz") },
    Trace { name: "orm-busy", capacities: [1_250, 2_500, 5_000, 10_000], real: true, load: || file("orm-busy.txt.gz") },
    Trace { name: "Zipf", capacities: SYNTHETIC, real: false, load: zipf },
    Trace { name: "Zipf and scans", capacities: SYNTHETIC, real: false, load: scans },
    Trace {
        name: "loop",
        capacities: SYNTHETIC,
        real: false,
        load: || Accesses::in_sequence((0..ACCESSES).map(|n| n % LOOP)),
    },
];

const SYNTHETIC: [usize; 4] = [1_000, 5_000, 10_000, 25_000];
const ACCESSES: u64 = 1_000_000;
const KEYS: u32 = 100_000;
/// The keys of the loop: more than any but the largest capacity.
const LOOP: u64 = 20_000;
/// After so many accesses by Zipf's law comes a scan of half as many new keys.
const SCAN_EVERY: u64 = 10_000;

fn file(name: &str) -> Accesses {
    let file = File::open(in_package("traces").join(name)).expect("the trace is there");
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Accesses::in_sequence(lines.map(|line| line.expect("text").parse().expect("a number a line")))
}

fn zipf() -> Accesses {
    let mut rng = fastrand::Rng::with_seed(1);
    let zipf = Zipf::new(KEYS, 0.99, &mut rng);
    Accesses::in_sequence((0..ACCESSES).map(|_| u64::from(zipf.draw(&mut rng))))
}

fn scans() -> Accesses {
    let mut rng = fastrand::Rng::with_seed(2);
    let zipf = Zipf::new(KEYS, 0.99, &mut rng);
    let mut scanned = u64::from(KEYS);
    Accesses::in_sequence((0..ACCESSES).map(|n| {
        if n % (SCAN_EVERY + SCAN_EVERY / 2) < SCAN_EVERY {
            return u64::from(zipf.draw(&mut rng));
        }
        scanned += 1;
        scanned
    }))
}
