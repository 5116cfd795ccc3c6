use super::*;
use std::convert::Infallible;
use wattledger_model::document::Place;
use wattledger_model::time::Minute;

const WINDOW: Interval = Interval { from: Minute(0), to: Minute(600) };

pub(in crate::indicators) fn claim(lot: &str, energy_uwh: i128) -> Claim {
    Claim {
        lot: lot.to_owned(),
        kind: CertificateKind::GuaranteeOfOrigin,
        market: None,
        generated: WINDOW,
        energy_uwh,
        sold_uwh: 0,
        is_retired: true,
        used_uwh: None,
    }
}

fn told(refused: &[Refused]) -> Vec<(&str, i128, Refusal)> {
    refused.iter().map(|refused| (refused.lot.as_str(), refused.energy_uwh, refused.why)).collect()
}

#[test]
fn each_energy_counts_once_and_for_its_holder_only() {
    let claims = [
        claim("a", 100),
        claim("a", 100),
        Claim { kind: CertificateKind::PowerPurchase, ..claim("a", 1) },
        Claim { is_retired: false, ..claim("c", 20) },
        Claim { sold_uwh: 30, ..claim("d", 50) },
        Claim { sold_uwh: 60, ..claim("e", 50) },
        claim("f", -1),
        claim("g", 0),
        Claim { generated: Interval::new(Minute(300), Minute(900)), ..claim("h", 10) },
    ];
    let (admitted, refused) = admit(&claims, WINDOW);
    let counted: Vec<_> = admitted.iter().map(|a| (a.claim.lot.as_str(), a.energy_uwh)).collect();
    assert_eq!(counted, [("a", 100), ("a", 1), ("d", 20), ("h", 5)]);
    let expected = [
        ("a", 100, Refusal::Twice),
        ("c", 20, Refusal::NotRetired),
        ("d", 30, Refusal::Sold),
        ("e", 50, Refusal::Impossible),
        ("f", -1, Refusal::Impossible),
        ("g", 0, Refusal::NoAmount),
        ("h", 5, Refusal::OtherPeriod),
    ];
    assert_eq!(told(&refused), expected);
}

fn on_site(energy: Option<i128>, generated: Interval, sold: i128) -> Certificate {
    Certificate {
        kind: CertificateKind::OnSite,
        energy,
        generated,
        market: None,
        retired: Some(date("2026-03-01")),
        sold,
        reference: None,
        place: Place { line: generated.from.0 as u32 + 7, column: 1 },
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// A plant that gives 10 a minute, of which 4 leave.
fn plant(interval: Interval) -> Result<Option<OnSite>, Infallible> {
    let minutes = i128::from(interval.minutes());
    Ok(Some(OnSite { generated_uwh: 10 * minutes, exported_uwh: 4 * minutes }))
}

fn counted(certificates: &[Certificate], as_of: &str) -> (i128, Vec<Refusal>) {
    let claims = claims(certificates, WINDOW, date(as_of), plant).unwrap_or_else(|never| match never {});
    let (admitted, refused) = admit(&claims, WINDOW);
    let counted = admitted.iter().map(|admitted| admitted.energy_uwh).sum();
    (counted, refused.iter().map(|refused| refused.why).collect())
}

#[test]
fn generation_on_site_counts_as_far_as_it_was_used_and_its_certificates_kept() {
    let of = |energy, sold| counted(&[on_site(energy, WINDOW, sold)], "2026-03-01");
    assert_eq!(of(None, 0), (3_600, vec![Refusal::NotUsed]));
    assert_eq!(of(None, 1_000), (3_600, vec![Refusal::Sold, Refusal::NotUsed]), "5 000 were kept");
    assert_eq!(of(None, 6_000), (0, vec![Refusal::Sold]));
    assert_eq!(of(None, 60_000), (0, vec![Refusal::Sold]), "not less than nothing");
    assert_eq!(of(Some(100), 0), (100, vec![]), "no more than there are certificates");
    assert_eq!(counted(&[on_site(None, WINDOW, 0)], "2026-02-28"), (0, vec![Refusal::NotRetired]));
}

#[test]
fn what_was_metered_once_is_claimed_once() {
    let half = Interval::new(Minute(300), Minute(900));
    let both = counted(&[on_site(None, WINDOW, 0), on_site(None, half, 0)], "2026-03-01");
    assert_eq!(both, (3_600, vec![Refusal::NotUsed, Refusal::NotUsed]));
    let (first, _) = counted(&[on_site(None, half, 0)], "2026-03-01");
    assert_eq!(first, 1_800, "the half that lies in the window");
}

#[test]
fn without_meters_and_amount_there_is_nothing_to_claim() {
    let none = |_| Ok::<_, Infallible>(None);
    let certificates = [on_site(None, WINDOW, 0), on_site(Some(50), Interval::new(Minute(1), Minute(2)), 0)];
    let claims =
        claims(&certificates, WINDOW, date("2026-03-01"), none).unwrap_or_else(|never| match never {});
    let (admitted, refused) = admit(&claims, WINDOW);
    assert_eq!(admitted.iter().map(|admitted| admitted.energy_uwh).collect::<Vec<_>>(), [50]);
    assert_eq!(told(&refused), [("line 7 of the configuration", 0, Refusal::NoAmount)]);
}
