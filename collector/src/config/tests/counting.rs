//! Claims, shares, and what counts twice.

use super::*;

/// A second facility of the same site.
const SECOND: &str = "[[facility]]\nname = \"g\"\nsite = \"s\"\n\
    [[meter]]\nname = \"g-in\"\nfacility = \"g\"\nrole = \"utility\"\nkind = \"power\"\n\
    [[meter]]\nname = \"g-it\"\nfacility = \"g\"\nrole = \"ups-output\"\nkind = \"power\"\n";

fn claim(facility: &str, role: &str, more: &str) -> String {
    format!("[[meter.claim]]\nfacility = \"{facility}\"\nrole = \"{role}\"\n{more}\n")
}

fn shared(claims: &[String]) -> Vec<String> {
    after_least(&format!("{SECOND}[[meter]]\nname = \"chiller\"\nkind = \"power\"\n{}", claims.concat()))
}

fn power(name: &str, lines: &str) -> String {
    format!("[[meter]]\nname = \"{name}\"\nkind = \"power\"\nunit = \"kW\"\n{lines}\n")
}

#[test]
fn the_short_form_is_one_claim_for_always() {
    let config = good(LEAST);
    let claims = &config.meters[0].claims;
    assert_eq!(claims.len(), 1);
    assert_eq!(
        (claims[0].facility.as_str(), claims[0].millionths, claims[0].zone.is_none()),
        ("f", 1_000_000, true)
    );
    assert_eq!(claims[0].during, crate::indicators::account::ALWAYS);
}

#[test]
fn shared_plant_is_claimed_by_shares_that_add_up_to_all_of_it() {
    let split = |a: &str, b: &str| {
        shared(&[
            claim("f", "cooling", &format!("share = \"{a}\"")),
            claim("g", "cooling", &format!("share = \"{b}\"")),
        ])
    };
    says(&split("0.6", "0.4"), &[]);
    says(
        &split("0.6", "0.5"),
        &["the shares of meter `chiller` add up to 1.1 always (f 0.6, g 0.5): more than it measures"],
    );
    says(
        &split("0.6", "0.3"),
        &[
            "warning: the shares of meter `chiller` add up to 0.9 always (f 0.6, g 0.3): 0.1 of it belongs to no facility",
        ],
    );
    says(&shared(&[claim("f", "cooling", "share = \"0.6\"")]), &[]);
    says(
        &shared(&[claim("f", "cooling", ""), claim("g", "cooling", "")]),
        &["the shares of meter `chiller` add up to 2 always (f 1, g 1)"],
    );
    for (share, why) in
        [("0", "above 0 and at most 1"), ("1.5", "at most 1"), ("0.1234567", "at most six decimals")]
    {
        says(&shared(&[claim("f", "cooling", &format!("share = \"{share}\""))]), &[why]);
    }
}

#[test]
fn shares_are_checked_at_every_instant() {
    let moved = [claim("f", "cooling", "to = 2026-04-01"), claim("g", "cooling", "from = 2026-04-01")];
    says(&shared(&moved), &[]);
    let overlapping = [claim("f", "cooling", "to = 2026-05-01"), claim("g", "cooling", "from = 2026-04-01")];
    says(
        &shared(&overlapping),
        &["add up to 2 from 2026-04-01T00:00:00Z to 2026-05-01T00:00:00Z (f 1, g 1)"],
    );
    says(
        &shared(&[claim("f", "cooling", ""), claim("f", "other", "from = 2026-04-01")]),
        &[
            "meter `chiller` is claimed twice for facility `f` (cooling always, other since 2026-04-01T00:00:00Z)",
        ],
    );
    says(
        &shared(&[claim("f", "cooling", "from = 2026-04-01\nto = 2026-04-01")]),
        &["`to` must lie after `from`"],
    );
    says(&shared(&[claim("f", "cooling", "from = 2026-04-01T00:00:30")]), &["is not on a whole minute"]);
}

#[test]
fn claims_name_a_facility_or_a_zone_that_exists_and_a_role_that_fits() {
    says(&shared(&[claim("ff", "cooling", "")]), &["there is no facility `ff`; did you mean `f`?"]);
    says(
        &shared(&["[[meter.claim]]\nrole = \"cooling\"\n".to_owned()]),
        &["`facility` or `zone` is missing"],
    );
    says(&shared(&["[[meter.claim]]\nfacility = \"f\"\n".to_owned()]), &["`role` is missing"]);
    says(&shared(&[claim("f", "zone-total", "")]), &["zone-total is a role in a zone"]);
    says(
        &shared(&["[[meter.claim]]\nzone = \"z\"\nrole = \"zone-total\"\n".to_owned()]),
        &["there is no zone `z`"],
    );
    let zone = "[[zone]]\nname = \"room\"\nfacility = \"f\"\n";
    let it = power("pdu", "[[meter.claim]]\nzone = \"room\"\nrole = \"pdu-output\"");
    let all = |role: &str| power("all", &format!("[[meter.claim]]\nzone = \"room\"\nrole = \"{role}\""));
    says(&after_least(&format!("{zone}{it}{}", all("zone-total"))), &[]);
    says(
        &after_least(&format!("{zone}{it}{}", all("cooling"))),
        &[
            "warning: zone `room` has no meter in the role zone-total: no pPUE",
            "cooling is no role in a zone",
        ],
    );
    // A claim for a zone takes nothing from its facility.
    let both = "[[meter]]\nname = \"pdu\"\nfacility = \"f\"\nrole = \"power-path\"\nkind = \"power\"\n\
                [[meter.claim]]\nzone = \"room\"\nrole = \"pdu-output\"\n";
    says(&after_least(&format!("{zone}{both}{}", all("zone-total"))), &[]);
}

#[test]
fn a_meter_and_what_feeds_it_count_once() {
    let utility = |lines: &str| power("sub", &format!("facility = \"f\"\n{lines}"));
    says(
        &after_least(&utility("role = \"utility\"\nfed_by = [\"in\"]")),
        &[
            "`sub` (utility) is fed by `in` (utility), and both count in what enters of facility `f`: what passes `sub` counts twice",
        ],
    );
    let between = power("switch", "fed_by = [\"in\"]");
    says(
        &after_least(&format!("{between}{}", utility("role = \"utility\"\nfed_by = [\"switch\"]"))),
        &["`sub` (utility) is fed by `in` (utility)"],
    );
    // IT energy at two levels is no double counting: one level counts.
    let pdu = power("pdu", "facility = \"f\"\nrole = \"pdu-output\"\nfed_by = [\"it\"]");
    let text = format!("{LEAST}{pdu}")
        .replace("site = \"s\"\n[[meter]]", "site = \"s\"\nit_energy = \"pdu-output\"\n[[meter]]");
    says(&messages(&text), &[]);
    let cooling = power("plant", "facility = \"f\"\nrole = \"cooling\"");
    let pump =
        |role: &str| power("pump", &format!("facility = \"f\"\nrole = \"{role}\"\nfed_by = [\"plant\"]"));
    says(
        &after_least(&format!("{cooling}{}", pump("cooling"))),
        &["`pump` (cooling) is fed by `plant` (cooling)"],
    );
    says(
        &after_least(&format!("{cooling}{}", pump("lighting"))),
        &["both count in the overhead of facility `f`"],
    );
    // Cooling under the utility meter is inside it, and on another side.
    says(&after_least(&power("plant", "facility = \"f\"\nrole = \"cooling\"\nfed_by = [\"in\"]")), &[]);
    // Not at the same time.
    let later = power(
        "sub",
        "fed_by = [\"plant\"]\n[[meter.claim]]\nfacility = \"f\"\nrole = \"cooling\"\nfrom = 2026-04-01",
    );
    let until = power("plant", "[[meter.claim]]\nfacility = \"f\"\nrole = \"cooling\"\nto = 2026-04-01");
    says(&after_least(&format!("{until}{later}")), &[]);
}

#[test]
fn a_virtual_meter_that_takes_the_inner_one_off_counts_once() {
    let plant =
        power("plant", "") + &power("pump", "facility = \"f\"\nrole = \"other\"\nfed_by = [\"plant\"]");
    let rest = |sum: &str| {
        format!("{plant}[[virtual]]\nname = \"rest\"\nfacility = \"f\"\nrole = \"cooling\"\nsum = {sum}\n")
    };
    says(&after_least(&rest("[\"plant\", \"-pump\"]")), &[]);
    says(
        &after_least(&rest("[\"plant\"]")),
        &["`pump` (other) is fed by `rest -> plant` (cooling), and both count in the overhead"],
    );
}

#[test]
fn one_meter_by_two_ways_in_one_sum_is_explained() {
    let feeds = "[[virtual]]\nname = \"feeds\"\nfacility = \"f\"\nrole = \"utility\"\nsum = [\"in\"]\n";
    says(
        &after_least(feeds),
        &[
            "meter `in` counts 2 times in what enters of facility `f` always: in, and feeds -> in; take it off one of them",
        ],
    );
    let twice =
        "[[virtual]]\nname = \"a\"\nsum = [\"in\", \"b\"]\n[[virtual]]\nname = \"b\"\nsum = [\"in\"]\n";
    says(&after_least(twice), &["`in` counts twice in virtual meter `a`: a -> in, and a -> b -> in"]);
    says(&after_least("[[virtual]]\nname = \"a\"\nsum = [\"3 * in\"]\n"), &[]);
}
