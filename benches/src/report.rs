//! Tables on the terminal, and results for the charts.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A Markdown table, aligned for the terminal too.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these column heads; the first column is text, the others figures.
    #[must_use]
    pub fn new<S: Into<String>>(heads: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![heads.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row. Missing cells are empty.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.rows[0].len(), String::new());
        self.rows.push(cells);
    }

    /// The text of the table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let widths: Vec<usize> = (0..self.rows[0].len())
            .map(|column| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3))
            .collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                let cell = if column == 0 { format!("| {cell:<width$} ") } else { format!("| {cell:>width$} ") };
                text.push_str(&cell);
            }
            text.push_str("|\n");
            if number == 0 {
                for (column, &width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width);
                    text.push_str(&if column == 0 { format!("|-{dashes}-") } else { format!("|-{dashes}:") });
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

/// A verdict on a goal.
#[must_use]
pub fn verdict(met: bool) -> &'static str {
    if met { "pass" } else { "MISS" }
}

fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("benches"), PathBuf::from)
}

/// A file or folder of this package.
#[must_use]
pub fn in_package(name: &str) -> PathBuf {
    package().join(name)
}

fn results_file(bench: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| package().join("../target"), PathBuf::from);
    target.join("polycache-benches").join(format!("{bench}.json"))
}

/// Keeps the results of a benchmark for the charts.
///
/// # Panics
/// Where the file can't be written.
pub fn save(bench: &str, results: &impl Serialize) {
    let file = results_file(bench);
    std::fs::create_dir_all(file.parent().expect("it is in a folder")).expect("the target folder can be written");
    let text = serde_json::to_string_pretty(results).expect("results are plain data");
    std::fs::write(&file, text).expect("the results can be written");
    eprintln!("results: {}", file.display());
}

/// The results that [`save`] kept last, if there are any.
///
/// # Panics
/// Where they are of another version.
#[must_use]
pub fn load<T: DeserializeOwned>(bench: &str) -> Option<T> {
    let file = results_file(bench);
    let Ok(text) = std::fs::read_to_string(&file) else {
        let command = match bench {
            "python" => "make bench-python".to_owned(),
            _ => format!("cargo bench -p polycache-benches --bench {bench}"),
        };
        eprintln!("no results in {}; run `{command}`", file.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("results of this version"))
}
