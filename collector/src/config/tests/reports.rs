//! `[reports]`.

use super::*;

#[test]
fn what_reports_are_printed_with_is_taken_as_it_is_written() {
    assert_eq!(good(LEAST).reports, Reports::default());
    let config =
        good(&format!("{LEAST}[reports]\nprinter = \"/opt/wattledger-print\"\nfonts = [\"/f\", \"/g\"]\n"));
    let printer = config.reports.printer.expect("it is named");
    assert_eq!(printer.value, PathBuf::from("/opt/wattledger-print"));
    let fonts: Vec<_> =
        config.reports.fonts.iter().map(|folder| folder.value.display().to_string()).collect();
    assert_eq!(fonts, ["/f", "/g"]);
    says(&after_least("[reports]\nprinte = \"/p\"\n"), &["unknown key `printe`; did you mean `printer`?"]);
    says(&after_least("[reports]\nfonts = \"/f\"\n"), &["`fonts`: needs a list"]);
    says(&after_least("[reports]\nfolder = \"\"\n"), &["`folder`: is empty"]);
}

#[test]
fn a_printer_or_fonts_that_are_not_there_are_told_and_keep_nothing_from_starting() {
    let dir = tempfile::tempdir().expect("a directory");
    let there = dir.path().display();
    let with = |printer: &str, fonts: &str| {
        let config =
            good(&format!("{LEAST}[reports]\nprinter = \"{printer}\"\nfonts = [\"{there}\", \"{fonts}\"]\n"));
        config.check_secrets()
    };
    let problems = with("/nowhere/wattledger-print", "/nowhere/fonts");
    assert!(!problems.has_errors());
    let found: Vec<_> = problems.all().iter().map(|problem| problem.to_string()).collect();
    says(&found, &["there is no program /nowhere/wattledger-print", "there is no directory /nowhere/fonts"]);
    let printer = dir.path().join("print");
    std::fs::write(&printer, "").expect("written");
    assert!(with(&printer.display().to_string(), &there.to_string()).is_empty());
}
