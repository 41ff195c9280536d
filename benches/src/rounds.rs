//! Rounds of contenders in turn, so that what slows the machine for a while slows them all.

use std::fmt;

use cpu_time::ThreadTime;

/// The nanoseconds of this thread's processor time that `work` takes.
pub fn cpu_nanos(work: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    work();
    start.elapsed().as_secs_f64() * 1e9
}

/// A round, which returns its figure.
type Round<'a, F> = Box<dyn FnMut() -> F + 'a>;

/// One of those who are compared, by figures of the type `F`.
pub struct Contender<'a, F = f64> {
    name: &'static str,
    prepare: Box<dyn FnOnce() -> Round<'a, F> + 'a>,
}

impl<'a, F> Contender<'a, F> {
    /// Under this name; `prepare` makes what does the rounds, each returning its figure.
    pub fn new<R: FnMut() -> F + 'a>(name: &'static str, prepare: impl FnOnce() -> R + 'a) -> Self {
        Self { name, prepare: Box::new(|| Box::new(prepare())) }
    }
}

impl<F> fmt::Debug for Contender<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How the rounds go.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many rounds each contender does.
    pub rounds: usize,
    /// Nobody but this contender; for profilers.
    pub only: Option<String>,
}

/// Has every contender do a round to warm up, then the rounds in turn, each time with another one first. The median of each.
pub fn interleave(plan: &Plan, contenders: Vec<Contender<'_>>) -> Vec<(&'static str, f64)> {
    in_turn(plan, contenders).into_iter().map(|(name, figures)| (name, median(figures))).collect()
}

/// As [`interleave`], and gives the figures of all rounds.
pub fn in_turn<F>(plan: &Plan, contenders: Vec<Contender<'_, F>>) -> Vec<(&'static str, Vec<F>)> {
    let wanted = |name: &str| plan.only.as_ref().is_none_or(|only| only == name);
    let mut contenders: Vec<(&'static str, Round<'_, F>, Vec<F>)> = contenders
        .into_iter()
        .filter(|contender| wanted(contender.name))
        .map(|contender| (contender.name, (contender.prepare)(), Vec::with_capacity(plan.rounds)))
        .collect();
    for (_, round, _) in &mut contenders {
        round();
    }
    let count = contenders.len();
    for number in 0..plan.rounds {
        for offset in 0..count {
            let (_, round, figures) = &mut contenders[(number + offset) % count];
            figures.push(round());
        }
    }
    contenders.into_iter().map(|(name, _, figures)| (name, figures)).collect()
}

/// The middle one of some figures.
#[must_use]
pub fn median(figures: Vec<f64>) -> f64 {
    let [_, median, _] = quartiles(figures);
    median
}

/// The figures a quarter, a half and three quarters of the way from the least to the greatest.
#[must_use]
pub fn quartiles(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| figures.get(figures.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}
