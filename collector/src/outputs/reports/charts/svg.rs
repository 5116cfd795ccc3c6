//! Drawing by hand: texts, rectangles and paths where no axes are needed.

use std::fmt::Write;

/// An SVG that grows.
pub(super) struct Svg {
    text: String,
}

/// Where a text stands to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The size of texts.
pub(super) const TEXT: u32 = 13;
/// The same as plotters wants it: it writes 1/1.24 of what it is given.
pub(super) const PLOTTED_TEXT: f64 = 1.24 * TEXT as f64;

impl Svg {
    /// A white ground of this size.
    pub(super) fn new(width: u32, height: u32) -> Svg {
        let mut svg = Svg { text: String::new() };
        svg.write(format_args!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
             <rect x=\"0\" y=\"0\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        ));
        svg
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        self.text.write_fmt(what).expect("memory takes it");
    }

    /// A text whose middle line is at `y`.
    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, words: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let words = escaped(words);
        self.write(format_args!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-family=\"sans-serif\" font-size=\"{TEXT}\" \
             fill=\"#000000\">{words}</text>\n",
            y + f64::from(TEXT) * 0.35
        ));
    }

    /// The same from bottom to top.
    pub(super) fn upright(&mut self, x: f64, y: f64, words: &str) {
        let words = escaped(words);
        self.write(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" font-family=\"sans-serif\" font-size=\"{TEXT}\" \
             fill=\"#000000\" transform=\"rotate(270 {x:.1} {y:.1})\">{words}</text>\n"
        ));
    }

    /// A rectangle with a thin frame.
    pub(super) fn framed(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        self.write(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\" \
             stroke=\"#000000\" stroke-width=\"0.7\"/>\n"
        ));
    }

    /// A thin line.
    pub(super) fn line(&mut self, x: f64, y: f64, to_x: f64, to_y: f64, stroke: &str) {
        self.write(format_args!(
            "<path d=\"M{x:.1} {y:.1}L{to_x:.1} {to_y:.1}\" stroke=\"{stroke}\" stroke-width=\"0.7\" fill=\"none\"/>\n"
        ));
    }

    /// An area without a frame; cells that touch leave no seam.
    pub(super) fn area(&mut self, path: &str, fill: &str) {
        if !path.is_empty() {
            self.write(format_args!("<path d=\"{path}\" fill=\"{fill}\" shape-rendering=\"crispEdges\"/>\n"));
        }
    }

    /// The whole of it.
    pub(super) fn done(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
