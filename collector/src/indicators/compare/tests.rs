use super::*;
use proptest::prelude::*;

fn energies(total_uwh: i128, it_uwh: i128, overhead: &[(Role, i128)]) -> Energies {
    Energies { total_uwh, it_uwh, overhead_uwh: overhead.to_vec() }
}

fn period(own: Energies) -> Period {
    Period { published_total_uwh: own.total_uwh, published_it_uwh: own.it_uwh, own, as_other: None }
}

fn part(comparison: &Comparison, cause: Cause) -> f64 {
    comparison.parts().find(|(of, _)| *of == cause).expect("a part").1
}

#[test]
fn each_cause_alone_is_the_whole_change() {
    let plain = energies(1_300, 1_000, &[(Role::Cooling, 200), (Role::PowerPath, 50)]);
    let warm = energies(1_400, 1_000, &[(Role::Cooling, 300), (Role::PowerPath, 50)]);
    let warmer = compare(&period(plain.clone()), &period(warm)).expect("compared");
    assert!((part(&warmer, Cause::Overhead(Role::Cooling)) - 0.1).abs() < 1e-15);
    assert_eq!(part(&warmer, Cause::ItLoad), 0.0);
    assert_eq!(part(&warmer, Cause::Unattributed), 0.0);

    let idle = energies(800, 500, &[(Role::Cooling, 200), (Role::PowerPath, 50)]);
    let idler = compare(&period(plain.clone()), &period(idle)).expect("compared");
    assert!((part(&idler, Cause::ItLoad) - 0.3).abs() < 1e-15, "the same overhead over half the load");
    assert_eq!(part(&idler, Cause::Overhead(Role::Cooling)), 0.0);

    let leak = energies(1_310, 1_000, &[(Role::Cooling, 200), (Role::PowerPath, 50)]);
    let leakier = compare(&period(plain), &period(leak)).expect("compared");
    assert!((part(&leakier, Cause::Unattributed) - 0.01).abs() < 1e-15);
}

#[test]
fn a_changed_boundary_and_thin_data_have_parts_of_their_own() {
    let own = energies(1_300, 1_000, &[(Role::Cooling, 200)]);
    let with_offices = energies(1_350, 1_000, &[(Role::Cooling, 200), (Role::Other, 50)]);
    let a = Period { as_other: Some(with_offices.clone()), ..period(own.clone()) };
    let b = Period { as_other: Some(own.clone()), ..period(with_offices) };
    let moved = compare(&a, &b).expect("compared");
    assert!((part(&moved, Cause::Configuration) - 0.05).abs() < 1e-15);
    assert_eq!(part(&moved, Cause::Overhead(Role::Other)), 0.0);

    let thin = Period { published_total_uwh: 1_290, ..period(own.clone()) };
    let thinner = compare(&period(own), &thin).expect("compared");
    assert!((part(&thinner, Cause::DataQuality) + 0.01).abs() < 1e-15);
    assert!((thinner.total() + 0.01).abs() < 1e-15);
}

#[test]
fn a_new_meter_is_all_configuration_over_the_one_way_that_can_be_gone() {
    let own = energies(1_300, 1_000, &[(Role::Cooling, 200)]);
    let with_feed = energies(1_350, 1_000, &[(Role::Cooling, 200)]);
    // The new feed has no readings in A, so that only B can be told without it.
    let a = period(own.clone());
    let b = Period { as_other: Some(own), ..period(with_feed) };
    let over_b = compare_over(&a, &b, Ways::OverB).expect("compared");
    assert!((part(&over_b, Cause::Configuration) - 0.05).abs() < 1e-15);
    assert_eq!(part(&over_b, Cause::Unattributed), 0.0);
    let back = compare_over(&b, &a, Ways::OverA).expect("compared");
    assert!((part(&back, Cause::Configuration) + 0.05).abs() < 1e-15);
    assert!(over_b.adds_up() && back.adds_up());
}

#[test]
fn what_has_no_pue_is_not_compared() {
    let good = period(energies(1_300, 1_000, &[]));
    let dark = period(energies(5, 0, &[]));
    assert!(matches!(compare(&good, &dark), Err(CompareError::NoItEnergy('B', _))));
    let much = period(energies(i128::MAX, 1_000, &[]));
    assert_eq!(compare(&much, &good), Err(CompareError::TooMuch(i128::MAX)));
}

fn any_energies() -> impl Strategy<Value = Energies> {
    let roles = [Role::Cooling, Role::Lighting, Role::PowerPath, Role::Other];
    let amount = prop_oneof![-50_i128..1_000, 0_i128..=MOST_UWH];
    let overhead = proptest::collection::vec((0_usize..4, amount.clone()), 0..4);
    (amount, prop_oneof![1_i128..2_000, 1_i128..=MOST_UWH], overhead).prop_map(
        move |(total, it_uwh, overhead)| {
            let seen: std::collections::BTreeMap<Role, i128> =
                overhead.into_iter().map(|(role, energy)| (roles[role], energy)).collect();
            Energies { total_uwh: total, it_uwh, overhead_uwh: seen.into_iter().collect() }
        },
    )
}

fn any_period() -> impl Strategy<Value = Period> {
    (any_energies(), proptest::option::of(any_energies()), -50_i128..1_000, 1_i128..2_000).prop_map(
        |(own, as_other, published_total_uwh, published_it_uwh)| Period {
            published_total_uwh,
            published_it_uwh,
            own,
            as_other,
        },
    )
}

/// The value of an exact amount in the integers modulo a prime, where quotients are exact: what is equal
/// there for numbers drawn at random is equal.
fn modulo(comparison: &Comparison, exact: Exact) -> i128 {
    const PRIME: i128 = (1 << 61) - 1;
    let power = |base: i128, mut exponent: i128| {
        let (mut base, mut product) = (base.rem_euclid(PRIME), 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                product = product * base % PRIME;
            }
            base = base * base % PRIME;
            exponent >>= 1;
        }
        product
    };
    let terms = exact.numerators.iter().zip(comparison.denominators);
    terms.fold(0, |sum, (numerator, denominator)| {
        (sum + numerator.rem_euclid(PRIME) * power(4 * denominator, PRIME - 2)) % PRIME
    })
}

proptest! {
    /// In exact arithmetic, not only in the numerators' own: parts, and the change of the published quotients.
    #[test]
    fn the_parts_are_the_change_exactly(a in any_period(), b in any_period()) {
        let comparison = compare(&a, &b).expect("compared");
        prop_assert!(comparison.adds_up());
        let parts = comparison.parts.iter().map(|(_, part)| modulo(&comparison, *part));
        let sum = parts.fold(0, |sum, part| (sum + part) % ((1 << 61) - 1));
        let quotient = |period: &Period, k: usize| Exact::one(k, 4 * period.published_total_uwh);
        let (after, before) = (quotient(&b, PUBLISHED[1]), quotient(&a, PUBLISHED[0]));
        let change = modulo(&comparison, after) - modulo(&comparison, before);
        prop_assert_eq!(sum, change.rem_euclid((1 << 61) - 1), "PUE_B − PUE_A");
    }

    #[test]
    fn one_way_alone_adds_up_too(a in any_period(), b in any_period()) {
        for over in [Ways::OverA, Ways::OverB] {
            let comparison = compare_over(&a, &b, over).expect("compared");
            prop_assert!(comparison.adds_up());
            let parts = comparison.parts.iter().map(|(_, part)| modulo(&comparison, *part));
            let sum = parts.fold(0, |sum, part| (sum + part) % ((1 << 61) - 1));
            prop_assert_eq!(sum, modulo(&comparison, comparison.total));
        }
    }

    #[test]
    fn swapping_the_periods_turns_every_sign(a in any_period(), b in any_period()) {
        let (there, back) = (compare(&a, &b).expect("compared"), compare(&b, &a).expect("compared"));
        for ((cause, part), (other, opposite)) in there.parts.iter().zip(&back.parts) {
            prop_assert_eq!(cause, other);
            let sum = modulo(&there, *part) + modulo(&back, *opposite);
            prop_assert_eq!(sum % ((1 << 61) - 1), 0, "{:?}", cause);
        }
    }

    #[test]
    fn what_is_shown_adds_up_too(a in any_period(), b in any_period(), decimals in 0_u8..6) {
        let comparison = compare(&a, &b).expect("compared");
        let (total, parts) = comparison.rounded(decimals);
        prop_assert_eq!(parts.iter().map(|(_, part)| part).sum::<i128>(), total);
        let unit = 10_f64.powi(i32::from(decimals));
        let change = b.published_total_uwh as f64 / b.published_it_uwh as f64
            - a.published_total_uwh as f64 / a.published_it_uwh as f64;
        prop_assert!((total as f64 - change * unit).abs() <= 0.5 + 1e-9 * change.abs() * unit);
    }
}
