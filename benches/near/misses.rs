//! What a read costs that finds nothing near: it asks for what is left of the value's life, too.

use polycache_benches::accesses::Accesses;
use polycache_benches::arguments::Arguments;
use polycache_benches::report::Table;
use tokio::runtime::Runtime;

use crate::load::{KEYS, contender, costs};
use crate::peers::{Far, Missing, Polycache, Untracked};

pub(crate) const NAME: &str = "miss";

const READS: usize = 10_000;

pub(crate) fn measure(arguments: &Arguments, runtime: &Runtime) {
    let accesses = Accesses::at_random(0..KEYS, READS, &mut fastrand::Rng::with_seed(0x5EED));
    let value = |number: u64| format!("{number:0100}");
    eprintln!("{NAME} ...");
    let contenders = vec![
        contender::<_, Polycache<Far>>("get without a near cache", runtime, &accesses, value),
        contender::<_, Polycache<Missing>>("near and tracking, not there", runtime, &accesses, value),
        contender::<_, Polycache<Untracked>>("near by time, not there", runtime, &accesses, value),
    ];
    let mut table = Table::new(["", "ns a read", "÷ get", "cpu ns", "÷ get", "server's cpu ns", "÷ get"]);
    let costs = costs(&arguments.plan, contenders);
    let plain = costs.first().map(|(_, cost)| *cost);
    for (name, cost) in &costs {
        let of = |part: fn(&crate::load::Cost) -> f64| {
            let nanos = part(cost);
            [format!("{nanos:.0}"), format!("{:.2}", nanos / plain.as_ref().map_or(f64::NAN, part))]
        };
        let cells = [of(|cost| cost.wall), of(|cost| cost.cpu), of(|cost| cost.server)];
        table.row([(*name).to_owned()].into_iter().chain(cells.into_iter().flatten()));
    }
    println!("{}", table.markdown());
}
