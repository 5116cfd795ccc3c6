//! The nearest of the valid names, for a name that is none of them.

/// The candidate with the fewest edits to `name`, if that is close enough to be what was meant: one edit,
/// or a third of the longer of the two. Of equally near ones, the first.
pub fn nearest<'n>(name: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let name: Vec<char> = name.chars().take(LONGEST).collect();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let letters: Vec<char> = candidate.chars().take(LONGEST).collect();
        let edits = distance(&name, &letters);
        let allowed = (name.len().max(letters.len()) / 3).max(1);
        // One edit turns any single letter into any other: that says nothing.
        let telling = edits < name.len().max(letters.len());
        if edits <= allowed && telling && best.is_none_or(|(fewest, _)| edits < fewest) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Longer names are compared by their beginning, so that a megabyte of key costs nothing.
const LONGEST: usize = 80;

/// Edits from one to the other: letters put in, left out, changed, or two neighbours swapped.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i);
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            let mut edits = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before[j - 2] + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_probably_meant_and_nothing_else() {
        let keys = ["name", "site", "data_dir", "rated_power", "gap_limit"];
        for (typed, meant) in [
            ("nmae", Some("name")),
            ("Site", Some("site")),
            ("datadir", Some("data_dir")),
            ("rated_watts", None),
            ("gap_limt", Some("gap_limit")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, keys), meant, "{typed}");
        }
        assert_eq!(nearest("kw", ["W", "kW", "MW"]), Some("kW"));
        assert_eq!(nearest("a", ["b", "c"]), None);
        assert_eq!(nearest("hall-3", ["hall-1", "hall-2"]), Some("hall-1"), "the first of equals");
    }

    #[test]
    fn counts_edits() {
        let edits =
            |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
        assert_eq!(edits("limt", "limit"), 1);
        assert_eq!(edits("ab", "ba"), 1);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
