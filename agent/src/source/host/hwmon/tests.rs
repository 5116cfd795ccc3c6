use super::*;
use crate::source::host::sysfs::made::Tree;

fn put_chip(tree: &Tree, number: u32, name: &str, device: Option<&str>, files: &[(&str, &str)]) {
    let folder = format!("sys/class/hwmon/hwmon{number}");
    tree.put(&format!("{folder}/name"), format!("{name}\n"));
    if let Some(device) = device {
        tree.link(&format!("{folder}/device"), &format!("sys/devices/{device}"));
    }
    for (file, says) in files {
        tree.put(&format!("{folder}/{file}"), says);
    }
}

/// A processor, two drives and a power meter, as a server has them.
fn server(first: u32) -> Tree {
    let tree = Tree::new();
    let processor = [("temp1_input", "52250\n"), ("temp1_label", "Tctl\n"), ("temp3_input", "-1000\n")];
    put_chip(&tree, first, "k10temp", Some("pci0000:00/0000:00:18.3"), &processor);
    let drive = [("temp1_input", "38850\n"), ("temp1_label", "Composite\n"), ("temp1_max", "84850\n")];
    put_chip(&tree, (first + 1) % 4, "nvme", Some("nvme0"), &drive);
    put_chip(&tree, (first + 2) % 4, "nvme", Some("nvme1"), &drive);
    let meter = [
        ("power1_average", "183000000\n"),
        ("power1_average_interval", "1000\n"),
        ("power1_input", "1\n"),
        ("power2_input", "4500000\n"),
        ("power2_label", "Fan tray\n"),
    ];
    put_chip(&tree, (first + 3) % 4, "power_meter", Some("LNXSYSTM:00/ACPI000D:00"), &meter);
    tree
}

fn shown(look: &Look) -> Vec<String> {
    look.sensed.iter().map(|sensed| format!("{} {} {}", sensed.zone, sensed.value, sensed.unit)).collect()
}

#[test]
fn sensors_are_named_by_their_device_whatever_the_kernel_numbers_them() {
    let expected = [
        "k10temp-0000-00-18-3-tctl 52.250 Cel",
        "k10temp-0000-00-18-3-temp3 -1.000 Cel",
        "nvme0-composite 38.850 Cel",
        "nvme1-composite 38.850 Cel",
        "power-meter-acpi000d-00-power1 183000000 uW",
        "power-meter-acpi000d-00-fan-tray 4500000 uW",
    ];
    for first in 0..4 {
        let look = Hwmon::new(server(first).roots(), Vec::new()).look();
        assert_eq!(shown(&look), expected);
        assert!(look.troubles.is_empty() && look.garbled.is_empty(), "{look:?}");
    }
    let look = Hwmon::new(server(0).roots(), vec!["nvme".to_owned()]).look();
    assert_eq!(look.sensed.len(), 2, "only the chips that are asked for");
}

#[test]
fn two_sensors_never_share_a_name() {
    let tree = Tree::new();
    let files = [
        ("temp1_input", "1000"),
        ("temp1_label", "SoC"),
        ("temp2_input", "2000"),
        ("temp2_label", "soc"),
        ("power1_input", "3"),
        ("power1_label", "SOC "),
    ];
    put_chip(&tree, 0, "amdgpu", None, &files);
    put_chip(&tree, 1, "amdgpu", None, &[("temp1_input", "4000"), ("temp1_label", "SoC")]);
    let look = Hwmon::new(tree.roots(), Vec::new()).look();
    let zones: BTreeSet<&str> = look.sensed.iter().map(|sensed| sensed.zone.as_str()).collect();
    assert_eq!((look.sensed.len(), zones.len()), (4, 4), "{zones:?}");
}

#[test]
fn what_cannot_be_read_harms_only_itself() {
    let tree = server(0);
    let mut hwmon = Hwmon::new(tree.roots(), Vec::new());
    assert_eq!(hwmon.look().sensed.len(), 6);
    tree.put("sys/class/hwmon/hwmon0/temp1_input", "hot\n");
    std::fs::remove_file(tree.path("sys/class/hwmon/hwmon1/temp1_input")).expect("there");
    std::fs::create_dir(tree.path("sys/class/hwmon/hwmon1/temp1_input")).expect("a folder is no file");
    let look = hwmon.look();
    assert_eq!((look.sensed.len(), look.garbled.len(), look.troubles.len()), (4, 1, 1));
    assert_eq!(look.garbled[0].zone, "k10temp-0000-00-18-3-tctl");
    assert_eq!(look.troubles[0].what, "nvme0-composite");
    tree.remove("sys/class/hwmon/hwmon2");
    hwmon.search.soon();
    let look = hwmon.look();
    assert!(
        look.troubles.contains(&Trouble::new("nvme1-composite", "was here and is not any more")),
        "{look:?}"
    );
}

#[test]
fn a_sensor_that_its_chip_calls_broken_is_not_read() {
    let tree = Tree::new();
    let fault = "sys/class/hwmon/hwmon0/temp1_fault";
    put_chip(&tree, 0, "lm75", Some("i2c-0/0-0048"), &[("temp1_input", "127000"), ("temp1_fault", "1\n")]);
    let mut hwmon = Hwmon::new(tree.roots(), Vec::new());
    let look = hwmon.look();
    assert_eq!((look.sensed.len(), look.troubles.len()), (0, 1));
    tree.put(fault, "0\n");
    assert_eq!(shown(&hwmon.look()), ["lm75-0-0048-temp1 127.000 Cel"]);
}

#[test]
fn a_chip_that_appears_is_found() {
    let tree = Tree::new();
    let mut hwmon = Hwmon::new(tree.roots(), Vec::new());
    let look = hwmon.look();
    assert!(
        look.reads.is_empty() && look.troubles[0].says.contains("has no power or temperature sensor"),
        "{look:?}"
    );
    put_chip(&tree, 0, "acpitz", Some("virtual/thermal/thermal_zone0"), &[("temp1_input", "27800\n")]);
    assert!(hwmon.look().sensed.is_empty(), "not looked for at each turn");
    hwmon.search.soon();
    assert_eq!(shown(&hwmon.look()), ["acpitz-thermal-zone0-temp1 27.800 Cel"]);
}
