//! The little of SVG that is needed.

use std::fmt::Write;

/// Reads on white and on near-black.
const TEXT: &str = "#7d8590";
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

/// A picture on its way.
#[derive(Debug, Default)]
pub(crate) struct Svg {
    body: String,
}

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(crate) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, color: &str) {
        self.add(&format!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" fill="{color}"/>"#
        ));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(&format!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{TEXT}" stroke-opacity="0.35"/>"#
        ));
    }

    pub(crate) fn curve(&mut self, points: &[(f64, f64)], color: &str, width: f64) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.add(&format!(
            r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="{width}" stroke-linejoin="round"/>"#,
            path.join(" ")
        ));
        for (x, y) in points {
            self.add(&format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="{:.1}" fill="{color}"/>"#, width + 0.5));
        }
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), size: u32, anchor: Anchor, bold: bool, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if bold { 600 } else { 400 };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(&format!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// The whole picture.
    pub(crate) fn finish(self, title: &str, width: f64, height: f64) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" font-family=\"{FONT}\" fill=\"{TEXT}\">\n<title>{title}</title>\n{}</svg>\n",
            self.body
        )
    }

    fn add(&mut self, element: &str) {
        // A string takes everything.
        let _ = writeln!(self.body, "{element}");
    }
}
