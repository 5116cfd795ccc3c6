//! A strict reader of Prometheus' text format 0.0.4: it takes nothing that the format does not have.

use std::collections::{BTreeMap, BTreeSet};

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// Type of each family.
    pub(crate) kinds: BTreeMap<String, String>,
    /// Value of each sample, by name and sorted labels.
    pub(crate) samples: BTreeMap<(String, Labels), f64>,
}

/// Names and values.
pub(crate) type Labels = BTreeMap<String, String>;

impl Exposition {
    /// Reads a text; the error says which line is wrong and why.
    pub(crate) fn read(text: &str) -> Result<Exposition, String> {
        let mut read = Exposition::default();
        let (mut helped, mut family, mut done) = (None, None, BTreeSet::new());
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line does not end".to_owned());
        }
        for line in text.lines() {
            let wrong = |why: &str| format!("{why}: {line}");
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').ok_or_else(|| wrong("no help text"))?;
                if !is_name(name) || words.trim().is_empty() {
                    return Err(wrong("no name or no help text"));
                }
                unescaped(words, false).ok_or_else(|| wrong("an escape that is none"))?;
                if helped.replace(name.to_owned()).is_some() {
                    return Err(wrong("help without type before"));
                }
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').ok_or_else(|| wrong("no type"))?;
                if helped.take().as_deref() != Some(name) {
                    return Err(wrong("a type without its help"));
                }
                if !["gauge", "counter", "summary", "histogram", "untyped"].contains(&kind) {
                    return Err(wrong("no such type"));
                }
                if !done.insert(name.to_owned()) {
                    return Err(wrong("the family stands twice"));
                }
                family = Some(name.to_owned());
                read.kinds.insert(name.to_owned(), kind.to_owned());
            } else {
                let (name, labels, value) = sample(line).ok_or_else(|| wrong("no sample"))?;
                let of = family.as_deref().ok_or_else(|| wrong("a sample without its family"))?;
                let suffix = name.strip_prefix(of).ok_or_else(|| wrong("a sample of another family"))?;
                let allowed: &[&str] = if read.kinds[of] == "summary" { &["_sum", "_count"] } else { &[""] };
                if !allowed.contains(&suffix) {
                    return Err(wrong("a sample of another family"));
                }
                if read.samples.insert((name, labels), value).is_some() {
                    return Err(wrong("the sample stands twice"));
                }
            }
        }
        let bare = read.kinds.keys().find(|family| {
            !read.samples.keys().any(|(name, _)| name.strip_prefix(family.as_str()).is_some())
        });
        match bare {
            Some(family) => Err(format!("{family} has no sample")),
            None => Ok(read),
        }
    }

    /// The value of a sample.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }
}

/// `name{label="value",...} number`, without a time.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"")?;
            let end = quoted_end(after)?;
            let value = unescaped(&after[..end], true)?;
            if !is_name(label) || label.contains(':') || label.starts_with("__") || label == "le" {
                return None;
            }
            if labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}')?;
    }
    let number = rest.strip_prefix(' ')?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte));
    let value: f64 = number.parse().ok()?;
    (is_name(name) && is_plain && value.is_finite()).then(|| (name.to_owned(), labels, value))
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    bytes.next().is_some_and(first) && bytes.all(|byte| first(byte) || byte.is_ascii_digit())
}

/// Where the quotation ends.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// What an escaped text stands for; `None` where an escape is none.
fn unescaped(text: &str, is_label: bool) -> Option<String> {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                '"' if is_label => '"',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[test]
fn what_the_format_does_not_have_is_refused() {
    let family = "# HELP a_b Words.\n# TYPE a_b gauge\n";
    let read = |text: &str| Exposition::read(&format!("{family}{text}")).map(|read| read.samples.len());
    assert_eq!(read("a_b{x=\"1\",y=\"\\\\\\\"\\n\"} 1.5\na_b 2\n"), Ok(2));
    for wrong in [
        "",
        "a_b 1",
        "a_b NaN\n",
        "a_b +Inf\n",
        "a_b 1\na_b 1\n",
        "a_b{x=\"1\",y=\"2\"} 1\na_b{y=\"2\",x=\"1\"} 1\n",
        "a_b{x=\"1\",x=\"2\"} 1\n",
        "a_b{1=\"1\"} 1\n",
        "a_b{x=\"\\t\"} 1\n",
        "a_b{x=\"1\"}1\n",
        "a_c 1\n",
        "a_b_sum 1\n",
        "a_b 1\n# HELP a_b Words.\n# TYPE a_b gauge\na_b{x=\"1\"} 1\n",
        "a_b 1\n# TYPE a_c gauge\na_c 1\n",
        "a_b 1\n\n",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
