//! The longest waits of callers while something is wrong.

use std::time::Duration;

use serde::Deserialize;

use crate::bars::{self, Bar};
use crate::{FLOOR, OTHERS, OURS};

/// What is drawn of a peer's outcome in one case.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    answers: Answers,
}

#[derive(Debug, Deserialize)]
struct Answers {
    none: u64,
    errors: u64,
    old: u64,
    present: u64,
    longest: Duration,
}

impl Answers {
    /// What is wrong with the answers, if anything.
    fn trouble(&self) -> &'static str {
        match () {
            () if self.none > 0 => ", no answer",
            () if self.present + self.old == 0 => ", errors",
            () if self.errors > 0 => ", errors too",
            () => "",
        }
    }
}

/// In the order of the results.
const COLORS: [&str; 6] = [OURS, OURS, OTHERS[0], OTHERS[1], OTHERS[2], FLOOR];

pub(crate) fn draw(results: &[(String, String, Outcome)]) -> String {
    let panels: Vec<(&str, Vec<Bar>)> = results
        .chunk_by(|(one, ..), (other, ..)| one == other)
        .map(|rows| {
            let bars = rows.iter().zip(COLORS.into_iter().cycle()).map(|((_, peer, Outcome { answers }), color)| {
                let millis = answers.longest.as_secs_f64() * 1e3;
                Bar { label: peer.clone(), value: millis, text: format!("{millis:.0}{}", answers.trouble()), color }
            });
            (rows[0].0.as_str(), bars.collect())
        })
        .collect();
    bars::draw("the longest wait of a caller, ms", &panels)
}
