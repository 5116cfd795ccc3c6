use super::*;
use crate::outputs::hall::{Hall, at};
use crate::store::{self, digest};
use wattledger_model::time::{DAY_MINUTES, Minute, Timestamp};

/// The definition of RFC 6962, section 2.1, word for word.
fn by_the_book(leaves: &[Vec<u8>]) -> Vec<u8> {
    match leaves {
        [] => Sha256::digest(b"").to_vec(),
        [only] => Sha256::digest([&[0_u8][..], only].concat()).to_vec(),
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            let (left, right) = (by_the_book(&leaves[..k]), by_the_book(&leaves[k..]));
            Sha256::digest([&[1_u8][..], &left, &right].concat()).to_vec()
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn grown(leaves: &[Vec<u8>]) -> Root {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(leaf));
    tree.root()
}

#[test]
fn a_tree_of_any_size_has_the_root_of_the_definition() {
    for count in 0..=130_usize {
        let leaves: Vec<Vec<u8>> = (0..count).map(|at| vec![at as u8; at % 7]).collect();
        let expected = Root { hex: hex(&by_the_book(&leaves)), leaves: count as u64 };
        assert_eq!(grown(&leaves), expected, "{count} leaves");
    }
}

#[test]
fn roots_are_those_of_known_answers() {
    // The test vectors of Certificate Transparency: its reference implementation's eight inputs.
    let inputs: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
    ];
    let leaves: Vec<Vec<u8>> = inputs.iter().map(|input| input.to_vec()).collect();
    let of = |count: usize| grown(&leaves[..count]).hex;
    assert_eq!(of(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(of(1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(of(2), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    assert_eq!(of(8), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn no_leaf_can_be_given_out_as_a_node() {
    let two = [vec![1], vec![2]];
    let nodes: Vec<u8> = two.iter().flat_map(|leaf| by_the_book(std::slice::from_ref(leaf))).collect();
    assert_ne!(grown(&two).hex, grown(&[nodes]).hex);
}

const TABLES: &str = "
[[meter]]
name = \"main\"
kind = \"register\"
unit = \"kWh\"
rated_power = \"1 MW\"
[[meter]]
name = \"air\"
kind = \"gauge\"
unit = \"°C\"
nominal_interval = \"1h\"
";

/// Three days of a register and a gauge, an hour between readings.
fn hall() -> Hall {
    let mut hall = Hall::new(TABLES);
    let from = at("2026-06-01T10:00:00Z").0;
    for hour in 0..60 {
        let time = Timestamp(from + hour * 3_600_000);
        hall.take(&[("main", time, 100.0 + hour as f64 * 1.25, "kWh", None)]);
        hall.take(&[("air", time, 20.0 + (hour % 5) as f64, "°C", None)]);
    }
    hall
}

/// The leaves of an interval, by the digests of single meters' days: from the definition alone.
fn leaves(connection: &Connection, interval: Interval) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for name in ["air", "main"] {
        for day in interval.from.day()..=Minute(interval.to.0 - 1).day() {
            let whole = Interval::new(Minute(day * DAY_MINUTES), Minute((day + 1) * DAY_MINUTES));
            let mut found = None;
            digest::of_with(connection, Some(whole.intersect(interval)), |block| {
                if block.name == name {
                    found = Some(block.hash);
                }
            })
            .expect("readable");
            let Some(hash) = found else { continue };
            let mut leaf = Vec::new();
            for text in ["hall", name] {
                leaf.extend((text.len() as u64).to_le_bytes());
                leaf.extend(text.as_bytes());
            }
            leaf.extend(day.to_le_bytes());
            leaf.extend(hash);
            all.push(leaf);
        }
    }
    all
}

#[test]
fn leaves_are_the_meters_days_of_the_interval_and_the_digest_is_that_of_the_ledger() {
    let hall = hall();
    let connection = store::open_reader(&hall.layout).expect("opens");
    let interval = Interval::new(at("2026-06-01T12:30:00Z").minute(), at("2026-06-03T02:10:00Z").minute());
    let (root, of_ledger) = with_digest(&connection, Some(interval)).expect("readable");
    let leaves = leaves(&connection, interval);
    assert_eq!(root, Root { hex: hex(&by_the_book(&leaves)), leaves: 6 });
    assert_eq!(of_ledger, digest::afresh(&connection, Some(interval)).expect("readable"));
    assert_ne!(super::root(&connection, None).expect("readable"), root);
}

#[test]
fn any_minute_that_changes_changes_the_root() {
    let mut hall = hall();
    let of = |hall: &Hall| {
        let connection = store::open_reader(&hall.layout).expect("opens");
        root(&connection, None).expect("readable").hex
    };
    let before = of(&hall);
    hall.take(&[("main", at("2026-06-02T10:30:00Z"), 130.7, "kWh", None)]);
    assert_ne!(of(&hall), before);
}
