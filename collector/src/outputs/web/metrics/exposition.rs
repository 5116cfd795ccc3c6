//! The text format of Prometheus, version 0.0.4: for each family `# HELP`, `# TYPE`, then its samples.
//! Source: prometheus.io/docs/instrumenting/exposition_formats.

use std::fmt::Write as _;

/// What `Content-Type` says of this format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number that goes up and down.
    Gauge,
    /// A number that only grows, until it starts over.
    Counter,
    /// A sum and a count.
    Summary,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Summary => "summary",
        }
    }
}

/// The labels of a sample.
pub(super) type Labels<'l> = &'l [(&'static str, &'l str)];

/// The text in the making.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

impl Exposition {
    /// A gauge; its samples follow.
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, Kind::Gauge, help)
    }

    /// A counter; its samples follow.
    pub(super) fn counter(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        debug_assert!(name.ends_with("_total"), "{name}");
        self.family(name, Kind::Counter, help)
    }

    /// A summary; its one sum and count follow.
    pub(super) fn summary(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, Kind::Summary, help)
    }

    fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        Family { text: &mut self.text, name, kind, help, is_begun: false }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The samples of one family. What is not known has none, and a family without samples is left out.
pub(super) struct Family<'t> {
    text: &'t mut String,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    is_begun: bool,
}

impl Family<'_> {
    /// A sample where the value is known and finite.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Into<Option<f64>>) -> &mut Self {
        self.write("", labels, value.into());
        self
    }

    /// A sample of a count.
    pub(super) fn count(&mut self, labels: Labels<'_>, count: u64) -> &mut Self {
        self.sample(labels, count as f64)
    }

    /// A sample that is 1 for true and 0 for false.
    pub(super) fn flag(&mut self, labels: Labels<'_>, value: bool) -> &mut Self {
        self.sample(labels, if value { 1.0 } else { 0.0 })
    }

    /// Sum and count of a summary.
    pub(super) fn sum_and_count(&mut self, labels: Labels<'_>, sum: f64, count: u64) -> &mut Self {
        debug_assert_eq!(self.kind, Kind::Summary, "{}", self.name);
        self.write("_sum", labels, Some(sum));
        self.write("_count", labels, Some(count as f64));
        self
    }

    fn write(&mut self, suffix: &str, labels: Labels<'_>, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        if !std::mem::replace(&mut self.is_begun, true) {
            let (name, kind) = (self.name, self.kind.word());
            self.put(format_args!("# HELP {name} "));
            escape(self.text, self.help, false);
            self.put(format_args!("\n# TYPE {name} {kind}\n"));
        }
        let name = self.name;
        self.put(format_args!("{name}{suffix}"));
        for (at, (name, label)) in labels.iter().enumerate() {
            self.put(format_args!("{}{name}=\"", if at == 0 { '{' } else { ',' }));
            escape(self.text, label, true);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.put(format_args!(" {value}\n"));
    }

    fn put(&mut self, what: std::fmt::Arguments<'_>) {
        self.text.write_fmt(what).expect("memory takes every byte");
    }
}

/// Backslashes and line breaks are escaped everywhere, quotation marks in labels.
fn escape(text: &mut String, from: &str, is_label: bool) {
    for c in from.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if is_label => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_as_the_format_has_it() {
        let mut text = Exposition::default();
        text.gauge("wl_level_ratio", "A \\ level\nof \"it\".")
            .sample(&[("site", "a\\b\n\"c\""), ("window", "1h")], 1.25)
            .sample(&[], -0.5);
        text.gauge("wl_unknown", "Nothing.")
            .sample(&[], None)
            .sample(&[], f64::NAN)
            .sample(&[], f64::INFINITY);
        text.counter("wl_things_total", "Things.").count(&[("kind", "é")], 7);
        text.summary("wl_took_seconds", "Time.").sum_and_count(&[], 0.125, 2);
        text.gauge("wl_up", "Up.").flag(&[], true);
        assert_eq!(
            text.finish(),
            "# HELP wl_level_ratio A \\\\ level\\nof \"it\".\n\
             # TYPE wl_level_ratio gauge\n\
             wl_level_ratio{site=\"a\\\\b\\n\\\"c\\\"\",window=\"1h\"} 1.25\n\
             wl_level_ratio -0.5\n\
             # HELP wl_things_total Things.\n\
             # TYPE wl_things_total counter\n\
             wl_things_total{kind=\"é\"} 7\n\
             # HELP wl_took_seconds Time.\n\
             # TYPE wl_took_seconds summary\n\
             wl_took_seconds_sum 0.125\n\
             wl_took_seconds_count 2\n\
             # HELP wl_up Up.\n\
             # TYPE wl_up gauge\n\
             wl_up 1\n"
        );
    }
}
