//! Names of sheets: a heading, as far as a workbook takes it for one.

use std::collections::BTreeSet;

/// Letters that a name may have.
const LONGEST: usize = 31;

/// The names of one workbook's sheets, no two alike.
#[derive(Debug, Default)]
pub(super) struct SheetNames {
    taken: BTreeSet<String>,
}

impl SheetNames {
    /// A name for a sheet under this heading.
    pub(super) fn name(&mut self, heading: &str) -> String {
        let legal = legal(heading);
        let mut name = cut(&legal, LONGEST);
        let mut number = 1;
        // Sheets are told apart without regard to capitals.
        while !self.taken.insert(name.to_lowercase()) {
            number += 1;
            let ending = format!(" {number}");
            name = format!("{}{ending}", cut(&legal, LONGEST - ending.len()));
        }
        name
    }
}

/// Without what no name may have: `[]:*?/\`, control characters, and apostrophes at its ends.
fn legal(heading: &str) -> String {
    let replaced: String = heading
        .chars()
        .map(|letter| match letter {
            '[' => '(',
            ']' => ')',
            ':' | '*' | '?' | '/' | '\\' => '-',
            control if control.is_control() => ' ',
            other => other,
        })
        .collect();
    let trimmed = replaced.trim_matches(|letter: char| letter == '\'' || letter.is_whitespace());
    // Excel keeps the name History for itself.
    match trimmed {
        "" => "-".to_owned(),
        kept if kept.eq_ignore_ascii_case("history") => format!("{kept}."),
        kept => kept.to_owned(),
    }
}

/// The beginning of so many letters, as Excel counts them: in units of UTF-16.
fn cut(text: &str, most: usize) -> String {
    let mut kept = String::new();
    let mut length = 0;
    for letter in text.chars() {
        length += letter.len_utf16();
        if length > most {
            break;
        }
        kept.push(letter);
    }
    kept.trim_end_matches(|letter: char| letter == '\'' || letter.is_whitespace()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_becomes_a_name_that_a_workbook_takes() {
        let mut names = SheetNames::default();
        assert_eq!(names.name("Energy: E_DC/E_IT [kWh]?"), "Energy- E_DC-E_IT (kWh)-");
        assert_eq!(names.name("'Hall 1'"), "Hall 1");
        assert_eq!(names.name(""), "-");
        assert_eq!(names.name("History"), "History.");
        assert_eq!(names.name("各月电能使用效率"), "各月电能使用效率");
    }

    #[test]
    fn no_two_names_are_alike_and_none_is_too_long() {
        let mut names = SheetNames::default();
        let long = "Meters of the boundary by role and instrument";
        assert_eq!(names.name(long), "Meters of the boundary by role");
        assert_eq!(names.name(&long.to_uppercase()), "METERS OF THE BOUNDARY BY ROL 2");
        for _ in 0..20 {
            let name = names.name(&"𠀀".repeat(40));
            assert!(name.encode_utf16().count() <= LONGEST, "{name}");
        }
    }
}
