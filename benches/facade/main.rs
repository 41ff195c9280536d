//! What a call costs: polycache through its whole facade against its peers, in one process, in turns, in processor time.
//!
//! `cargo bench -p polycache-benches --bench facade [-- ROW] [--rounds N] [--only CONTENDER]`; `ROW` is a row's name or a part
//! of some.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]
#![allow(async_fn_in_trait, unreachable_pub, reason = "nothing here is a library")]

mod flat;
mod peers;
mod rows;
mod store;
mod threads;
mod work;

use std::collections::BTreeMap;

use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, save, verdict};

use crate::rows::{FLOOR, FLOOR_COPY, FOYER, MOKA, MOKA_COPY, POLYCACHE, QUICK, ROWS, Row};

const ROUNDS: usize = 21;

/// What asks for the table of wall times alone.
const WALL: &str = "threads";

fn main() {
    let arguments = Arguments::parse(ROUNDS, ROWS.iter().map(|row| row.name));
    let mut costs = Costs::new();
    let mut results = BTreeMap::new();
    for row in ROWS.iter().filter(|row| arguments.wants(row.name)) {
        eprintln!("{} ...", row.name);
        let figures = row.measure(&arguments.plan);
        costs.add(row, &figures);
        results.insert(row.name, figures.into_iter().collect::<BTreeMap<_, _>>());
    }
    costs.print();
    if arguments.wants(WALL) {
        eprintln!("{WALL} ...");
        for (name, figures) in threads::measure(&arguments.plan) {
            results.insert(name, figures.into_iter().collect());
        }
    }
    if arguments.want_all() {
        save("facade", &results);
    }
}

/// The table of costs, and that of the goals.
struct Costs {
    costs: Table,
    goals: Table,
    copies: Table,
}

impl Costs {
    fn new() -> Self {
        let heads = ["ns a call", FLOOR, MOKA, QUICK, FOYER, POLYCACHE, "÷ F", "÷ M"];
        Self {
            costs: Table::new(heads),
            goals: Table::new(["goal", "÷ F", "at most", "", "÷ M", "at most", ""]),
            copies: Table::new(["where F and M copy the value too", "F", "M", "polycache", "÷ F", "÷ M"]),
        }
    }

    fn add(&mut self, row: &Row, figures: &[(&'static str, f64)]) {
        let of = |name| figures.iter().find(|(found, _)| *found == name).map(|&(_, nanos)| nanos);
        let nanos = |name| of(name).map_or_else(String::new, |nanos| format!("{nanos:.1}"));
        let ratio = |name| of(POLYCACHE).unwrap_or(f64::NAN) / of(name).unwrap_or(f64::NAN);
        let (to_floor, to_moka) = (ratio(FLOOR), ratio(MOKA));
        let mut cells = vec![row.name.to_owned()];
        cells.extend([FLOOR, MOKA, QUICK, FOYER, POLYCACHE].map(nanos));
        cells.extend([format!("{to_floor:.2}"), format!("{to_moka:.3}")]);
        self.costs.row(cells);
        if let Some(goal) = row.goal {
            self.goals.row([
                row.name.to_owned(),
                format!("{to_floor:.2}"),
                format!("{:.1}", goal.floor),
                verdict(to_floor <= goal.floor).to_owned(),
                format!("{to_moka:.3}"),
                format!("{:.2}", goal.moka),
                verdict(to_moka <= goal.moka).to_owned(),
            ]);
        }
        if of(FLOOR_COPY).is_some() {
            let name = row.name.to_owned();
            let ratios = [format!("{:.2}", ratio(FLOOR_COPY)), format!("{:.3}", ratio(MOKA_COPY))];
            self.copies.row([name, nanos(FLOOR_COPY), nanos(MOKA_COPY), nanos(POLYCACHE)].into_iter().chain(ratios));
        }
    }

    fn print(&self) {
        println!("{}\n{}\n{}", self.costs.markdown(), self.copies.markdown(), self.goals.markdown());
    }
}
