use super::*;
use crate::source::host::sysfs::made::Tree;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What Intel's counters of 2⁻¹⁴ J show at most.
const RANGE_UJ: i64 = 262_143_328_850;
const EVERY: Duration = Duration::from_secs(10);

fn put_zone(tree: &Tree, folder: &str, name: &str, energy: &str) {
    let zone = format!("sys/class/powercap/{folder}");
    tree.put(&format!("{zone}/name"), format!("{name}\n"));
    tree.put(&format!("{zone}/max_energy_range_uj"), format!("{RANGE_UJ}\n"));
    tree.put(&format!("{zone}/energy_uj"), energy);
}

/// Two sockets as a server has them, with all that overlaps.
fn server() -> Tree {
    let tree = Tree::new();
    tree.put("sys/class/powercap/intel-rapl/enabled", "1\n");
    put_zone(&tree, "intel-rapl:0", "package-0", "1000000\n");
    put_zone(&tree, "intel-rapl:0:0", "core", "900000\n");
    put_zone(&tree, "intel-rapl:0:1", "dram", "50000\n");
    put_zone(&tree, "intel-rapl:1", "package-1", "2000000\n");
    put_zone(&tree, "intel-rapl:1:0", "dram", "60000\n");
    put_zone(&tree, "intel-rapl:2", "psys", "9000000\n");
    put_zone(&tree, "intel-rapl-mmio:0", "package-0", "1000000\n");
    tree
}

fn rapl(tree: &Tree) -> Rapl {
    Rapl::new(tree.roots(), RaplZone::DEFAULT.into_iter().collect(), 1_000.0, EVERY)
}

fn values(look: &Look) -> Vec<(&str, i64)> {
    look.sensed.iter().map(|sensed| (sensed.zone.as_str(), sensed.value.mantissa)).collect()
}

#[test]
fn only_zones_that_do_not_overlap_are_read() {
    let tree = server();
    let look = rapl(&tree).look();
    let expected = [
        ("package-0", 1_000_000),
        ("package-0-dram", 50_000),
        ("package-1", 2_000_000),
        ("package-1-dram", 60_000),
    ];
    assert_eq!(values(&look), expected);
    assert!(look.troubles.is_empty(), "{:?}", look.troubles);
    let first = &look.sensed[0];
    assert_eq!((first.value.to_string().as_str(), first.unit.symbol()), ("1.000000", "J"));
    let all = RaplZone::WORDS.into_iter().map(|(_, kind)| kind).collect();
    let look = Rapl::new(tree.roots(), all, 1_000.0, EVERY).look();
    assert_eq!(look.sensed.len(), 6, "those that are asked for, and no package twice: {:?}", values(&look));
}

#[test]
fn a_register_goes_on_from_zero_as_it_stands_and_its_modulus_is_told_once() {
    let tree = server();
    let mut rapl = rapl(&tree);
    put_zone(&tree, "intel-rapl:0", "package-0", &format!("{RANGE_UJ}\n"));
    let before = rapl.look();
    put_zone(&tree, "intel-rapl:0", "package-0", "61\n");
    let after = rapl.look();
    assert_eq!(
        (before.sensed[0].value, after.sensed[0].value),
        (Decimal::new(RANGE_UJ, -6), Decimal::new(61, -6))
    );
    assert_eq!(before.sensed[0].evidence, after.sensed[0].evidence, "one boot: a fall is a rollover");
    // 2³² steps of 61.035 µJ.
    assert!(before.notes[0].1.contains("modulus = \"262143.328911\""), "{:?}", before.notes);
    for says in ["rated_power = \"1000 W\"", "nominal_interval = \"10s\""] {
        assert!(before.notes[0].1.contains(says), "{:?}", before.notes);
    }
    assert_eq!((before.notes.len(), after.notes.len()), (4, 0));
}

#[test]
fn another_boot_is_another_epoch() {
    let tree = server();
    let before = rapl(&tree).look().sensed[0].evidence.expect("the boot");
    tree.boots("b8f2b0b9-6b4b-4f6e-8d1e-000000000002");
    let after = rapl(&tree).look().sensed[0].evidence.expect("the boot");
    assert!(after.is_restarted(&before) && !after.is_other_device(&before));
}

#[test]
fn a_register_cannot_go_round_between_two_looks() {
    let tree = server();
    let within = |watts: f64, range: i64| {
        tree.put("sys/class/powercap/intel-rapl:0/max_energy_range_uj", format!("{range}\n"));
        Rapl::new(tree.roots(), RaplZone::DEFAULT.into_iter().collect(), watts, EVERY)
            .look()
            .within
            .expect("a limit")
    };
    // Even where two looks come late, what the collector takes for possible stays below the modulus.
    for (watts, range) in [(1_000.0, RANGE_UJ), (1_000.0, 65_532_610_987), (400.0, RANGE_UJ)] {
        let within = within(watts, range);
        assert!(2.5 * MARGIN * watts * within.as_secs_f64() < range as f64 / 1e6, "{within:?}");
        assert!(within > Duration::from_secs(10), "{within:?}: no oftener than needed");
    }
    assert_eq!(within(1e6, 1), SHORTEST, "whatever a zone says of itself");
    tree.put("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "lots\n");
    let look = rapl(&tree).look();
    assert!(look.notes[0].1.contains("no modulus"), "{:?}", look.notes);
    assert_eq!(look.sensed.len(), 4);
}

#[test]
fn what_is_garbled_is_refused_and_the_others_are_read() {
    let tree = server();
    let mut rapl = rapl(&tree);
    rapl.look();
    for says in ["", "\n", "n/a\n", "-5\n", "1.5\n", "18446744073709551615\n", "\u{0}\u{0}"] {
        put_zone(&tree, "intel-rapl:0", "package-0", says);
        let look = rapl.look();
        assert_eq!(look.sensed.len(), 3, "{says:?}");
        let [garbled] = &look.garbled[..] else { panic!("{says:?}: {:?}", look.garbled) };
        assert_eq!((garbled.zone.as_str(), &garbled.said[..]), ("package-0", says.as_bytes()));
    }
}

#[test]
fn a_zone_that_vanishes_is_said_and_found_again() {
    let tree = server();
    let mut rapl = rapl(&tree);
    rapl.look();
    tree.remove("sys/class/powercap/intel-rapl:1");
    let look = rapl.look();
    assert_eq!((look.sensed.len(), look.troubles[0].what.as_str()), (3, "package-1"));
    rapl.search.soon();
    let look = rapl.look();
    assert_eq!(look.troubles, [Trouble::new("package-1", "was here and is not any more")]);
    put_zone(&tree, "intel-rapl:1", "package-1", "3\n");
    rapl.search.soon();
    let look = rapl.look();
    assert_eq!((look.sensed.len(), look.troubles.len(), look.notes.len()), (4, 0, 0));
}

#[test]
fn a_machine_without_zones_says_so_and_they_are_found_when_they_appear() {
    let tree = Tree::new();
    let mut rapl = rapl(&tree);
    let look = rapl.look();
    assert!(look.sensed.is_empty() && look.reads.is_empty());
    let [trouble] = &look.troubles[..] else { panic!("{:?}", look.troubles) };
    assert!(trouble.says.contains("has no intel-rapl: zones"), "{trouble:?}");
    assert_eq!(rapl.look().troubles, look.troubles, "the same as long as it lasts");
    put_zone(&tree, "intel-rapl:0", "package-0", "5\n");
    rapl.search.soon();
    assert_eq!(values(&rapl.look()), [("package-0", 5)]);
}

/// Says to the test below, run again by a user who is not root, where the tree is.
const TREE: &str = "WATTLEDGER_TEST_TREE_OF_ROOT";

#[test]
fn what_only_root_may_read_is_said_once_with_its_mend() {
    if let Ok(tree) = std::env::var(TREE) {
        let roots = Roots { sys: format!("{tree}/sys").into(), proc: format!("{tree}/proc").into() };
        return expect_denied(roots);
    }
    let tree = server();
    for zone in ["intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl:1:0"] {
        let file = tree.path(&format!("sys/class/powercap/{zone}/energy_uj"));
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o000)).expect("a file of ours");
    }
    if std::fs::read(tree.path("sys/class/powercap/intel-rapl:0/energy_uj")).is_err() {
        return expect_denied(tree.roots());
    }
    // Root may read anything: somebody else looks, with a copy of this test that he may run.
    let copy = tree.path("test");
    std::fs::copy(std::env::current_exe().expect("this test"), &copy).expect("room for a copy");
    for path in [tree.folder.path(), copy.as_path()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a file of ours");
    }
    let name = "source::host::rapl::tests::what_only_root_may_read_is_said_once_with_its_mend";
    let mut other = Command::new(&copy);
    other.args(["--exact", name]).env(TREE, tree.folder.path()).uid(65_534).gid(65_534);
    let output = other.current_dir("/").output().expect("it can be run");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

fn expect_denied(roots: Roots) {
    let mut rapl = Rapl::new(roots, RaplZone::DEFAULT.into_iter().collect(), 1_000.0, EVERY);
    let look = rapl.look();
    assert_eq!(look.sensed, []);
    let [trouble] = &look.troubles[..] else { panic!("one message, not one a zone: {:?}", look.troubles) };
    assert_eq!(trouble.what, "energy_uj of package-0, package-0-dram, package-1, package-1-dram");
    assert!(trouble.says.contains("CAP_DAC_READ_SEARCH") && trouble.says.contains("chgrp"), "{trouble:?}");
}
