//! The table of the guide.

use std::fmt::Debug;

/// How the cache's server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Up,
    /// Killed.
    Down,
    /// It answers later than the cache's timeout.
    Slow,
}

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Fresh,
    Early,
    Stale,
    None,
}

/// What the source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Answers,
    Fails,
    /// It fails the first callers, and answers then.
    Flaps,
    Slow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Value,
    Stale,
    New,
    /// The source's.
    Error,
    HardTimeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    AtOnce,
    /// When it is computed, or that has failed.
    Answered,
    SoftTimeout,
    HardTimeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gets {
    pub(crate) what: What,
    pub(crate) when: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    Value,
    Stale,
    New,
    Rests,
    Nothing,
    /// What was there before.
    Before,
}

/// What becomes of a cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) first: Gets,
    pub(crate) next: Gets,
    /// Once the throttle is over, where that makes a difference.
    pub(crate) later: Option<Gets>,
    pub(crate) stored: Stored,
    /// Once a slow source has answered.
    pub(crate) stored_then: Option<Stored>,
}

/// One line, and what it is about.
pub(crate) struct Line {
    about: [&'static str; 3],
    outcome: Outcome,
}

/// The lines of the table.
pub(crate) fn lines() -> Vec<Line> {
    let page = include_str!("../../../../docs/stale.md");
    let (_, chapter) = page.split_once("\n## Who gets what\n").expect("the chapter is there");
    let rows = chapter.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(line).collect()
}

fn line(row: &'static str) -> Line {
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    let [server, entry, source, first, next, stored] = cells[..] else { panic!("six cells: {row}") };
    let first = gets(first);
    let (next, later) = match next.split_once("; after the throttle ") {
        Some((next, later)) => (next, Some(gets(later))),
        None => (next, None),
    };
    let next = if next == "the same" { first } else { gets(next) };
    let (stored, stored_then) = match stored.strip_suffix("; the new value when it comes") {
        Some(stored) => (stored, Some(Stored::New)),
        None => (stored, None),
    };
    let stored = word(
        stored,
        &[
            ("the value", Stored::Value),
            ("the stale value", Stored::Stale),
            ("the new value", Stored::New),
            ("that the source rests", Stored::Rests),
            ("nothing", Stored::Nothing),
            ("what was", Stored::Before),
        ],
    );
    Line { about: [server, entry, source], outcome: Outcome { first, next, later, stored, stored_then } }
}

fn gets(text: &str) -> Gets {
    let (what, when) = text.split_once(", ").unwrap_or_else(|| panic!("what and when: {text}"));
    let what = word(
        what,
        &[
            ("the value", What::Value),
            ("the stale value", What::Stale),
            ("the new value", What::New),
            ("the error", What::Error),
            ("`HardTimeout`", What::HardTimeout),
        ],
    );
    let when = word(
        when,
        &[
            ("at once", When::AtOnce),
            ("when it is computed", When::Answered),
            ("when it has failed", When::Answered),
            ("after the soft timeout", When::SoftTimeout),
            ("after the hard timeout", When::HardTimeout),
        ],
    );
    Gets { what, when }
}

fn word<T: Copy + Debug>(text: &str, words: &[(&str, T)]) -> T {
    let found = words.iter().find(|(word, _)| *word == text);
    found.unwrap_or_else(|| panic!("the table says {text:?}, where one of these is expected: {words:?}")).1
}

impl Line {
    fn is_about(&self, server: Server, entry: Entry, source: Source) -> bool {
        let server = match server {
            Server::Up => "up",
            Server::Down => "down",
            Server::Slow => "slow",
        };
        let entry = match entry {
            Entry::Fresh => "fresh",
            Entry::Early => "early",
            Entry::Stale => "stale",
            Entry::None => "none",
        };
        let source = match source {
            Source::Answers => "answers",
            Source::Fails => "fails",
            Source::Flaps => "fails, then answers",
            Source::Slow => "is slow",
        };
        self.about.iter().zip([server, entry, source]).all(|(said, is)| *said == is || *said == "any")
    }
}

/// One combination, and what the table says of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) entry: Entry,
    pub(crate) source: Source,
    pub(crate) outcome: Outcome,
}

/// Each combination with such a server; each must have one line.
pub(crate) fn cells(server: Server) -> Vec<Cell> {
    let lines = lines();
    let mut cells = Vec::new();
    for entry in [Entry::Fresh, Entry::Early, Entry::Stale, Entry::None] {
        for source in [Source::Answers, Source::Fails, Source::Flaps, Source::Slow] {
            let mut about = lines.iter().filter(|line| line.is_about(server, entry, source));
            let (Some(line), None) = (about.next(), about.next()) else {
                panic!("one line about {server:?}, {entry:?}, {source:?}");
            };
            cells.push(Cell { entry, source, outcome: line.outcome });
        }
    }
    cells
}

/// Every line is about some combination.
#[test]
fn no_line_is_about_nothing() {
    for line in lines() {
        let servers = [Server::Up, Server::Down, Server::Slow];
        let entries = [Entry::Fresh, Entry::Early, Entry::Stale, Entry::None];
        let sources = [Source::Answers, Source::Fails, Source::Flaps, Source::Slow];
        let mut all = servers
            .into_iter()
            .flat_map(|server| entries.map(|entry| (server, entry)))
            .flat_map(|(server, entry)| sources.map(|source| (server, entry, source)));
        assert!(all.any(|(server, entry, source)| line.is_about(server, entry, source)), "{:?}", line.about);
    }
}
