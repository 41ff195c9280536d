//! How many times were how long, to two significant digits. So small that the crate hdrhistogram and the two behind it aren't worth their
//! compiling.

/// The longest time that is told apart from longer ones: an hour, in nanoseconds.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// Each doubling of the time is cut into 128 buckets.
const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;

pub(super) struct Histogram {
    counts: Box<[u32]>,
    total: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; bucket(LONGEST_NANOS) + 1].into(), total: 0 }
    }

    pub(super) fn record(&mut self, nanos: u64) {
        self.total += 1;
        if let Some(count) = self.counts.get_mut(bucket(nanos.min(LONGEST_NANOS))) {
            *count = count.saturating_add(1);
        }
    }

    /// How many were recorded.
    pub(super) fn len(&self) -> u64 {
        self.total
    }

    /// The time that this share of all was no longer than.
    pub(super) fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.total as f64).ceil() as u64;
        let mut seen = 0;
        let reaches = |count: &u32| {
            seen += u64::from(*count);
            seen >= wanted.max(1)
        };
        self.counts.iter().position(reaches).map_or(0, longest)
    }
}

/// Times below 256 ns have a bucket each.
fn bucket(nanos: u64) -> usize {
    let shift = (nanos | (2 * STEPS as u64 - 1)).ilog2() - STEP_BITS;
    shift as usize * STEPS + (nanos >> shift) as usize
}

/// The longest time of a bucket.
fn longest(bucket: usize) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let step = (bucket - shift * STEPS) as u64;
    ((step + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_a_bucket_that_is_narrow() {
        let mut last = 0;
        for nanos in (0..100_000).chain((1..5_000).map(|step| step * (LONGEST_NANOS / 5_000))).chain([LONGEST_NANOS]) {
            let found = bucket(nanos);
            assert!(found >= last && longest(found) >= nanos && (longest(found) - nanos) * 100 <= nanos, "{nanos}");
            assert!(found == 0 || longest(found - 1) < nanos, "{nanos}");
            last = found;
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut times = Histogram::new();
        assert_eq!((times.len(), times.quantile(0.5)), (0, 0));
        (1..=1_000).for_each(|step| times.record(step * 1_000));
        for (share, right) in [(0.0, 1_000), (0.5, 500_000), (0.99, 990_000), (0.999, 999_000), (1.0, 1_000_000)] {
            assert!(times.quantile(share).abs_diff(right) * 100 <= right, "{share}: {}", times.quantile(share));
        }
        times.record(u64::MAX);
        assert!(times.len() == 1_001 && times.quantile(1.0) >= LONGEST_NANOS);
    }
}
