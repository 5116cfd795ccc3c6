//! The folder can be mounted as it is.

use crate::made::dashboard::ALL;
use crate::read::{dashboards, folder, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_dashboard_can_be_mounted_as_it_is() {
    let mut uids = BTreeSet::new();
    let readme = read("README.md");
    for (file, dashboard) in dashboards() {
        let object = dashboard.as_object().expect("a dashboard is an object");
        for exported in ["__inputs", "__requires", "__elements", "id"] {
            assert!(
                !object.contains_key(exported),
                "{file}: `{exported}` keeps Grafana from loading the file"
            );
        }
        assert!(uids.insert(text(&dashboard, "uid").to_owned()), "{file}: uid occurs twice");
        assert_eq!(dashboard["editable"], Value::Bool(true), "{file}: people may copy it");
        assert!(
            !text(&dashboard, "refresh").is_empty() && !text(&dashboard["time"], "from").is_empty(),
            "{file}"
        );
        let named = ALL.iter().find(|named| named.file == file);
        let named = named.unwrap_or_else(|| panic!("{file} is described nowhere"));
        assert_eq!(named.uid, text(&dashboard, "uid"), "{file}: uid");
        assert!(readme.contains(&file), "README.md does not mention {file}");
    }
    assert_eq!(uids.len(), ALL.len());
}

#[test]
fn provisioning_covers_each_database_and_the_folder_of_the_readme() {
    let readme = read("README.md");
    for name in ["influxdb-1.yml", "influxdb-2.yml", "influxdb-3.yml"] {
        let source = read(&format!("provisioning/datasources/{name}"));
        assert!(readme.contains(name), "README.md does not mention {name}");
        assert!(
            source.contains("type: influxdb") && source.contains("dbName: ${WATTLEDGER_INFLUX_DATABASE}")
        );
        assert!(
            !source.contains("version: Flux") && !source.contains("version: SQL"),
            "{name}: not InfluxQL"
        );
        for word in source.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(word.starts_with("WATTLEDGER_INFLUX_"), "{name}: {word}");
            assert!(readme.contains(word), "README.md does not mention {word}");
        }
    }
    let provider = read("provisioning/dashboards/wattledger.yml");
    let path = provider.split("path: ").nth(1).and_then(|rest| rest.lines().next()).expect("a path");
    assert!(
        readme.contains(&format!("dashboards/grafana:{path}:ro")),
        "README.md mounts another folder than {path}"
    );
    assert!(provider.contains("folder: Wattledger"));
}
