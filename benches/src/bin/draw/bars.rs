//! Panels of bars, each with a scale of its own.

use crate::svg::{Anchor, Svg};

/// One bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// What is written at its end.
    pub(crate) text: String,
    pub(crate) color: &'static str,
}

const WIDTH: f64 = 760.0;
const LABELS: f64 = 210.0;
/// Room for the text at the end of the longest bar.
const TEXTS: f64 = 70.0;
const BAR: f64 = 14.0;
const STEP: f64 = 20.0;

pub(crate) fn draw(title: &str, panels: &[(&str, Vec<Bar>)]) -> String {
    let mut svg = Svg::default();
    svg.text((0.0, 20.0), 17, Anchor::Start, true, title);
    let mut y = 32.0;
    for (name, bars) in panels {
        y += 22.0;
        svg.text((0.0, y), 13, Anchor::Start, true, name);
        y += 8.0;
        let longest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for bar in bars {
            let length = bar.value / longest * (WIDTH - LABELS - TEXTS);
            svg.text((LABELS - 10.0, y + 11.5), 13, Anchor::End, bar.label.starts_with("polycache"), &bar.label);
            svg.rect(LABELS, y, length, BAR, bar.color);
            svg.text((LABELS + length + 6.0, y + 11.5), 13, Anchor::Start, false, &bar.text);
            y += STEP;
        }
    }
    svg.finish(title, WIDTH, y + 8.0)
}
