use super::*;
use crate::indicators::claim::tests::claim;
use proptest::prelude::*;

const KWH: i128 = 1_000_000_000;

fn hours(kwh: &[i128]) -> Vec<Consumption> {
    kwh.iter()
        .zip(0_i64..)
        .map(|(kwh, hour)| Consumption {
            interval: Interval::new(Minute(hour * 60), Minute(hour * 60 + 60)),
            energy_uwh: kwh * KWH,
        })
        .collect()
}

fn by(series: &FactorSeries) -> LocationFactors<'_> {
    LocationFactors { series: Some(series), annual: Annual::Unknown, zone: Tz::UTC }
}

fn with<'c>(claims: &'c [Claim]) -> Instruments<'c> {
    Instruments { market: "cn", claims, supplier: None, residual: None }
}

fn series(values: &[f64]) -> FactorSeries {
    FactorSeries::from_values(Minute(0), 60, values.to_vec()).expect("a series")
}

#[test]
fn claims_come_first_and_the_rest_goes_by_the_best_known_factor() {
    let series = series(&[0.6, 0.2]);
    let claims = [claim("wind", 50 * KWH)];
    let claims = [Claim { generated: Interval::new(Minute(0), Minute(120)), ..claims[0].clone() }];
    let both = scope2(&hours(&[100, 100]), &by(&series), &with(&claims)).expect("reckoned");
    assert!((both.location_kg - 80.0).abs() < 1e-9);
    // 25 kWh are claimed of each hour, so 75 are left of each.
    assert!((both.market_kg - (75.0 * 0.6 + 75.0 * 0.2)).abs() < 1e-9);
    assert_eq!(both.rest_by, RestBy::Location);
    let residual = Instruments { residual: Some(Decimal::new(5, -1)), ..with(&claims) };
    let known = scope2(&hours(&[100, 100]), &by(&series), &residual).expect("reckoned");
    assert_eq!((known.rest_by, known.market_kg), (RestBy::Residual, 75.0));
    let supplier = Instruments { supplier: Some(Decimal::new(1, -1)), ..residual };
    let known = scope2(&hours(&[100, 100]), &by(&series), &supplier).expect("reckoned");
    assert_eq!((known.rest_by, known.rest_uwh), (RestBy::Supplier, 150 * KWH));
    assert!((known.market_kg - 15.0).abs() < 1e-9);
}

#[test]
fn claims_that_do_not_fit_are_refused_with_reasons() {
    let series = series(&[0.5; 10]);
    let claims = [
        Claim { market: "fr".to_owned(), ..claim("abroad", KWH) },
        Claim { generated: Interval::new(Minute(600), Minute(660)), ..claim("later", KWH) },
        Claim { kind: ClaimKind::OnSite, ..claim("roof", KWH) },
        Claim { generated: Interval::new(Minute(540), Minute(660)), ..claim("half", 2 * KWH) },
        claim("plenty", 100 * KWH),
    ];
    let found = scope2(&hours(&[1; 10]), &by(&series), &with(&claims)).expect("reckoned");
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
fn a_time_without_series_takes_the_year_and_is_flagged() {
    let table = FactorTable::embedded();
    let series = series(&[0.5]);
    let annual = Annual::Region { table, region: "cn-beijing" };
    let factors = LocationFactors { series: Some(&series), annual, zone: Tz::UTC };
    let at = factors.at(Minute(60)).expect("a factor");
    assert_eq!(
        at.origin,
        Origin::Year {
            year: Some(2021),
            is_substitute: true,
            is_unconfirmed: false,
            instead_of_series: true
        }
    );
    assert_eq!(factors.at(Minute(59)).map(|factor| factor.origin), Some(Origin::Series));
    let rows = [Consumption { interval: Interval::new(Minute(0), Minute(120)), energy_uwh: KWH }];
    let error = scope2(&rows, &factors, &with(&[])).expect_err("the factor changes");
    assert_eq!(error, CarbonError::TooCoarse(rows[0].interval));
    let both = scope2(&hours(&[1, 1]), &factors, &with(&[])).expect("reckoned");
    assert_eq!(both.location.len(), 2, "{:?}", both.location);
}

#[test]
fn consumption_that_is_out_of_order_or_without_factor_is_refused() {
    let series = series(&[0.5, 0.5]);
    let rows = hours(&[1, 1, 1]);
    assert_eq!(
        scope2(&rows, &by(&series), &with(&[])),
        Err(CarbonError::NoFactor(rows[2].interval)),
        "missing is never zero"
    );
    let twice = [rows[0], rows[0]];
    assert_eq!(scope2(&twice, &by(&series), &with(&[])), Err(CarbonError::OutOfOrder(rows[0].interval)));
    let negative = hours(&[-1]);
    assert_eq!(scope2(&negative, &by(&series), &with(&[])), Err(CarbonError::Negative(rows[0].interval)));
}

fn any_claim() -> impl Strategy<Value = Claim> {
    (0_i64..12, 1_i64..8, 0_i128..400, 0_u8..4).prop_map(|(from, length, kwh, lot)| Claim {
        generated: Interval::new(Minute(from * 60 - 60), Minute((from + length) * 60)),
        energy_uwh: kwh * KWH + 7,
        ..claim(&format!("lot-{lot}-{from}-{length}"), 0)
    })
}

proptest! {
    /// Energy is conserved, and no interval or claim gives more than it has.
    #[test]
    fn claims_never_exceed_consumption_of_an_interval_or_in_total(
        kwh in proptest::collection::vec(0_i128..100, 1..10),
        claims in proptest::collection::vec(any_claim(), 0..6),
    ) {
        let rows = hours(&kwh);
        let mut left: Vec<i128> = rows.iter().map(|row| row.energy_uwh).collect();
        let (claimed, refused) = claim_all(&rows, &with(&claims), &mut left).expect("claimed");
        for (row, left) in rows.iter().zip(&left) {
            prop_assert!((0..=row.energy_uwh).contains(left), "{left} of {}", row.energy_uwh);
        }
        let consumed: i128 = rows.iter().map(|row| row.energy_uwh).sum();
        let taken: i128 = claimed.iter().map(|claim| claim.energy_uwh).sum();
        prop_assert_eq!(taken + left.iter().sum::<i128>(), consumed);
        let all: i128 = claims.iter().map(|claim| claim.energy_uwh).sum();
        prop_assert_eq!(taken + refused.iter().map(|refused| refused.energy_uwh).sum::<i128>(), all);
    }
}
