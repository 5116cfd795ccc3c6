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
    let more = "lang = [\"zh\", \"en\"]\nafter = \"5d\"\nto = [\"Audit <audit@example.org>\"]\n";
    let all = MONTHLY
        .replace("facility = \"f\"", "portfolio = \"all\"")
        .replace("month\"\n", "year\"\n")
        .replace("\"text\"", "\"html\"");
    let issued = MONTHLY.replace("monthly", "frozen");
    let form = MONTHLY.replace("monthly", "sheet").replace("\"text\", \"json\"", "\"html\", \"pdf\"");
    let config = good(&format!(
        "{LEAST}[reports]\nfolder = \"/srv/reports\"\n{MAIL}{all}{more}{issued}issue = true\n\
         {form}form = \"monthly-pue\"\n"
    ));
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert_eq!(config.reports.folder.as_deref(), Some(std::path::Path::new("/srv/reports")));
    let report = &config.scheduled[0];
    assert_eq!((report.about.to_string().as_str(), report.every), ("portfolio all", Every::Year));
    assert_eq!((report.langs.as_slice(), report.issue), (&[Lang::Zh, Lang::En][..], false));
    assert!(config.scheduled[1].issue);
    assert_eq!(config.scheduled[2].form.as_deref(), Some("monthly-pue"));
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

#[test]
fn what_could_never_be_made_is_refused_where_it_stands_with_its_mend() {
    let portfolio = MONTHLY.replace("facility = \"f\"", "portfolio = \"all\"");
    let with = |formats: &str| MONTHLY.replace("\"text\", \"json\"", formats);
    let form = "form = \"monthly-pue\"\n";
    for (text, why) in [
        (format!("{}{form}", with("\"html\", \"text\"")), "a form is not written as text: take it out"),
        (format!("{}{form}", with("\"csv\", \"pdf\"")), "there are html, xlsx and pdf"),
        (format!("{}{form}", with("\"json\"")), "a form is not written as json"),
        (portfolio.clone(), "a portfolio is not written as text: take it out; there are json, html"),
        (portfolio.replace("\"text\"", "\"csv\""), "a portfolio is not written as csv"),
        (
            format!("{}{form}", portfolio.replace("\"text\", \"json\"", "\"pdf\"")),
            "`form`: a form is filled in for one facility: name a `facility`",
        ),
        (
            format!("{}issue = true\n", portfolio.replace("\"text\"", "\"pdf\"")),
            "`issue`: a portfolio is not issued: leave it out",
        ),
        (format!("{}{form}issue = true\n", with("\"pdf\"")), "`issue`: a form is filled in from the ledger"),
        (
            format!("{}form = \"monthly-peu\"\n", with("\"pdf\"")),
            "`form`: there is no form `monthly-peu`; did you mean `monthly-pue`?",
        ),
        (
            format!("{}form = \"cn-register\"\n", with("\"pdf\"")),
            "cn-register is for a calendar year, such as 2025, and no month is that: say `every = \"year\"`",
        ),
    ] {
        says(&after_least(&text), &[why]);
    }
    let problems = CollectorConfig::parse("c.toml", &format!("{LEAST}{}{form}", with("\"html\", \"csv\"")))
        .expect_err("refused");
    let place = problems.all()[0].to_string();
    assert!(place.starts_with("c.toml:28:20: `formats`"), "at the format itself: {place}");
}

#[test]
fn a_yearly_form_is_for_a_yearly_schedule_and_what_is_not_issued_needs_no_issue() {
    let yearly = MONTHLY.replace("\"month\"", "\"year\"").replace("\"text\", \"json\"", "\"pdf\", \"xlsx\"");
    for form in ["cn-register", "eu-2024-1364", "iso-30134-2", "monthly-pue"] {
        let config = good(&format!("{LEAST}{yearly}form = \"{form}\"\nissue = false\n"));
        assert!(config.warnings.is_empty(), "{}", config.warnings);
    }
}

#[test]
fn a_language_for_what_has_no_words_is_told() {
    let told = after_least(&format!("{MONTHLY}lang = [\"en\", \"zh\"]\n"));
    says(&told, &["warning: `lang`: text is in English"]);
    let with_words = MONTHLY.replace("\"text\"", "\"html\"");
    assert_eq!(after_least(&format!("{with_words}lang = [\"zh\"]\n")), Vec::<String>::new());
    assert_eq!(after_least(&format!("{MONTHLY}lang = [\"en\"]\n")), Vec::<String>::new());
}

#[test]
fn forms_of_a_folder_are_looked_at_on_the_collectors_machine() {
    let dir = tempfile::tempdir().expect("a directory");
    let with = |id: &str, every: &str| {
        let folder = dir.path().display();
        let report =
            MONTHLY.replace("\"month\"", &format!("\"{every}\"")).replace("\"text\", \"json\"", "\"html\"");
        let text = format!("{LEAST}[reports]\nforms_dir = \"{folder}\"\n{report}form = \"{id}\"\n");
        good(&text).check_secrets()
    };
    let own = include_str!("../../../../config/forms/cn-register.toml");
    let write = |text: &str| std::fs::write(dir.path().join("ours.toml"), text).expect("written");
    write(&own.replace("id = \"cn-register\"", "id = \"our-register\""));
    assert!(with("our-register", "year").is_empty());
    let told = |problems: Problems| problems.all().iter().map(ToString::to_string).collect::<Vec<_>>();
    let unknown = with("our-registry", "year");
    assert!(unknown.has_errors());
    says(&told(unknown), &["there is no form `our-registry`; did you mean `our-register`?"]);
    let monthly = with("our-register", "month");
    assert!(monthly.has_errors());
    says(&told(monthly), &["our-register is for a calendar year"]);
    // Whoever mends the template need not start the collector again for it.
    write("[form]\nid = 7\n");
    let broken = with("our-register", "year");
    assert!(!broken.has_errors() && !broken.is_empty(), "{broken}");
}
