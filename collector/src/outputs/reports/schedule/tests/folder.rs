//! Files are whole, and stay in their folder.

use super::super::folder::{FolderError, is_name, media_type, names, put, remove, take, tidy};
use super::super::record::KeptFile;

#[test]
fn a_file_is_given_back_as_it_was_written_and_not_as_somebody_changed_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = dir.path().join("made/when/needed");
    let kept = put(&folder, "monthly_2026-10.txt", b"what was made").expect("written");
    assert_eq!(kept.sha256, "def28bcbd6b0bd3f2c29279d9aaa6b3ae9485bf3ef8e2eb2a22f43d5b3a84b90");
    assert_eq!(take(&folder, &kept).expect("read"), b"what was made");
    std::fs::write(folder.join(&kept.name), b"what was mode").expect("changed");
    assert!(matches!(take(&folder, &kept), Err(FolderError::Changed(_))));
    std::fs::write(folder.join(&kept.name), b"longer than what was made").expect("changed");
    assert!(matches!(take(&folder, &kept), Err(FolderError::Changed(_))));
    std::fs::remove_file(folder.join(&kept.name)).expect("removed");
    assert!(matches!(take(&folder, &kept), Err(FolderError::Io { what: "read", .. })));
}

#[test]
fn a_later_file_takes_the_place_of_an_earlier_one_of_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    put(dir.path(), "a.json", b"{}").expect("written");
    let kept = put(dir.path(), "a.json", b"[]").expect("written");
    assert_eq!(take(dir.path(), &kept).expect("read"), b"[]");
    assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in
        ["", ".", "..", "../a.txt", "a/b.txt", "a\\b.txt", ".hidden", "a b.txt", "ä.txt", "a\0.txt", "c:a"]
    {
        assert!(!is_name(name), "{name:?}");
        assert!(matches!(put(dir.path(), name, b""), Err(FolderError::Name(_))), "{name:?}");
        let kept = KeptFile { name: name.to_owned(), bytes: 0, sha256: String::new() };
        assert!(matches!(take(dir.path(), &kept), Err(FolderError::Name(_))), "{name:?}");
    }
    assert!(is_name("hall-1-monthly_2026-10.zh.pdf") && !is_name(&"a".repeat(201)));
}

#[test]
fn what_a_kill_left_half_written_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in [".a.txt.wattledger-part", "a.txt", ".keep", "a.wattledger-part"] {
        std::fs::write(dir.path().join(name), b"x").expect("written");
    }
    assert_eq!(tidy(dir.path()).expect("tidied"), 1);
    assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 3);
    assert_eq!(tidy(&dir.path().join("not there")).expect("nothing to tidy"), 0);
}

#[test]
fn every_format_has_its_media_type() {
    assert_eq!(media_type("a_2026-10.en.pdf"), "application/pdf");
    assert_eq!(media_type("a_2026-10.zh.html"), "text/html; charset=utf-8");
    assert_eq!(media_type("a_2026-10.txt"), "text/plain; charset=utf-8");
    assert_eq!(media_type("a"), "application/octet-stream");
}

#[test]
fn what_is_removed_is_gone_and_what_is_not_there_is_no_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(names(&dir.path().join("not there")).expect("none"), Vec::<String>::new());
    put(dir.path(), "a.json", b"{}").expect("written");
    assert_eq!(names(dir.path()).expect("listed"), ["a.json"]);
    for _ in 0..2 {
        remove(dir.path(), "a.json").expect("it is not there");
    }
    assert_eq!(names(dir.path()).expect("listed"), Vec::<String>::new());
    assert!(matches!(remove(dir.path(), "../a.json"), Err(FolderError::Name(_))));
}
