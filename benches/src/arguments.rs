//! What a benchmark is started with: `[ROW] [--rounds N] [--only CONTENDER]`.

use crate::rounds::Plan;

/// Which rows are wanted, and how they are measured.
#[derive(Debug, Clone)]
pub struct Arguments {
    row: Option<String>,
    exact: bool,
    /// How the rounds go.
    pub plan: Plan,
}

impl Arguments {
    /// Those of this process. `rounds` are done unless they say otherwise, and `names` are those of all rows.
    ///
    /// # Panics
    /// Where an option has no value, or one that is no number.
    #[must_use]
    pub fn parse<S: AsRef<str>>(rounds: usize, names: impl IntoIterator<Item = S>) -> Self {
        let mut parsed = Self { row: None, exact: false, plan: Plan { rounds, only: None } };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {}
                "--rounds" => parsed.plan.rounds = arguments.next().and_then(|n| n.parse().ok()).expect("--rounds N"),
                "--only" => parsed.plan.only = Some(arguments.next().expect("--only CONTENDER")),
                _ => parsed.row = Some(argument),
            }
        }
        parsed.exact = parsed.row.as_ref().is_some_and(|row| names.into_iter().any(|name| name.as_ref() == row));
        parsed
    }

    /// Whether the row of this name is measured: where one was asked for, it alone, or all that have the text in their name.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.row.as_ref().is_none_or(|row| if self.exact { name == row } else { name.contains(row.as_str()) })
    }

    /// Whether everything is measured: only such results are kept.
    #[must_use]
    pub fn want_all(&self) -> bool {
        self.row.is_none() && self.plan.only.is_none()
    }
}
