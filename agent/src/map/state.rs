//! States: words and what they count as.

use super::Wrong;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::Cause;

/// The words a device uses for its states, each with the number it is kept as. A mean over time is then
/// the share of time in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct States(Vec<(String, Decimal)>);

impl States {
    /// States by their words; a later one of the same word is not looked at.
    pub fn new(words: Vec<(String, Decimal)>) -> States {
        States(words)
    }

    /// The number of a word; letters of another case are the same word where no other is nearer.
    pub(crate) fn number(&self, word: &str) -> Result<Decimal, Wrong> {
        let word = word.trim();
        let exactly = self.0.iter().find(|(known, _)| known == word);
        let nearly = || self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        exactly.or_else(nearly).map(|(_, number)| *number).ok_or_else(|| {
            let known: Vec<&str> = self.0.iter().map(|(known, _)| known.as_str()).collect();
            Wrong::new(Cause::Payload, format!("`{word}` is none of the states {}", known.join(", ")))
        })
    }
}
