//! A report's drawings, as SVG: the months, where the energy went, the hours, and load against PUE.
//!
//! They are made to be printed in grey: what is darker is more, what is not covered is left blank, and nothing is told
//! by colour alone. Texts stay texts, in whatever sans serif font the reader has. None adds anything to the report.

mod heat;
mod levels;
mod load;
mod monthly;
mod months;
mod split;
mod svg;
mod words;

#[cfg(test)]
mod tests;

use super::content::Report;
use super::document::{Chart, Lang};
use words::words;

/// Width of every drawing, in pixels; printed over the width of a page a text of 13 is about 8 points high.
const WIDTH: u32 = 760;

/// What went wrong in a drawing.
type Failed = plotters::drawing::DrawingAreaErrorKind<std::io::Error>;

/// The PUE of each month with its uncertainty, against the targets; `None` of a period without months, or where nothing
/// is covered in any.
pub fn monthly_pue(report: &Report, lang: Lang) -> Option<Chart> {
    let words = words(lang);
    let drawn = drawn("monthly-pue", monthly::draw(report, words))?;
    Some(Chart {
        name: "monthly-pue",
        title: words.monthly_title.to_owned(),
        alt: (words.monthly_alt)(&drawn.told),
        svg: drawn.svg,
        note: Some(words.monthly_note.to_owned()),
    })
}

/// Where the facility's energy went; `None` where facility or IT energy is not known, or where they or a subsystem are
/// known over different times.
pub fn energy_split(report: &Report, lang: Lang) -> Option<Chart> {
    let words = words(lang);
    let drawn = split::draw(report, words)?;
    Some(Chart {
        name: "energy-split",
        title: words.split_title.to_owned(),
        alt: (words.split_alt)(&drawn.told),
        svg: drawn.svg,
        note: Some(words.split_note.to_owned()),
    })
}

/// The PUE of each hour by date and time of day; `None` of a period without hours, or longer than a year and a month.
pub fn heat_map(report: &Report, lang: Lang) -> Option<Chart> {
    let words = words(lang);
    let drawn = heat::draw(report, words)?;
    Some(Chart {
        name: "heat-map",
        title: words.heat_title.to_owned(),
        alt: (words.heat_alt)(&drawn.told),
        svg: drawn.svg,
        note: Some(words.heat_note.to_owned()),
    })
}

/// How often which PUE went with which IT load; `None` of a period without hours, or with too few that are covered.
pub fn load_against_pue(report: &Report, lang: Lang) -> Option<Chart> {
    let words = words(lang);
    let drawn = drawn("load-against-pue", load::draw(report, words))?;
    Some(Chart {
        name: "load-against-pue",
        title: words.load_title.to_owned(),
        alt: (words.load_alt)(&drawn.told),
        svg: drawn.svg,
        note: Some((words.load_note)(drawn.left_out)),
    })
}

/// A drawing and what it shows.
struct Drawn {
    svg: String,
    /// Figures for who does not see it, such as the least and the greatest.
    told: [String; 2],
    /// Hours that lie outside the drawing.
    left_out: usize,
}

/// A drawing is no reason to hold a report back: its figures stand in tables too.
fn drawn(chart: &str, made: Result<Option<Drawn>, Failed>) -> Option<Drawn> {
    made.unwrap_or_else(|error| {
        tracing::error!(chart, %error, "a chart cannot be drawn and is left out");
        None
    })
}
