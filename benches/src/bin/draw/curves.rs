//! Panels of hit ratios over capacities.

use crate::svg::{Anchor, Svg};

/// A panel: a trace.
#[derive(Debug, Clone)]
pub(crate) struct Curves {
    pub(crate) title: String,
    pub(crate) capacities: Vec<usize>,
    /// For each capacity the ratio of each contender in percent, the one drawn on top last.
    pub(crate) ratios: Vec<[f64; 4]>,
}

const COLUMNS: usize = 3;
const PANEL: (f64, f64) = (250.0, 230.0);
const LEFT: f64 = 42.0;
const TOP: f64 = 64.0;
const PLOT: (f64, f64) = (190.0, 150.0);
/// From the thickest line, below, to the thinnest, on top: equal ratios stay seen.
const WIDTHS: [f64; 4] = [2.0, 2.0, 5.0, 2.0];

pub(crate) fn draw(title: &str, contenders: &[(&str, &'static str); 4], panels: &[Curves]) -> String {
    let mut svg = Svg::default();
    svg.text((0.0, 20.0), 17, Anchor::Start, true, title);
    for (place, (name, color)) in contenders.iter().rev().enumerate() {
        let x = 250.0 + 125.0 * place as f64;
        svg.rect(x, 9.0, 14.0, 12.0, color);
        svg.text((x + 20.0, 20.0), 13, Anchor::Start, false, name);
    }
    for (number, panel) in panels.iter().enumerate() {
        let origin = ((number % COLUMNS) as f64 * PANEL.0, (number / COLUMNS) as f64 * PANEL.1);
        draw_panel(&mut svg, origin, contenders, panel);
    }
    let rows = panels.len().div_ceil(COLUMNS);
    svg.finish(title, PANEL.0 * COLUMNS as f64, TOP + rows as f64 * PANEL.1 - 30.0)
}

fn draw_panel(svg: &mut Svg, (left, top): (f64, f64), contenders: &[(&str, &'static str); 4], panel: &Curves) {
    let all = || panel.ratios.iter().flatten().copied();
    let low = (all().fold(f64::MAX, f64::min) / 10.0).floor() * 10.0;
    let high = (all().fold(f64::MIN, f64::max) / 10.0).ceil() * 10.0;
    let x = |index: usize| left + LEFT + PLOT.0 * index as f64 / (panel.capacities.len() - 1).max(1) as f64;
    let y = |ratio: f64| top + TOP + PLOT.1 * (high - ratio) / (high - low);

    svg.text((left + LEFT, top + TOP - 14.0), 13, Anchor::Start, true, &panel.title);
    let step = if high - low > 50.0 { 20.0 } else { 10.0 };
    let mut mark = low;
    while mark <= high {
        svg.line((x(0), y(mark)), (left + LEFT + PLOT.0, y(mark)));
        svg.text((left + LEFT - 8.0, y(mark) + 4.0), 11, Anchor::End, false, &format!("{mark:.0} %"));
        mark += step;
    }
    for (index, capacity) in panel.capacities.iter().enumerate() {
        svg.text((x(index), top + TOP + PLOT.1 + 18.0), 11, Anchor::Middle, false, &capacity.to_string());
    }
    for (place, (_, color)) in contenders.iter().enumerate() {
        let points: Vec<_> =
            panel.ratios.iter().enumerate().map(|(index, ratios)| (x(index), y(ratios[place]))).collect();
        svg.curve(&points, color, WIDTHS[place]);
    }
}
