use super::super::claim::tests::claim;
use super::super::fuel::tests::litres;
use super::*;
use proptest::prelude::*;
use wattledger_model::carrier::Carrier;

const KWH: i128 = 1_000_000_000;

fn span(from: i64, to: i64) -> Interval {
    Interval::new(Minute(from), Minute(to))
}

fn hours(kwh: &[i128]) -> Vec<(Interval, i128)> {
    kwh.iter().zip(0_i64..).map(|(kwh, hour)| (span(hour * 60, hour * 60 + 60), kwh * KWH)).collect()
}

/// kg/kWh by the hour, from the first minute on.
fn hourly(values: &[f64]) -> Weight {
    Weight::steps(values.iter().zip(0..).map(|(factor, hour)| (Minute(hour * 60), factor / 1e9)).collect())
}

fn with<'c>(claims: &'c [Claim]) -> Instruments<'c> {
    Instruments { region: Some("cn-east"), claims, supplier: None, residual: None }
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn claims_come_first_and_the_rest_goes_by_the_best_known_factor() {
    let (location, consumed) = (hourly(&[0.6, 0.2]), hours(&[100, 100]));
    let claims = [Claim { generated: span(0, 120), ..claim("wind", 50 * KWH) }];
    let both = |instruments: Instruments<'_>| scope2(span(0, 120), &consumed, &location, &instruments);
    let found = both(with(&claims));
    near(found.location_kg, 80.0);
    // 25 kWh are claimed of each hour, so 75 are left of each.
    near(found.market_kg, 75.0 * 0.6 + 75.0 * 0.2);
    assert_eq!(found.rest_by, RestBy::Location);
    let (mix, contract) = (Weight::constant(0.5 / 1e9), Weight::constant(0.1 / 1e9));
    let residual = Instruments { residual: Some(&mix), ..with(&claims) };
    let found = both(residual);
    assert_eq!(found.rest_by, RestBy::Residual);
    near(found.market_kg, 75.0);
    let found = both(Instruments { supplier: Some(&contract), ..residual });
    assert_eq!((found.rest_by, found.rest_uwh), (RestBy::Supplier, 150 * KWH));
    near(found.market_kg, 15.0);
}

#[test]
fn claims_that_do_not_fit_are_refused_with_reasons() {
    let claims = [
        Claim { market: Some("fr".to_owned()), ..claim("abroad", KWH) },
        Claim { generated: span(600, 660), ..claim("later", KWH) },
        Claim { kind: CertificateKind::OnSite, ..claim("roof", KWH) },
        Claim { generated: span(540, 660), ..claim("half", 2 * KWH) },
        Claim { market: Some("cn".to_owned()), ..claim("plenty", 100 * KWH) },
    ];
    let found = scope2(span(0, 600), &hours(&[1; 10]), &hourly(&[0.5]), &with(&claims));
    let why: Vec<_> = found.refused.iter().map(|r| (r.lot.as_str(), r.energy_uwh / KWH, r.why)).collect();
    assert_eq!(
        why,
        [
            ("later", 1, Refusal::OtherPeriod),
            ("half", 1, Refusal::OtherPeriod),
            ("abroad", 1, Refusal::OtherMarket),
            ("plenty", 91, Refusal::Unused)
        ]
    );
    assert_eq!((found.rest_uwh, found.market_kg), (0, 0.0));
    let lots: Vec<_> = found.claimed.iter().map(|c| (c.lot.as_str(), c.energy_uwh / KWH)).collect();
    assert_eq!(lots, [("half", 1), ("plenty", 9)], "of half a claim's time, half of its energy");
}

#[test]
fn an_interval_in_which_a_factor_changes_or_a_claim_begins_is_cut_there() {
    let location = Weight::steps(vec![(Minute(0), 0.6e-9), (Minute(20), 0.3e-9)]);
    let claims = [Claim { generated: span(30, 60), ..claim("wind", 100 * KWH) }];
    let found = scope2(span(0, 60), &[(span(0, 60), 60 * KWH)], &location, &with(&claims));
    near(found.location_kg, 20.0 * 0.6 + 40.0 * 0.3);
    assert_eq!(found.claimed[0].energy_uwh, 30 * KWH, "what was consumed while it was generated");
    near(found.market_kg, 20.0 * 0.6 + 10.0 * 0.3);
    assert_eq!(found.without_factor_uwh, 0);
}

#[test]
fn what_lies_before_the_first_factor_is_told_and_disorder_does_no_harm() {
    let location = Weight::steps(vec![(Minute(60), 0.5e-9)]);
    let mut consumed = hours(&[1, 2, 4]);
    consumed.reverse();
    let found = scope2(span(0, 180), &consumed, &location, &with(&[]));
    assert_eq!((found.energy_uwh, found.without_factor_uwh), (7 * KWH, KWH));
    near(found.location_kg, 3.0);
    let nothing = scope2(span(0, 180), &[], &location, &with(&[claim("wind", KWH)]));
    assert_eq!((nothing.energy_uwh, nothing.rest_uwh, nothing.location_kg), (0, 0, 0.0));
}

#[test]
fn a_negative_difference_of_meters_keeps_its_sign_and_gives_nothing_to_claims() {
    let claims = [Claim { generated: span(0, 120), ..claim("wind", 100 * KWH) }];
    let found = scope2(span(0, 120), &hours(&[10, -1]), &hourly(&[0.5]), &with(&claims));
    near(found.location_kg, 4.5);
    assert_eq!((found.claimed[0].energy_uwh, found.rest_uwh), (9 * KWH, 0), "no more than came in all");
}

#[test]
fn all_fuel_is_scope_1_by_the_tables_factor() {
    let (diesel, ethanol) = (litres(Carrier::Diesel), litres(Carrier::Bioethanol));
    let found = scope1(&[(&diesel, 12_000_000), (&ethanol, 1_000)]);
    near(found.kg, 31_206.672);
    assert_eq!(found.fuels[1].kg, Some(0.0), "biogenic");
    assert!(found.fuels[0].fuel.co2.as_ref().is_some_and(|factor| factor.value.to_string() == "3.0959"));
}

#[test]
fn shares_beyond_what_integers_multiply_are_near() {
    assert_eq!(share(i128::MAX, 7, 7), i128::MAX);
    let half = share(i128::MAX / 2, i128::MAX / 4, i128::MAX / 2);
    assert!((half as f64 / (i128::MAX / 4) as f64 - 1.0).abs() < 1e-9);
    assert_eq!(share(-5, 1, 2), -2);
}

fn any_claim() -> impl Strategy<Value = Claim> {
    (0_i64..700, 1_i64..500, 0_i128..400, 0_u8..4).prop_map(|(from, length, kwh, lot)| Claim {
        generated: span(from - 60, from - 60 + length),
        ..claim(&format!("lot-{lot}-{from}-{length}"), kwh * KWH + 7)
    })
}

proptest! {
    /// Energy is conserved, and no piece or claim gives more than it has.
    #[test]
    fn claims_never_exceed_consumption_of_an_interval_or_in_total(
        kwh in proptest::collection::vec(0_i128..100, 1..10),
        claims in proptest::collection::vec(any_claim(), 0..6),
    ) {
        let rows = hours(&kwh);
        let window = span(0, 60 * rows.len() as i64);
        let edges = claims.iter().flat_map(|claim| [claim.generated.from, claim.generated.to]).collect();
        let pieces = cut(&rows, &[&hourly(&[0.5])], edges);
        let mut left: Vec<i128> = pieces.iter().map(|piece| piece.energy_uwh).collect();
        let consumed: i128 = rows.iter().map(|(_, energy)| energy).sum();
        prop_assert_eq!(left.iter().sum::<i128>(), consumed, "cutting loses nothing");
        let (claimed, refused) = claim_all(window, &pieces, &with(&claims), &mut left);
        for (piece, left) in pieces.iter().zip(&left) {
            prop_assert!((0..=piece.energy_uwh).contains(left), "{left} of {}", piece.energy_uwh);
        }
        let taken: i128 = claimed.iter().map(|claim| claim.energy_uwh).sum();
        prop_assert_eq!(taken + left.iter().sum::<i128>(), consumed);
        let all: i128 = claims.iter().map(|claim| claim.energy_uwh).sum();
        prop_assert_eq!(taken + refused.iter().map(|refused| refused.energy_uwh).sum::<i128>(), all);
    }
}
