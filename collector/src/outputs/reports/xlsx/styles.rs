//! How cells of a workbook look, and how much room texts need.

use super::super::document::Tone;
use super::number::Pattern;
use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder};
use std::collections::HashMap;

/// A workbook takes some two hundred number formats; those of single cells get no more of them than this.
const MOST_WORDINGS: usize = 100;

const INK: Color = Color::RGB(0x1B_24_30);
const QUIET: Color = Color::RGB(0x55_60_70);
const LINE: Color = Color::RGB(0xC9_D0_D9);
const FAINT: Color = Color::RGB(0xF3_F5_F8);
const RED: Color = Color::RGB(0x8F_1D_14);

/// The looks of one workbook.
pub(super) struct Styles {
    numbers: HashMap<(String, bool), Format>,
    wordings: usize,
}

impl Styles {
    pub(super) fn new() -> Styles {
        Styles { numbers: HashMap::new(), wordings: 0 }
    }

    /// A number or a date, set to the right or to the left.
    pub(super) fn number(&mut self, pattern: Pattern, right: bool) -> Format {
        let code = match pattern {
            Pattern::Digits(code) => code,
            Pattern::Words(code) => {
                let is_new = !self.numbers.contains_key(&(code.clone(), right));
                if is_new && self.wordings == MOST_WORDINGS {
                    "General".to_owned()
                } else {
                    self.wordings += usize::from(is_new);
                    code
                }
            }
        };
        let format = self.numbers.entry((code, right)).or_insert_with_key(|(code, right)| {
            let format = if *right { cell_right() } else { cell().set_align(FormatAlign::Left) };
            format.set_num_format(code)
        });
        format.clone()
    }
}

fn plain() -> Format {
    Format::new().set_font_color(INK).set_align(FormatAlign::Top)
}

/// Words in a cell of a table or beside the name of a fact.
pub(super) fn cell() -> Format {
    plain().set_text_wrap().set_border_bottom(FormatBorder::Hair).set_border_bottom_color(LINE)
}

/// Words under a heading that is set to the right.
pub(super) fn cell_right() -> Format {
    cell().set_align(FormatAlign::Right).set_indent(1)
}

/// The name of a fact.
pub(super) fn name() -> Format {
    cell().set_font_color(QUIET)
}

/// The heading of a column.
pub(super) fn heading(right: bool) -> Format {
    let side = if right { FormatAlign::Right } else { FormatAlign::Left };
    Format::new()
        .set_indent(u8::from(right))
        .set_bold()
        .set_font_color(INK)
        .set_background_color(FAINT)
        .set_text_wrap()
        .set_align(side)
        .set_align(FormatAlign::Bottom)
        .set_border_bottom(FormatBorder::Thin)
        .set_border_bottom_color(QUIET)
}

/// The title of the document or of a sheet.
pub(super) fn title(points: f64) -> Format {
    plain().set_bold().set_font_size(points).set_text_wrap()
}

/// The heading of a section.
pub(super) fn section() -> Format {
    title(13.0).set_border_bottom(FormatBorder::Thin).set_border_bottom_color(QUIET)
}

/// Running text.
pub(super) fn paragraph() -> Format {
    plain().set_text_wrap()
}

/// What stands under something else: of whom, notes, the foot line.
pub(super) fn quiet() -> Format {
    paragraph().set_font_color(QUIET)
}

/// The mark of a paper that may not be handed in.
pub(super) fn mark() -> Format {
    plain()
        .set_bold()
        .set_font_color(RED)
        .set_text_wrap()
        .set_border(FormatBorder::Thin)
        .set_border_color(RED)
}

/// Words that are to be taken in some way.
pub(super) fn told(tone: Tone) -> Format {
    let (wash, strong) = colours(tone);
    cell().set_bold().set_background_color(wash).set_font_color(strong)
}

/// The headline of a banner.
pub(super) fn headline(tone: Tone) -> Format {
    let (wash, strong) = colours(tone);
    title(14.0).set_background_color(wash).set_font_color(strong)
}

/// What has to be known with a banner, or a note.
pub(super) fn washed(tone: Tone) -> Format {
    paragraph().set_background_color(colours(tone).0)
}

fn colours(tone: Tone) -> (Color, Color) {
    let (wash, strong) = match tone {
        Tone::Neutral => (0xF3_F5_F8, 0x1B_24_30),
        Tone::Good => (0xE8_F5_EC, 0x14_53_2D),
        Tone::Caution => (0xFF_F5_D9, 0x6B_43_00),
        Tone::Bad => (0xFD_EA_E7, 0x8F_1D_14),
    };
    (Color::RGB(wash), Color::RGB(strong))
}

/// How wide a text is set, in digits: letters of East Asia take two.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(|letter| if u32::from(letter) >= 0x2E80 { 2.0 } else { 1.0 }).sum()
}

/// The height in points of a text that is wrapped in so many digits' width.
pub(super) fn height(text: &str, digits: f64, points: f64) -> f64 {
    // Larger letters are wider; words do not fill their lines.
    let room = (digits * 11.0 / points).max(1.0);
    let lines_of = |line: f64| if line <= room { 1.0 } else { (line / (room * 0.92)).ceil() };
    let lines: f64 = text.split('\n').map(|line| lines_of(width(line))).sum();
    // Excel's rows end at 409 points.
    (lines * points * 1.36 + 2.0).min(409.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_east_asia_take_twice_the_room() {
        assert_eq!(width("PUE 1.036"), 9.0);
        assert_eq!(width("电能使用效率"), 12.0);
    }

    #[test]
    fn a_text_that_wraps_is_higher() {
        assert!((height("short", 100.0, 10.0) - 15.6).abs() < 1e-9);
        assert!(height(&"word ".repeat(40), 100.0, 10.0) > 2.0 * 13.6);
        assert!(height("a\nb\nc", 100.0, 10.0) > 3.0 * 13.6);
        assert_eq!(height(&"word ".repeat(100_000), 10.0, 10.0), 409.0);
    }

    #[test]
    fn wordings_of_single_cells_do_not_use_up_the_formats_of_a_workbook() {
        let mut styles = Styles::new();
        for number in 0..1_000 {
            styles.number(Pattern::Words(format!("\"{number}\"")), true);
        }
        assert!(styles.numbers.len() <= MOST_WORDINGS + 1, "{}", styles.numbers.len());
    }
}
