//! What callers get while something is wrong, from polycache and from its peers: a source that fails or is slow, a computation that
//! panics or is cancelled, a Redis that is killed or stands still. In turns; of the rounds, the worst of each counts.
//!
//! `cargo bench -p polycache-benches --profile dev --bench outages [-- ROW] [--rounds N] [--only PEER]`. Waiting is what is measured, so it
//! needn't be optimized. Starts servers of its own.
#![allow(clippy::expect_used, reason = "a benchmark that can't go on says why and stops")]

mod callers;
mod cases;
mod peers;
mod source;

use polycache_benches::arguments::Arguments;
use polycache_benches::report::{Table, save};

use self::cases::{Case, Outcome};

const ROUNDS: usize = 2;

/// The round in which callers fared worst: fewest values, then the longest wait.
fn worst(rounds: Vec<Outcome>) -> Option<Outcome> {
    rounds.into_iter().max_by(|one, other| {
        let key = |outcome: &Outcome| {
            let answers = &outcome.answers;
            (answers.none, answers.panics, answers.errors, answers.longest)
        };
        key(one).cmp(&key(other))
    })
}

fn main() {
    let arguments = Arguments::parse(ROUNDS, Case::ALL.map(Case::name));
    // A panic on purpose needs no lines.
    std::panic::set_hook(Box::new(|panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&"a computation panics") {
            eprintln!("{panic}");
        }
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut table =
        Table::new(["", "callers got", "longest wait, ms", "computations", "afterwards", "another process"]);
    let mut results = Vec::new();
    for case in Case::ALL.into_iter().filter(|case| arguments.wants(case.name())) {
        eprintln!("{} ...", case.name());
        let runtime = &runtime;
        let wanted = |name: &str| arguments.plan.only.as_ref().is_none_or(|only| only == name);
        let mut rounds = peers::ALL.map(|(name, _)| (name, Vec::new()));
        for _ in 0..arguments.plan.rounds {
            for ((name, open), (_, outcomes)) in peers::ALL.into_iter().zip(&mut rounds) {
                if wanted(name) {
                    outcomes.push(runtime.block_on(case.run(open)));
                }
            }
        }
        for (name, rounds) in rounds {
            let Some(outcome) = worst(rounds) else { continue };
            let Outcome { answers, computations, afterwards: [here, there] } = &outcome;
            table.row([
                format!("{}: {name}", case.name()),
                answers.to_string(),
                format!("{:.0}", answers.longest.as_secs_f64() * 1e3),
                computations.to_string(),
                here.clone(),
                there.clone(),
            ]);
            results.push((case.name(), name, outcome));
        }
    }
    println!("{}", table.markdown());
    if arguments.want_all() {
        save("outages", &results);
    }
}
