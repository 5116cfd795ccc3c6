//! The list of alerts of the year: what befell the hall, in the order of cause and effect, and nothing else.

use crate::hall::Hall;
use crate::world::{FAILS, HEAT, MENDED, SILENT, at};
use std::fs;
use std::path::Path;
use std::process::Command;

const HOUR_MS: i64 = 3_600_000;

/// What is typed, where the configuration is at hand.
const ASKED: &str = "wattledger alerts test --all --config collector.toml --from 2025-01-01 --to 2026-01-01";

/// What the program prints for it.
fn printed(hall: &Hall) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger"));
    let folder = hall.file.parent().expect("the configuration is in a folder");
    let output = command.args(ASKED.split(' ').skip(1)).current_dir(folder).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// One paragraph of what is printed.
#[derive(Debug)]
struct Turned<'p> {
    at: i64,
    /// Turn, subject and rule.
    what: String,
    /// What is said below.
    below: Vec<&'p str>,
}

impl Turned<'_> {
    /// `2025-06-17T09:19:00Z  raised   hall-1  pue, warning, lasts 4 d 15 h`, and what is said below.
    fn of(paragraph: &str) -> Option<Turned<'_>> {
        let mut lines = paragraph.lines();
        let words = lines.next()?.split("  ").map(str::trim).filter(|word| !word.is_empty());
        let [when, turn, subject, rule] = words.collect::<Vec<_>>()[..] else { return None };
        let rule = rule.split(',').next()?;
        let below = lines.map(str::trim).collect();
        Some(Turned { at: at(when), what: format!("{turn} {subject}, {rule}"), below })
    }

    /// What stands after a word below.
    fn said(&self, word: &str) -> Vec<&str> {
        self.below.iter().filter_map(|line| line.strip_prefix(word)).map(str::trim).collect()
    }
}

/// What befell the hall and what follows from it, in the order of time: not before the instant, and within so many hours.
fn due() -> Vec<(&'static str, i64, i64)> {
    let due = |what, from: &str, hours: i64| (what, at(from), hours);
    vec![
        // A quarter of an hour beyond the limit, by an hour of which the first minutes are as before.
        due("raised hall-1, pue", FAILS, 2),
        // It costs more of the year than was left; two days in a row must say so.
        due("raised hall-1 target D130, year", FAILS, 6 * 24),
        // The night after it was mended.
        due("cleared hall-1, pue", MENDED, 12),
        // The first afternoon that is hot, and the night after the thunderstorm.
        due("raised hall-1, pue", HEAT[0], 36),
        due("cleared hall-1, pue", HEAT[1], 18),
        // Older than three intervals; and two fresh readings.
        due("raised hall-1 meter ups-2, silent", SILENT[0], 1),
        due("cleared hall-1 meter ups-2, silent", SILENT[1], 1),
        // What is left of the year cannot make up for it, in days as good as the best.
        due("raised hall-1 target D130, year-lost", "2025-12-15T00:00:00+01:00", 16 * 24),
    ]
}

#[test]
fn the_list_is_what_befell_the_hall_in_the_order_of_cause_and_effect() {
    let hall = Hall::shared();
    let printed = printed(&hall);
    let turns: Vec<Turned<'_>> = printed.split("\n\n").filter_map(Turned::of).collect();
    let due = due();
    for (turn, (what, from, hours)) in turns.iter().zip(&due) {
        assert_eq!(turn.what, *what, "{printed}");
        assert!((0..=hours * HOUR_MS).contains(&(turn.at - from)), "{turn:?}\n{printed}");
    }
    assert_eq!(turns.len(), due.len(), "{printed}");
    let [chiller, heat] = [0, 3].map(|at| turns[at].said("changed:"));
    assert!(
        chiller[0].starts_with("cooling adds +0.0") && chiller[0].contains("(chiller-1 +"),
        "{chiller:?}"
    );
    assert!(heat[0].starts_with("cooling adds +0.0") && heat[0].contains("chiller-2 +"), "{heat:?}");
    let silent = turns[5].said("explains, and keeps quiet:");
    assert_eq!(silent, ["coverage hall-1"], "what it stands for, and nothing is raised beside it");
    assert!(!printed.contains("Could not be judged"), "{printed}");
    the_readme_shows(&printed);
}

/// README's example is what the program prints.
fn the_readme_shows(printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).expect("README.md");
    let shown = readme.split_once(&format!("$ {ASKED}\n")).and_then(|(_, after)| after.split_once("```"));
    let shown = shown.map(|(shown, _)| shown).unwrap_or_default();
    assert!(shown == printed, "README.md shows something else. Put this below `$ {ASKED}`:\n{printed}");
}
