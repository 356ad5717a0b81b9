//! What is signed, for how long it holds, and what is told.

use uuid::Uuid;

use super::*;
use crate::access::{MemberRole, Person};
use crate::change::TimerChange;
use crate::id::{Id, OrganizationId};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn person(n: u128, memberships: Vec<(OrganizationId, MemberRole)>) -> Actor {
    let user = UserId::from_uuid(Uuid::from_u128(n));
    Actor::Person(Person { user, suspended: false, second_factor: true, staff: None, memberships })
}

fn said(country: &str) -> Certification {
    let wording = i32::from(Wording::latest().version);
    Certification { country: country.into(), wording, signature: " muhammad  ALI ".into() }
}

fn certified(standing: Option<TaxForm>, said: &Certification, now: &str) -> Result<Change<TaxForm>, Refusal> {
    TaxForm::certify(&person(1, vec![]), standing, said, "Muhammad Ali", Some("PK".parse().unwrap()), at(now))
}

fn faults(refused: Result<Change<TaxForm>, Refusal>) -> Vec<String> {
    match refused {
        Err(Refusal::Invalid { fields }) => fields.into_iter().map(|f| format!("{} {}", f.path, f.code)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_form_holds_to_the_end_of_the_third_year_after_the_one_it_was_signed_in() {
    // Signed, asked on, and what it is then. The instructions: signed on September 30, 2015, valid through December 31, 2018.
    for (signed, asked, status) in [
        ("2015-09-30T12:00:00Z", "2015-09-30T12:00:00Z", TaxFormStatus::Valid),
        ("2015-09-30T12:00:00Z", "2018-10-31T23:59:59Z", TaxFormStatus::Valid),
        ("2015-09-30T12:00:00Z", "2018-11-01T00:00:00Z", TaxFormStatus::Expiring),
        ("2015-09-30T12:00:00Z", "2018-12-31T23:59:59Z", TaxFormStatus::Expiring),
        ("2015-09-30T12:00:00Z", "2019-01-01T00:00:00Z", TaxFormStatus::Expired),
        ("2024-02-29T00:00:00Z", "2027-12-31T23:59:59Z", TaxFormStatus::Expiring),
        ("2025-12-31T23:59:59Z", "2028-12-31T23:59:59Z", TaxFormStatus::Expiring),
        ("2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z", TaxFormStatus::Valid),
    ] {
        let form = certified(None, &said("PK"), signed).unwrap().next;
        assert_eq!(form.status(at(asked)), status, "signed {signed}, asked {asked}");
        assert_eq!(tax_form_status(Some(&form), at(asked)), status);
        let gone = TaxForm { withdrawn_at: Some(at(signed)), ..form };
        assert_eq!(gone.status(at(asked)), TaxFormStatus::Withdrawn);
    }
    assert_eq!(tax_form_status(None, at("2026-01-01T00:00:00Z")), TaxFormStatus::None);
}

#[test]
fn what_is_signed_is_the_wording_in_use_by_the_name_on_the_account_for_the_country_of_the_profile() {
    let now = "2026-06-01T10:00:00Z";
    let form = certified(None, &said("PK"), now).unwrap();
    assert!(form.changed && form.next.country.as_str() == "PK");
    for (country, fault) in [("US", "country UNITED_STATES"), ("IN", "country WRONG"), ("pk", "country MALFORMED")] {
        assert_eq!(faults(certified(None, &said(country), now)), [fault]);
    }
    let wrong = Certification { country: "".into(), wording: 0, signature: "Muhammad".into() };
    let all = ["wording OUTDATED", "country MALFORMED", "signature WRONG"];
    assert_eq!(faults(certified(None, &wrong, now)), all);
    assert!(!is_signed_as(" ", ""), "nobody signs with nothing");
    // Without a country in the profile, what is signed says it.
    let nowhere = TaxForm::certify(&person(1, vec![]), None, &said("IN"), "Muhammad Ali", None, at(now));
    assert_eq!(nowhere.unwrap().next.country.as_str(), "IN");
    assert!(TaxForm::certify(&Actor::Nobody, None, &said("PK"), "Muhammad Ali", None, at(now)).is_err());
}

#[test]
fn a_form_given_again_takes_the_place_of_the_last_but_on_the_same_day() {
    let first = certified(None, &said("PK"), "2026-06-01T10:00:00Z").unwrap().next;
    assert!(!certified(Some(first.clone()), &said("PK"), "2026-06-01T23:00:00Z").unwrap().changed);
    let next = certified(Some(first.clone()), &said("PK"), "2027-01-01T00:00:00Z").unwrap();
    assert_eq!((next.changed, next.next.lapses_on.to_string()), (true, "2030-12-31".into()));
    let gone = TaxForm { withdrawn_at: Some(at("2026-06-01T11:00:00Z")), ..first };
    assert!(
        certified(Some(gone), &said("PK"), "2026-06-01T12:00:00Z").unwrap().changed,
        "what was withdrawn is given anew"
    );
}

#[test]
fn its_person_is_reminded_twice_and_of_nothing_that_holds_no_more() {
    let user = UserId::from_uuid(Uuid::from_u128(1));
    let due = |day: &str| vec![TimerChange::Set(Timer::RemindTaxForm(user), at(day))];
    let given = certified(None, &said("PK"), "2026-06-01T10:00:00Z").unwrap();
    assert_eq!(given.timers, due("2029-11-01T00:00:00Z"));
    let form = given.next;
    let reminded = |form: &TaxForm, now: &str| form.clone().remind(&Actor::System, &Terms::default(), at(now)).unwrap();
    let expiring = [Event::TaxFormExpiring { user, lapses_on: form.lapses_on }];
    let stops = vec![TimerChange::Stop(Timer::RemindTaxForm(user))];
    let lapsed = [Event::TaxFormLapsed { user }];
    for (now, told, timers) in [
        ("2029-10-31T00:00:00Z", &[][..], due("2029-11-01T00:00:00Z")),
        ("2029-11-01T00:00:00Z", &expiring, due("2029-12-17T00:00:00Z")),
        // A worker that comes late tells once, of both.
        ("2029-12-17T00:00:00Z", &expiring, due("2030-01-01T00:00:00Z")),
        ("2029-12-31T23:59:59Z", &expiring, due("2030-01-01T00:00:00Z")),
        ("2030-01-01T00:00:00Z", &lapsed, stops.clone()),
    ] {
        let change = reminded(&form, now);
        assert_eq!((&change.events[..], &change.timers), (told, &timers), "{now}");
    }
    let by_person = form.remind(&person(1, vec![]), &Terms::default(), at("2029-11-01T00:00:00Z"));
    assert!(by_person.is_err(), "the clock does that");
}

#[test]
fn who_moves_has_days_to_certify_anew_and_no_more_than_were_left() {
    let (user, terms) = (UserId::from_uuid(Uuid::from_u128(1)), Terms::default());
    let form = certified(None, &said("PK"), "2026-06-01T10:00:00Z").unwrap().next;
    let (home, abroad) = ("PK".parse::<Country>().unwrap(), "AE".parse::<Country>().unwrap());
    assert!(!form.clone().heed_move(home, &terms, at("2027-01-01T00:00:00Z")).changed);
    for (moved, last, held) in [
        ("2027-01-01T08:00:00Z", Some("2027-01-31"), "2027-02-01T00:00:00Z"),
        ("2029-12-20T08:00:00Z", Some("2029-12-31"), "2030-01-01T00:00:00Z"),
        ("2030-01-01T00:00:00Z", None, "2030-01-01T00:00:00Z"),
    ] {
        let gone = form.clone().heed_move(abroad, &terms, at(moved));
        assert_eq!((gone.changed, gone.next.withdrawn_at), (true, Some(at(moved))));
        let told = last.map(|day| Event::TaxFormExpiring { user, lapses_on: day.parse().unwrap() });
        assert_eq!(gone.events, told.into_iter().collect::<Vec<_>>(), "{moved}: what had lapsed is told of once");
        let set = last.map(|_| TimerChange::Set(Timer::RemindTaxForm(user), at(held)));
        assert_eq!(gone.timers, set.into_iter().collect::<Vec<_>>(), "{moved}");
        assert!(!gone.next.clone().heed_move(abroad, &terms, at(moved)).changed, "once");
        let (held, second) = (at(held), TimeDelta::seconds(1));
        let may = |now| must_not_have_lapsed(Some(&gone.next), &terms, now).is_ok();
        assert!(may(held - second) && !may(held), "{moved}");
        let early = gone.next.clone().remind(&Actor::System, &terms, held - second).unwrap();
        assert!(early.events.is_empty(), "{moved}");
        let late = gone.next.remind(&Actor::System, &terms, held).unwrap();
        assert_eq!(late.events, [Event::TaxFormLapsed { user }], "{moved}");
        assert_eq!(late.timers, [TimerChange::Stop(Timer::RemindTaxForm(user))], "{moved}");
    }
    assert!(must_not_have_lapsed(None, &terms, at("2031-01-01T00:00:00Z")).is_ok(), "nobody was asked for one");
    let anew = certified(Some(form), &said("PK"), "2031-01-01T00:00:00Z").unwrap().next;
    assert!(must_not_have_lapsed(Some(&anew), &terms, at("2031-01-01T00:00:00Z")).is_ok());
}

#[test]
fn each_level_takes_those_below_it() {
    for (known, level, proofs) in [
        ([false; 4], Assurance::None, 0),
        ([false, true, true, true], Assurance::None, 3),
        ([true, false, true, true], Assurance::Email, 3),
        ([true, true, false, true], Assurance::Protected, 3),
        ([true, true, true, false], Assurance::Declared, 3),
        ([true; 4], Assurance::Screened, 4),
    ] {
        let [reads_mail, is_protected, is_declared, is_screened] = known;
        let known = Known { reads_mail, is_protected, is_declared, is_screened };
        assert_eq!((known.assurance(), known.proofs().len()), (level, proofs), "{known:?}");
    }
    assert!(Assurance::None < Assurance::Email && Assurance::Declared < Assurance::Screened);
}

#[test]
fn the_log_tells_outcomes_and_not_whose_nor_what_was_over_before() {
    let day = |n: u32| at(&format!("2026-06-{n:02}T00:00:00Z"));
    let review = |found, cleared: Option<u32>| Review { found_at: day(found), cleared_at: cleared.map(day) };
    let told = |sides: [Option<u32>; 2], reviews: &[Review]| -> Vec<(u32, Outcome)> {
        let log = screening_log(day(10), sides.map(|side| side.map(day)), reviews);
        log.into_iter().map(|line| (line.at.day(), line.outcome)).collect()
    };
    assert_eq!(told([Some(12), None], &[]), [], "one side alone is not both");
    assert_eq!(told([Some(15), Some(12)], &[]), [(12, Outcome::Clear)]);
    assert_eq!(told([Some(15), Some(12)], &[review(1, Some(9))]), [(12, Outcome::Clear)]);
    assert_eq!(told([Some(15), Some(12)], &[review(12, None)]), [(12, Outcome::UnderReview)]);
    let many: Vec<Review> = (0..200)
        .map(|n| Review {
            found_at: day(11) + TimeDelta::seconds(n),
            cleared_at: Some(day(12) + TimeDelta::seconds(n)),
        })
        .collect();
    let latest = told([Some(20), Some(21)], &many);
    assert_eq!((latest.len(), latest.last()), (100, Some(&(20, Outcome::Clear))), "the latest hundred");
    let both = [review(11, Some(13)), review(11, Some(14))];
    let lines = [(11, Outcome::UnderReview), (13, Outcome::Cleared), (14, Outcome::Cleared), (20, Outcome::Clear)];
    assert_eq!(told([Some(20), Some(21)], &both), lines);
}

#[test]
fn invoices_add_up_and_what_nobody_said_of_them_stands_apart() {
    let charge = |cents: i64, fee: i64, share: Option<u16>| Charged {
        amount: Money::usd(cents).unwrap(),
        fee: Money::usd(fee).unwrap(),
        share: share.map(|bp| Rate::basis_points_of(bp).unwrap()),
    };
    assert_eq!(invoice_sums(&[]), Ok(vec![]));
    let sums = invoice_sums(&[charge(10_000, 300, Some(8_000)), charge(333, 10, Some(5_000)), charge(500, 15, None)]);
    let [sum] = sums.unwrap()[..] else { panic!("of one currency") };
    let cents = [sum.development, sum.other, sum.not_stated, sum.total].map(Money::minor);
    assert_eq!((sum.invoices, cents[2], cents[3]), (3, 515, 11_158));
    assert_eq!(cents[0] + cents[1] + cents[2], cents[3]);
    assert_eq!(cents[0], 8_000 + Money::usd(333).unwrap().share(Rate::basis_points_of(5_000).unwrap()).minor());
}
