//! The program as the collector runs it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Where Debian keeps WenQuanYi Micro Hei; `WATTLEDGER_FONTS` names another place.
const FONTS: &str = "/usr/share/fonts/truetype/wqy";

const DOCUMENT: &str = r#"{"document":{"document":"wattledger/document/v1","lang":"zh","title":"一号机房",
    "subtitle":"能效报告","mark":null,"banners":[],"sections":[{"name":"summary","title":"摘要","blocks":
    [{"block":"facts","facts":[{"name":"PUE","is":{"cell":"number","value":1.0357,"shown":"1.036"}}]}]}],
    "foot":"hall-1","made_at":"2026-11-01T00:15:00Z"},"attachments":[]}"#;

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wattledger-print"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let written = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    // A program that has said what is wrong before it read all is right to close the pipe.
    assert!(written.is_ok() || !output.status.success());
    output
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are text")
}

#[test]
fn a_document_on_standard_input_is_a_pdf_on_standard_output() {
    let fonts = std::env::var("WATTLEDGER_FONTS").unwrap_or_else(|_| FONTS.to_owned());
    if !std::path::Path::new(&fonts).is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "apt-get install fonts-wqy-microhei");
        eprintln!("!!!! SKIPPED: {fonts} is not there: apt-get install fonts-wqy-microhei");
        return;
    }
    let output = run(&["--fonts", &fonts], DOCUMENT);
    assert!(output.status.success(), "{}", told(&output));
    assert!(output.stdout.starts_with(b"%PDF-") && output.stderr.is_empty(), "{}", told(&output));
}

#[test]
fn what_cannot_be_printed_is_said_on_standard_error_with_exit_code_one() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    for (arguments, input, said) in [
        (vec![], "no JSON", "not JSON"),
        (vec![], "{}", "wattledger/document/v1"),
        (vec!["--fonts", "/nowhere/fonts"], DOCUMENT, "`/nowhere/fonts`"),
        (vec!["--fonts", sources], DOCUMENT, "fonts-wqy-microhei"),
    ] {
        let output = run(&arguments, input);
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        assert!(output.stdout.is_empty());
        let told = told(&output);
        assert!(told.starts_with("wattledger-print: ") && told.contains(said), "{told}");
    }
}

#[test]
fn it_says_its_version_and_what_it_does() {
    let version = run(&["--version"], "");
    assert_eq!(
        String::from_utf8_lossy(&version.stdout).trim_end(),
        concat!("wattledger-print ", env!("CARGO_PKG_VERSION"))
    );
    let help = run(&["--help"], "");
    let help = String::from_utf8_lossy(&help.stdout);
    assert!(help.contains("--fonts <DIR>") && help.contains("Exit codes"), "{help}");
    assert_eq!(run(&["--paper", "a3"], "").status.code(), Some(2));
}
