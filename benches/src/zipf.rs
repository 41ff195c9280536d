//! Zipf's law.

use fastrand::Rng;

/// Draws numbers whose popularity follows Zipf's law.
#[derive(Debug, Clone)]
pub struct Zipf {
    /// The share of all draws up to and including each rank.
    cumulated: Vec<f64>,
    /// Which number has which rank: popular numbers shall not be neighbours.
    numbers: Vec<u32>,
}

impl Zipf {
    /// Numbers below `count`; that of rank `r` comes up in proportion to `r^-exponent`.
    #[must_use]
    pub fn new(count: u32, exponent: f64, rng: &mut Rng) -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<f64> = (1..=count)
            .map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            })
            .collect();
        cumulated.iter_mut().for_each(|share| *share /= sum);
        let mut numbers: Vec<u32> = (0..count).collect();
        rng.shuffle(&mut numbers);
        Self { cumulated, numbers }
    }

    /// The next number.
    #[must_use]
    pub fn draw(&self, rng: &mut Rng) -> u32 {
        let at = rng.f64();
        let rank = self.cumulated.partition_point(|&share| share <= at);
        self.numbers[rank.min(self.numbers.len() - 1)]
    }
}
