//! The tree, and virtual meters.

use super::*;

fn power(name: &str, lines: &str) -> String {
    format!("[[meter]]\nname = \"{name}\"\nkind = \"power\"\nunit = \"kW\"\n{lines}\n")
}

fn virtual_meter(name: &str, sum: &str) -> String {
    format!("[[virtual]]\nname = \"{name}\"\nsum = {sum}\n")
}

#[test]
fn parents_exist_and_measure_the_same() {
    says(&after_least(&power("a", "fed_by = [\"in\", \"it\"]")), &[]);
    says(&after_least(&power("aa", "fed_by = [\"inn\"]")), &["there is no meter `inn`; did you mean `in`?"]);
    says(&after_least(&power("a", "fed_by = [\"in\", \"in\"]")), &["`in` is named twice"]);
    let water = "[[meter]]\nname = \"w\"\nkind = \"flow\"\nfed_by = [\"in\"]\n";
    says(&after_least(water), &["`w` measures volume and cannot be fed by `in`, which measures energy"]);
    let gauge = "[[meter]]\nname = \"t\"\nkind = \"gauge\"\nfed_by = [\"in\"]\n";
    says(&after_least(gauge), &["`t` is a gauge; a gauge is not fed by anything"]);
}

#[test]
fn cycles_of_the_tree_are_shown_with_their_path() {
    let two = power("a", "fed_by = [\"b\"]") + &power("b", "fed_by = [\"a\"]");
    says(&after_least(&two), &["`a` is fed by itself: a -> b -> a"]);
    says(&after_least(&power("a", "fed_by = [\"a\"]")), &["`a` is fed by itself: a -> a"]);
    let three =
        power("c", "fed_by = [\"b\"]") + &power("b", "fed_by = [\"a\"]") + &power("a", "fed_by = [\"c\"]");
    says(&after_least(&three), &["`a` is fed by itself: a -> c -> b -> a"]);
    let through = power("a", "fed_by = [\"v\"]") + &power("b", "") + &virtual_meter("v", "[\"a\", \"b\"]");
    says(&after_least(&through), &["is fed by itself: a -> v -> a"]);
    // What feeds a virtual meter feeds the meters that it is made of.
    let around = power("a", "") + &power("b", "fed_by = [\"a\"]") + &virtual_meter("v", "[\"a\", \"in\"]");
    let around = around + "fed_by = [\"b\"]\n";
    says(
        &after_least(&around),
        &["`a` is fed by itself: a -> b -> a, by way of what virtual meters are made of"],
    );
    // What is left of a feed once a branch is taken off feeds that feed's other branches: no cycle.
    let rest = power("office", "fed_by = [\"in\"]")
        + &power("hall", "fed_by = [\"rest\"]")
        + &virtual_meter("rest", "[\"in\", \"-office\"]");
    says(&after_least(&rest), &[]);
}

#[test]
fn virtual_meters_expand_to_real_ones_with_exact_coefficients() {
    let more = power("office", "")
        + &power("chiller", "")
        + &virtual_meter("net", "[\"in\", \"-office\", \"0.5 * chiller\"]")
        + &virtual_meter("half", "[\"0.5 * net\", \"- 0.25 * chiller\"]");
    let config = good(&format!("{LEAST}{more}"));
    let parts = |at: usize| -> Vec<(String, i64)> {
        let parts = &config.virtuals[at].parts;
        parts.iter().map(|part| (part.meter.meter.to_string(), part.millionths)).collect()
    };
    let named =
        |parts: &[(&str, i64)]| parts.iter().map(|(name, m)| ((*name).to_owned(), *m)).collect::<Vec<_>>();
    assert_eq!(parts(0), named(&[("chiller", 500_000), ("in", 1_000_000), ("office", -1_000_000)]));
    assert_eq!(parts(1), named(&[("chiller", 0), ("in", 500_000), ("office", -500_000)]));
    assert_eq!(config.virtuals[1].quantity, Some(wattledger_model::unit::Quantity::Energy));
}

#[test]
fn virtual_meters_that_cannot_be_are_reported() {
    let of = |sum: &str| after_least(&virtual_meter("v", sum));
    says(&of("[\"inn\"]"), &["there is no meter `inn`; did you mean `in`?"]);
    says(&of("[\"v\"]"), &["virtual meter `v` is made of itself: v -> v"]);
    says(&of("[\"0.1234567 * in\"]"), &["`sum`: 0.1234567 is not a whole number of millionths"]);
    says(&of("[\"x * in\"]"), &["`x` is no coefficient"]);
    says(&of("[\"0 * in\"]"), &["a coefficient is above 0 and at most 1000"]);
    says(&of("[\"9000000000000 * in\"]"), &["at most 1000"]);
    let grown = virtual_meter("v", "[\"1000 * w\"]") + &virtual_meter("w", "[\"1000 * in\"]");
    says(
        &after_least(&grown),
        &["the coefficient of `in` by way of v -> w is not a whole number of millionths up to 1000"],
    );
    says(&of("[\"In\"]"), &["`In` is not a name"]);
    says(&after_least("[[virtual]]\nname = \"v\"\n"), &["`sum` is missing"]);
    says(&after_least(&virtual_meter("in", "[\"it\"]")), &["meter `s/in` is declared already"]);
    let loop_of_two = virtual_meter("v", "[\"w\"]") + &virtual_meter("w", "[\"v\", \"in\"]");
    says(&after_least(&loop_of_two), &["virtual meter `v` is made of itself: v -> w -> v"]);
    let inexact = virtual_meter("v", "[\"0.333333 * w\"]") + &virtual_meter("w", "[\"0.5 * in\"]");
    says(
        &after_least(&inexact),
        &["the coefficient of `in` by way of v -> w is not a whole number of millionths"],
    );
    let gauges = "[[meter]]\nname = \"t\"\nkind = \"gauge\"\n".to_owned() + &virtual_meter("v", "[\"t\"]");
    says(&after_least(&gauges), &["adds up gauges (`t`), which are averaged, never summed"]);
    let mixed =
        "[[meter]]\nname = \"w\"\nkind = \"flow\"\n".to_owned() + &virtual_meter("v", "[\"in\", \"w\"]");
    says(&after_least(&mixed), &["adds up energy (`in`) and volume (`w`)"]);
    let role = "[[virtual]]\nname = \"v\"\nfacility = \"f\"\nrole = \"water\"\nsum = [\"it\"]\n";
    says(&after_least(role), &["virtual meter `v` sums energy, which is no water"]);
    let share = "[[virtual]]\nname = \"v\"\nsum = [\"0.000001 * it\"]\n[[virtual.claim]]\nfacility = \"f\"\nrole = \"other\"\nshare = \"0.5\"\n";
    says(&after_least(share), &["a share of 0.5 of `v -> it` is not a whole number of millionths"]);
}

#[test]
fn a_sum_of_sums_that_doubles_at_every_step_ends_with_a_message() {
    let mut more = virtual_meter("v0", "[\"0.000001 * in\", \"0.000001 * in\"]");
    for at in 1..30 {
        more.push_str(&virtual_meter(&format!("v{at}"), &format!("[\"v{0}\", \"v{0}\"]", at - 1)));
    }
    let found = after_least(&more);
    assert!(found.iter().any(|message| message.contains("adds up more than 10000 meters")), "{found:?}");
}
