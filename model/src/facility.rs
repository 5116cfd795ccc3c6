//! What a facility says of itself that decides which targets apply to it. Source: domain.md 1.

use crate::decimal::Decimal;
use chrono::NaiveDate;
use std::fmt;
use std::str::FromStr;

/// The climate that a facility is built for. Source: domain.md 1 (T15, D125).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Climate {
    /// Severe cold (严寒).
    SevereCold,
    /// Cold (寒冷).
    Cold,
    /// Hot summer, cold winter (夏热冬冷).
    HotSummerColdWinter,
    /// Hot summer, warm winter (夏热冬暖).
    HotSummerWarmWinter,
    /// Mild (温和).
    Mild,
}

impl Climate {
    /// Every climate with its word in configuration and reports.
    pub const WORDS: [(&'static str, Climate); 5] = [
        ("severe-cold", Climate::SevereCold),
        ("cold", Climate::Cold),
        ("hot-summer-cold-winter", Climate::HotSummerColdWinter),
        ("hot-summer-warm-winter", Climate::HotSummerWarmWinter),
        ("mild", Climate::Mild),
    ];

    /// The word used in configuration and reports.
    pub fn word(self) -> &'static str {
        word_of(&Climate::WORDS, self)
    }
}

/// Which of the documents' classes a facility is in. They do not define "new": the deciding date stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// New.
    New,
    /// Extended.
    Extended,
    /// Existing.
    Existing,
    /// Retrofitted.
    Retrofitted,
}

impl Stage {
    /// Every stage with its word in configuration and reports.
    pub const WORDS: [(&'static str, Stage); 4] = [
        ("new", Stage::New),
        ("extended", Stage::Extended),
        ("existing", Stage::Existing),
        ("retrofitted", Stage::Retrofitted),
    ];

    /// The word used in configuration and reports.
    pub fn word(self) -> &'static str {
        word_of(&Stage::WORDS, self)
    }
}

/// How large a facility is. Source: domain.md 1; the thresholds are to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scale {
    /// Below 3 000 standard racks.
    Smaller,
    /// 3 000 to 9 999.
    Large,
    /// 10 000 and more.
    Hyperscale,
}

impl Scale {
    /// Every scale with its word in tables of targets.
    pub const WORDS: [(&'static str, Scale); 3] =
        [("smaller", Scale::Smaller), ("large", Scale::Large), ("hyperscale", Scale::Hyperscale)];

    /// The scale of so many standard racks of 2.5 kW.
    pub fn of(standard_racks: u32) -> Scale {
        match standard_racks {
            0..3_000 => Scale::Smaller,
            3_000..10_000 => Scale::Large,
            _ => Scale::Hyperscale,
        }
    }

    /// The word used in tables of targets.
    pub fn word(self) -> &'static str {
        word_of(&Scale::WORDS, self)
    }
}

fn word_of<T: Copy + PartialEq>(words: &[(&'static str, T)], of: T) -> &'static str {
    words.iter().find(|(_, one)| *one == of).map_or("", |(word, _)| word)
}

/// A country by its two letters. Source: ISO 3166-1 alpha-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Country, String> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Country([*a, *b])),
            _ => Err(format!("`{text}` is no country: write its two letters, such as CN or DE")),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

/// What decides which targets apply. Source: domain.md 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// The country it is in.
    pub country: Option<Country>,
    /// Whether it is in a national hub node.
    pub hub_node: bool,
    /// Whether it is in the region that China's documents call western.
    pub western: bool,
    /// The climate it is built for.
    pub climate: Option<Climate>,
    /// When it came into service: what decides whether a document's "new" means it.
    pub in_service: Option<NaiveDate>,
    /// New, extended, existing or retrofitted.
    pub stage: Option<Stage>,
    /// Whether it is an edge data centre.
    pub edge: bool,
    /// Whether it is a cloud data centre.
    pub cloud: bool,
    /// The PUE that it was designed for.
    pub design_pue: Option<Decimal>,
    /// Its green low-carbon grade, 1 to 5 (A to 5A).
    pub green_grade: Option<u8>,
    /// Its level by GB/T 44989-2024, 1 the best.
    pub gbt_44989_level: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_begin_at_their_thresholds() {
        let scales = [0, 2_999, 3_000, 9_999, 10_000].map(|racks| Scale::of(racks).word());
        assert_eq!(scales, ["smaller", "smaller", "large", "large", "hyperscale"]);
    }

    #[test]
    fn countries_are_two_capital_letters() {
        assert_eq!("DE".parse::<Country>().expect("a country").to_string(), "DE");
        for text in ["de", "DEU", "", "D1"] {
            let why = text.parse::<Country>().expect_err("none");
            assert_eq!(why, format!("`{text}` is no country: write its two letters, such as CN or DE"));
        }
    }
}
