//! Where a line may be broken within a word that has no spaces: names of meters, digests, paths.
//!
//! The pieces are set next to each other with a gap of no width between them. A line may end there, and who copies
//! the word out of the PDF gets it as it was: no hyphen and no invisible character is put in.

/// What is wider than this, in halves of a square, may be broken.
const LONG: usize = 14;
/// What has no mark to break at is broken into pieces of so many letters.
const PIECE: usize = 8;
/// Words of letters alone are words of a language up to here, and stay whole.
const WORD: usize = 24;

/// A text as pieces between which a line may end, beside where it may anyway.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in words(text) {
        let mut parts = if is_long(&word) { broken(&word) } else { vec![word] }.into_iter();
        if let (Some(last), Some(first)) = (pieces.last_mut(), parts.next()) {
            last.push_str(&first);
        }
        pieces.extend(parts);
    }
    pieces
}

/// The widest pieces of a text that a line cannot break, by estimate, widest first.
pub(crate) fn widest<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for piece in pieces(text) {
            for part in piece.split_whitespace().flat_map(words) {
                found.push(part.trim().to_owned());
            }
        }
    }
    longest(found)
}

/// The widest of some texts that stay whole, by estimate, widest first.
pub(crate) fn longest(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_by(|a, b| width(b).cmp(&width(a)).then_with(|| a.cmp(b)));
    texts.dedup();
    texts.truncate(3);
    texts
}

/// Runs without a break, and what lies between them: white space clings to the run before it, and each sign of
/// Chinese is a run of its own.
fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for letter in text.chars() {
        let joins = open && !is_wide(letter);
        match found.last_mut() {
            Some(last) if joins || letter.is_whitespace() => last.push(letter),
            _ => found.push(letter.to_string()),
        }
        open = !is_wide(letter) && !breaks(letter);
    }
    found
}

/// Whether a line may end after this sign; the spaces that bind do not.
fn breaks(letter: char) -> bool {
    letter.is_whitespace() && !matches!(letter, '\u{a0}' | '\u{202f}')
}

/// Whether a sign is a square of Chinese print.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}

/// The width of a text, in halves of a square.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum()
}

fn is_long(word: &str) -> bool {
    let letters = word.trim_end();
    let plain = letters.chars().all(char::is_alphabetic);
    width(letters) > if plain { WORD } else { LONG }
}

/// A long word in pieces: after the marks that join names, and where there are none, every so many letters.
fn broken(word: &str) -> Vec<String> {
    let mut parts: Vec<String> = vec![String::new()];
    for letter in word.chars() {
        if let Some(last) = parts.last_mut() {
            last.push(letter);
            if matches!(letter, '/' | '-' | '_' | '.' | ':' | '@' | '=' | '&' | '?' | ',' | ';' | '|' | '+')
                && width(last) >= 3
            {
                parts.push(String::new());
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.iter().flat_map(|part| if is_long(part) { chunks(part) } else { vec![part.clone()] }).collect()
}

fn chunks(part: &str) -> Vec<String> {
    let letters: Vec<char> = part.chars().collect();
    letters.chunks(PIECE).map(|chunk| chunk.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_added_and_nothing_is_lost() {
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        for text in
            ["", " ", "PUE", digest, "hall-1/ups-2-output-energy 与 hall-2", "电能使用效率，2026年", "a\nb"]
        {
            assert_eq!(pieces(text).concat(), text);
        }
        assert_eq!(pieces(digest).len(), 8);
    }

    #[test]
    fn words_of_a_language_and_numbers_stay_whole() {
        for text in [
            "uncertainty",
            "interconnections",
            "12\u{202f}345\u{202f}678.9 kWh",
            "not_assessable",
            "IEC 62053-22",
        ] {
            assert_eq!(pieces(text), [text], "{text}");
        }
    }

    #[test]
    fn names_of_meters_break_after_their_marks() {
        assert_eq!(pieces("hall-1/ups-2-output-energy"), ["hall-", "1/ups-", "2-output-", "energy"]);
    }

    #[test]
    fn the_widest_counts_a_chinese_sign_twice_and_breaks_between_them() {
        assert_eq!(widest(["电能使用效率 PUE 12"]), ["PUE", "12", "使"]);
        assert_eq!(longest(vec!["能效".to_owned(), "PUE".to_owned(), "PUE".to_owned()]), ["能效", "PUE"]);
    }
}
