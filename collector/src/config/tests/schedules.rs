//! Reports that are made by themselves, and what is wrong with them.

use super::*;
use crate::admin::ReportFormat;
use crate::outputs::reports::document::Lang;

const MAIL: &str = "[[channel.mail]]\nname = \"post\"\nhost = \"mail.example.org\"\nfrom = \"w@example.org\"\n\
                    to = [\"ops@example.org\"]\n";
const MONTHLY: &str =
    "[[report]]\nname = \"monthly\"\nfacility = \"f\"\nevery = \"month\"\nformats = [\"text\", \"json\"]\n";

#[test]
fn a_schedule_has_the_documented_defaults() {
    let config = good(&format!("{LEAST}{MONTHLY}"));
    assert_eq!(config.reports.folder, None);
    let report = &config.scheduled[0];
    assert_eq!(report.about.to_string(), "facility f");
    assert_eq!((report.every, report.after), (Every::Month, Duration::from_secs(2 * 86_400)));
    assert_eq!(report.formats, [ReportFormat::Text, ReportFormat::Json]);
    assert_eq!((report.langs.as_slice(), report.issue, &report.mail), (&[Lang::En][..], false, &None));
}

#[test]
fn everything_that_can_be_said_of_a_schedule_is_read() {
    let more = "lang = [\"zh\", \"en\"]\nform = \"monthly-pue\"\nissue = true\nafter = \"5d\"\n\
                to = [\"Audit <audit@example.org>\"]\n";
    let all = MONTHLY.replace("facility = \"f\"", "portfolio = \"all\"").replace("month\"\n", "year\"\n");
    let config = good(&format!("{LEAST}[reports]\nfolder = \"/srv/reports\"\n{MAIL}{all}{more}"));
    assert_eq!(config.reports.folder.as_deref(), Some(std::path::Path::new("/srv/reports")));
    let report = &config.scheduled[0];
    assert_eq!((report.about.to_string().as_str(), report.every), ("portfolio all", Every::Year));
    assert_eq!((report.langs.as_slice(), report.issue), (&[Lang::Zh, Lang::En][..], true));
    assert_eq!(report.form.as_deref(), Some("monthly-pue"));
    let mail = report.mail.as_ref().expect("mail");
    assert_eq!(
        (mail.channel.as_str(), mail.to[0].email.to_string()),
        ("post", "audit@example.org".to_owned())
    );
}

#[test]
fn without_recipients_of_its_own_a_report_goes_to_those_of_its_channel() {
    let second = MAIL.replace("\"post\"", "\"board\"").replace("ops@", "board@");
    let config = good(&format!("{LEAST}{MAIL}{second}{MONTHLY}channel = \"board\"\n"));
    let mail = config.scheduled[0].mail.as_ref().expect("mail");
    assert_eq!(
        (mail.channel.as_str(), mail.to[0].email.to_string()),
        ("board", "board@example.org".to_owned())
    );
}

#[test]
fn what_cannot_be_made_or_sent_is_said_with_its_mend() {
    let second = MAIL.replace("\"post\"", "\"board\"");
    let monthly = |from: &str, to: &str| MONTHLY.replace(from, to);
    for (text, why) in [
        (monthly("facility = \"f\"", "facility = \"g\""), "there is no facility `g`"),
        (monthly("facility = \"f\"\n", ""), "`facility` is missing, or `portfolio`"),
        (monthly("facility = \"f\"", "facility = \"f\"\nportfolio = \"all\""), "not about both"),
        (
            monthly("facility = \"f\"", "portfolio = \"al\""),
            "there is no portfolio `al`; did you mean `all`?",
        ),
        (monthly("\"month\"", "\"week\""), "`every`"),
        (monthly("\"json\"", "\"docx\""), "`docx` is not a report format"),
        (monthly("\"json\"", "\"text\""), "`formats` names it twice"),
        (monthly("\"text\", \"json\"", ""), "`formats` names none"),
        (monthly("formats = [\"text\", \"json\"]\n", ""), "`formats` is missing"),
        (format!("{MONTHLY}lang = [\"de\"]\n"), "`de` is not a language of reports"),
        (format!("{MONTHLY}after = \"29d\"\n"), "longer than 28 days"),
        (format!("{MONTHLY}to = [\"a@b.example\"]\n"), "`to` needs a [[channel.mail]]"),
        (format!("{MAIL}{MONTHLY}to = []\n"), "`to` names nobody"),
        (format!("{MAIL}{MONTHLY}to = [\"a@b.example\", \"A <a@b.example>\"]\n"), "names a@b.example twice"),
        (format!("{MAIL}{second}{MONTHLY}to = [\"a@b.example\"]\n"), "name one as `channel`"),
        (
            format!("{MAIL}{MONTHLY}channel = \"pots\"\n"),
            "there is no channel.mail `pots`; did you mean `post`?",
        ),
        (format!("{MONTHLY}{MONTHLY}"), "report `monthly` is declared already"),
    ] {
        says(&after_least(&text), &[why]);
    }
}
