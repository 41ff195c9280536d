//! The tables that are printed.

use std::collections::BTreeMap;

use polycache_benches::report::{Table, verdict};
use polycache_benches::rounds::{median, quartiles};

use crate::load::Cost;
use crate::rows::{BARE, CONNECTIONS, PIPELINE, POLYCACHE, Row};

/// Throughput and processor time.
pub(crate) struct Tables {
    throughput: Table,
    cpu: Table,
}

impl Tables {
    pub(crate) fn new() -> Self {
        let heads =
            ["thousand calls a second", CONNECTIONS, PIPELINE, BARE, POLYCACHE, "÷ bare", "quartiles", "goal", ""];
        Self {
            throughput: Table::new(heads),
            cpu: Table::new(["processor time of a call, µs", BARE, POLYCACHE, "÷ bare", "quartiles", "at most", ""]),
        }
    }

    /// Adds a row; the thousand calls a second of each contender.
    pub(crate) fn add(&mut self, row: &Row, figures: &[(&'static str, Vec<Cost>)]) -> BTreeMap<&'static str, f64> {
        let of = |name| figures.iter().find(|(found, _)| *found == name).map_or(&[][..], |(_, costs)| costs);
        let (bare, ours) = (of(BARE), of(POLYCACHE));
        // Rounds that followed each other, so that what slows the machine for a while is in both.
        let ratios = |ratio: fn(&Cost, &Cost) -> f64| {
            quartiles(ours.iter().zip(bare).map(|(ours, bare)| ratio(ours, bare)).collect())
        };
        let throughput = |costs: &[Cost]| median(costs.iter().map(|cost| 1e6 / cost.wall).collect());
        let cells = [CONNECTIONS, PIPELINE, BARE, POLYCACHE].map(|name| shown(throughput(of(name)), 1));
        let [low, middle, high] = ratios(|ours, bare| bare.wall / ours.wall);
        let goal = row.goal.throughput;
        let verdicts =
            [shown(middle, 3), format!("{low:.3}–{high:.3}"), format!("{goal:.2}"), verdict(middle >= goal).to_owned()];
        self.throughput.row([row.name.clone()].into_iter().chain(cells).chain(verdicts));

        let cpu = |costs: &[Cost]| shown(median(costs.iter().map(|cost| cost.cpu / 1e3).collect()), 2);
        let [low, middle, high] = ratios(|ours, bare| ours.cpu / bare.cpu);
        let cells = [row.name.clone(), cpu(bare), cpu(ours), shown(middle, 3), format!("{low:.3}–{high:.3}")];
        let goal = row.goal.cpu.map(|goal| [format!("{goal:.2}"), verdict(middle <= goal).to_owned()]);
        self.cpu.row(cells.into_iter().chain(goal.into_iter().flatten()));

        figures.iter().map(|(name, costs)| (*name, throughput(costs))).collect()
    }

    pub(crate) fn print(&self) {
        println!("{}\n{}", self.throughput.markdown(), self.cpu.markdown());
    }
}

/// A figure, where it was measured.
fn shown(figure: f64, digits: usize) -> String {
    if figure.is_nan() { String::new() } else { format!("{figure:.digits$}") }
}
