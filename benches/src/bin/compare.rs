//! Two builds of one benchmark beside each other: `compare BEFORE AFTER [--passes N] [-- ARGUMENTS]`.
//!
//! `BEFORE` and `AFTER` are executables of the same benchmark, which are run in turns with the same arguments. What polycache costs in each
//! row is read from the tables that they print. Printed are the medians of both builds and of the ratios of neighbouring runs. `make compare
//! BASE=REVISION` builds both and calls this.
#![allow(clippy::expect_used, clippy::panic, reason = "a tool that can't go on says why and stops")]

use std::process::{Command, Stdio};

use polycache_benches::report::{Table, verdict};
use polycache_benches::rounds::{median, quartiles};

/// The most that a row may cost, as a multiple of before.
const GOAL: f64 = 1.05;

/// The columns that hold polycache's figures.
const OURS: [&str; 2] = ["polycache", "get_or_set"];

/// A row of a table: what is counted, and the name of the row.
type Row = (String, String);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut builds, mut passes, mut passed_on) = (Vec::new(), 5_usize, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--passes" => passes = arguments.next().and_then(|n| n.parse().ok()).expect("--passes N"),
            "--" => passed_on.extend(arguments.by_ref()),
            _ => builds.push(argument),
        }
    }
    let [before, after] = <[String; 2]>::try_from(builds).expect("two executables: BEFORE AFTER");
    let mut figures: Vec<(Row, Vec<[f64; 2]>)> = Vec::new();
    for pass in 1..=passes {
        eprintln!("pass {pass} of {passes} ...");
        // Each goes first in half of the passes.
        let (of_before, of_after) = if pass % 2 == 0 {
            let of_after = run(&after, &passed_on);
            (run(&before, &passed_on), of_after)
        } else {
            (run(&before, &passed_on), run(&after, &passed_on))
        };
        for (row, after) in of_after {
            let Some(&(_, before)) = of_before.iter().find(|(found, _)| *found == row) else { continue };
            match figures.iter_mut().find(|(found, _)| *found == row) {
                Some((_, pairs)) => pairs.push([before, after]),
                None => figures.push((row, vec![[before, after]])),
            }
        }
    }
    assert!(!figures.is_empty(), "the two builds have no row in common");
    print(&figures);
}

fn print(figures: &[(Row, Vec<[f64; 2]>)]) {
    let mut table = Table::new(["row", "counted", "before", "after", "cost ÷ before", "quartiles", "at most", ""]);
    for ((counted, row), pairs) in figures {
        let middle = |build: usize| median(pairs.iter().map(|pair| pair[build]).collect());
        let is_speed = counted.contains("calls a second");
        let cost = |[before, after]: &[f64; 2]| if is_speed { before / after } else { after / before };
        let [low, ratio, high] = quartiles(pairs.iter().map(cost).collect());
        let figures = [format!("{:.2}", middle(0)), format!("{:.2}", middle(1)), format!("{ratio:.3}")]
            .into_iter()
            .chain([format!("{low:.3}–{high:.3}")]);
        let goal = [format!("{GOAL}"), verdict(ratio <= GOAL).to_owned()];
        table.row([row.clone(), counted.clone()].into_iter().chain(figures).chain(goal));
    }
    println!("{}", table.markdown());
}

/// Runs a benchmark; polycache's figure in each row.
fn run(executable: &str, arguments: &[String]) -> Vec<(Row, f64)> {
    let mut command = Command::new(executable);
    command.args(arguments).stderr(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{executable} can't be run: {error}"));
    assert!(output.status.success(), "{executable} has failed: {}", output.status);
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Reads polycache's column of the tables in a text.
fn read(text: &str) -> Vec<(Row, f64)> {
    let mut rows: Vec<(Row, f64)> = Vec::new();
    let mut head: Option<(String, usize)> = None;
    let mut is_inside = false;
    for line in text.lines() {
        let Some(line) = line.strip_prefix('|') else {
            (head, is_inside) = (None, false);
            continue;
        };
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !is_inside {
            is_inside = true;
            let ours = cells.iter().position(|cell| OURS.contains(cell));
            head = ours.map(|ours| (cells[0].to_owned(), ours));
        } else if let Some((counted, ours)) = &head {
            let figure = cells.get(*ours).and_then(|cell| cell.parse().ok());
            let row = (counted.clone(), cells[0].to_owned());
            rows.extend(figure.map(|figure| (row, figure)));
        }
    }
    rows
}
