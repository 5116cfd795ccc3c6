//! Signs that no font has. A reader of a paper must never guess what stood in an empty box.

use std::collections::BTreeSet;
use typst::layout::{Frame, FrameItem};
use typst::visualize::ImageKind;
use typst_layout::PagedDocument;

/// The signs of all pages, and of the drawings on them, that no font has.
pub(crate) fn missing(document: &PagedDocument) -> BTreeSet<char> {
    let mut found = BTreeSet::new();
    for page in document.pages() {
        of_frame(&page.frame, &mut found);
    }
    found
}

/// The signs as a message names them: a few of them, with their numbers, and how many they are.
pub(crate) fn named(signs: &BTreeSet<char>) -> String {
    const SOME: usize = 12;
    let some: Vec<String> =
        signs.iter().take(SOME).map(|sign| format!("{sign} (U+{:04X})", u32::from(*sign))).collect();
    let rest = signs.len().saturating_sub(SOME);
    if rest == 0 { some.join(", ") } else { format!("{} and {rest} more", some.join(", ")) }
}

fn of_frame(frame: &Frame, found: &mut BTreeSet<char>) {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => of_frame(&group.frame, found),
            FrameItem::Text(text) => {
                for glyph in text.glyphs.iter().filter(|glyph| glyph.id == 0) {
                    found.extend(text.text[glyph.range()].chars());
                }
            }
            FrameItem::Image(image, ..) => {
                if let ImageKind::Svg(svg) = image.kind() {
                    of_drawing(svg.tree().root(), found);
                }
            }
            _ => {}
        }
    }
}

fn of_drawing(group: &usvg::Group, found: &mut BTreeSet<char>) {
    for node in group.children() {
        match node {
            usvg::Node::Group(group) => of_drawing(group, found),
            usvg::Node::Text(text) => {
                let glyphs = text.layouted().iter().flat_map(|span| &span.positioned_glyphs);
                for glyph in glyphs.filter(|glyph| glyph.id.0 == 0) {
                    found.extend(glyph.text.chars());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_a_few_and_counts_the_rest() {
        assert_eq!(named(&BTreeSet::from(['能', '效'])), "效 (U+6548), 能 (U+80FD)");
        let many: BTreeSet<char> = ('一'..='丐').collect();
        assert!(named(&many).ends_with(&format!("and {} more", many.len() - 12)), "{}", named(&many));
    }
}
