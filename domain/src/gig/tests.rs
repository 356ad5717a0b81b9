use chrono::{NaiveTime, TimeDelta};
use uuid::Uuid;

use super::*;
use crate::access::{Denied, MemberRole, Person, Staff};
use crate::change::TimerChange;
use crate::id::{Id, ScreeningQuestionId, SkillId};
use crate::matching::features::{Fluency, Language};
use crate::matching::taxonomy::Taxonomy;
use crate::money::{Currency, Money};

fn at(day: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::days(20_000 + day)
}

fn client() -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(1))
}

fn member(role: MemberRole) -> Actor {
    person(7, vec![(client(), role)], None)
}

fn person(n: u128, memberships: Vec<(OrganizationId, MemberRole)>, staff: Option<Staff>) -> Actor {
    Actor::Person(Person {
        user: UserId::from_uuid(Uuid::from_u128(n)),
        suspended: false,
        second_factor: true,
        staff,
        memberships,
    })
}

fn stranger() -> Actor {
    person(9, vec![], None)
}

fn moderator() -> Actor {
    person(8, vec![], Some(Staff::Admin))
}

fn fresh() -> FreshQuestions {
    std::array::from_fn(|n| ScreeningQuestionId::from_uuid(Uuid::from_u128(500 + n as u128)))
}

fn skill(slug: &str) -> SkillId {
    Taxonomy::shipped().find_slug(slug).unwrap().id
}

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn input() -> BriefInput {
    BriefInput {
        title: "Payments service in Rust".to_owned(),
        description: "Build a payments service, with tests and a runbook, in six weeks.".to_owned(),
        kind: GigKind::Fixed,
        budget_low: usd(100_000),
        budget_high: usd(200_000),
        required_skills: vec![skill("rust")],
        nice_skills: vec![skill("kotlin")],
        questions: vec![QuestionInput { id: None, text: "Which ledger did you build?".to_owned(), required: true }],
        experience: None,
        time_zone: Some("America/New_York".to_owned()),
        work_starts: None,
        work_ends: None,
        overlap_minutes: Some(120),
        languages: vec![],
        countries: vec![],
        weekly_hours: Some(20),
        visibility: Visibility::Public,
    }
}

fn gig(state: GigState) -> Gig {
    let brief = GigBrief::parse(input(), &fresh()).unwrap();
    let published_at = (!matches!(state, GigState::Draft)).then(|| at(0));
    let id = GigId::from_uuid(Uuid::from_u128(3));
    let created_by = UserId::from_uuid(Uuid::from_u128(7));
    Gig {
        id,
        client: client(),
        created_by,
        brief,
        state,
        published_at,
        active_at: at(0),
        version: 4,
        created_at: at(0),
    }
}

fn states() -> Vec<GigState> {
    vec![
        GigState::Draft,
        GigState::Open,
        GigState::Paused { at: at(1) },
        GigState::Filled { at: at(1) },
        GigState::Expired { at: at(1), reopen_until: at(61) },
        GigState::Cancelled { at: at(1), reopen_until: at(61) },
        GigState::Removed { at: at(1), reason: "spam and lies".to_owned() },
    ]
}

type Act = fn(Gig, &Actor) -> Result<Change<Gig>, Refusal>;

/// Every verb on every state: `=` for a repeat, a state for a change, `!` for a wrong state.
#[test]
fn every_verb_meets_every_state() {
    let acts: [(&str, Act, [&str; 7]); 8] = [
        // verb                              draft       open         paused       filled      expired      cancelled    removed
        (
            "update",
            |gig, who| {
                let patch = BriefPatch { title: Some("Another title".to_owned()), ..BriefPatch::default() };
                gig.update(who, patch, &fresh(), Some(4), &TradeTerms::default(), at(2))
            },
            ["draft", "open", "paused", "!", "!", "!", "!"],
        ),
        (
            "publish",
            |gig, who| gig.publish(who, None, &TradeTerms::default(), at(2)),
            ["open", "=", "!", "!", "!", "!", "!"],
        ),
        ("pause", |gig, who| gig.pause(who, at(2)), ["!", "paused", "=", "!", "!", "!", "!"]),
        ("resume", |gig, who| gig.resume(who, &TradeTerms::default(), at(2)), ["!", "=", "open", "!", "!", "!", "!"]),
        (
            "cancel",
            |gig, who| gig.cancel(who, 0, &TradeTerms::default(), at(2)),
            ["cancelled", "cancelled", "cancelled", "!", "!", "=", "!"],
        ),
        (
            "reopen",
            |gig, who| gig.reopen(who, &TradeTerms::default(), at(2)),
            ["!", "=", "!", "!", "open", "open", "!"],
        ),
        ("fill", |gig, _| gig.fill(at(2)), ["!", "filled", "filled", "=", "!", "!", "!"]),
        (
            "expire",
            |gig, _| gig.expire(&Actor::System, at(0), &TradeTerms::default(), at(30)),
            ["=", "expired", "expired", "=", "=", "=", "="],
        ),
    ];
    for (verb, act, outcomes) in acts {
        for (state, expected) in states().into_iter().zip(outcomes) {
            let before = gig(state);
            let from = before.status().as_str();
            let outcome = match act(before.clone(), &member(MemberRole::Recruiter)) {
                Ok(change) if change.changed => {
                    assert_eq!(change.events.len(), 1, "{verb} on {from} tells what happened");
                    assert_eq!(change.next.version, 5, "{verb} on {from} is a new version");
                    change.next.status().as_str()
                }
                Ok(change) => {
                    assert_eq!(change, Change::none(before), "{verb} on {from} changes nothing");
                    "="
                }
                Err(Refusal::WrongState { state, .. }) => {
                    assert_eq!(state, from);
                    "!"
                }
                Err(other) => panic!("{verb} on {from}: {other:?}"),
            };
            assert_eq!(outcome, expected, "{verb} on {from}");
        }
    }
}

#[test]
fn only_those_who_may_hire_touch_a_gig() {
    let acts: [(&str, Act); 6] = [
        ("update", |gig, who| gig.update(who, BriefPatch::default(), &fresh(), None, &TradeTerms::default(), at(2))),
        ("publish", |gig, who| gig.publish(who, None, &TradeTerms::default(), at(2))),
        ("pause", |gig, who| gig.pause(who, at(2))),
        ("resume", |gig, who| gig.resume(who, &TradeTerms::default(), at(2))),
        ("cancel", |gig, who| gig.cancel(who, 0, &TradeTerms::default(), at(2))),
        ("reopen", |gig, who| gig.reopen(who, &TradeTerms::default(), at(2))),
    ];
    for (verb, act) in acts {
        for (who, denied) in [
            (Actor::Nobody, Denied::SignIn),
            (stranger(), Denied::NotAllowed),
            (member(MemberRole::Viewer), Denied::NotAllowed),
            (member(MemberRole::Finance), Denied::NotAllowed),
            (moderator(), Denied::NotAllowed),
        ] {
            assert_eq!(act(gig(GigState::Open), &who), Err(denied.into()), "{verb} by {who:?}");
        }
        let mut hidden = gig(GigState::Open);
        hidden.brief.visibility = Visibility::InviteOnly;
        assert_eq!(act(hidden, &stranger()), Err(Refusal::HIDDEN), "{verb} on what a stranger can't see");
        assert_eq!(act(gig(GigState::Draft), &stranger()), Err(Refusal::HIDDEN), "{verb} on a stranger's draft");
    }
}

#[test]
fn only_moderators_remove_a_gig_and_never_twice() {
    for state in states() {
        let by_client = gig(state.clone()).remove(&member(MemberRole::Owner), "asks for free work", at(2));
        assert_eq!(by_client, Err(Denied::NotAllowed.into()));

        let removed = gig(state.clone()).remove(&moderator(), "asks for free work", at(2)).unwrap();
        assert_eq!(removed.changed, !matches!(state, GigState::Removed { .. }));
        assert_eq!(removed.next.status(), GigStatus::Removed);
    }
    let silent = gig(GigState::Open).remove(&moderator(), " ", at(2));
    assert!(matches!(silent, Err(Refusal::Invalid { .. })));
}

#[test]
fn buttons_and_refusals_agree() {
    let acts: [(Verb, Act); 6] = [
        (Verb::GigUpdate, |gig, who| {
            gig.update(who, BriefPatch::default(), &fresh(), None, &TradeTerms::default(), at(2))
        }),
        (Verb::GigPause, |gig, who| gig.pause(who, at(2))),
        (Verb::GigResume, |gig, who| gig.resume(who, &TradeTerms::default(), at(2))),
        (Verb::GigCancel, |gig, who| gig.cancel(who, 0, &TradeTerms::default(), at(2))),
        (Verb::GigReopen, |gig, who| gig.reopen(who, &TradeTerms::default(), at(2))),
        (Verb::GigPublish, |gig, who| gig.publish(who, None, &TradeTerms::default(), at(2))),
    ];
    for who in [member(MemberRole::Owner), member(MemberRole::Viewer), stranger(), Actor::Nobody, moderator()] {
        for state in states() {
            for (verb, act) in acts {
                let button = gig(state.clone()).allowed(&who, at(2)).contains(&verb);
                let refused = act(gig(state.clone()), &who).is_err();
                assert!(!(button && refused), "{verb:?} on {state:?} was offered to {who:?} and refused");
            }
        }
    }
}

#[test]
fn a_gig_without_activity_is_warned_of_and_expires() {
    let terms = TradeTerms::default();
    let published = gig(GigState::Draft).publish(&member(MemberRole::Owner), Some(4), &terms, at(0)).unwrap();
    let id = published.next.id;
    let timers = [TimerChange::Set(Timer::ExpireGig(id), at(30)), TimerChange::Set(Timer::WarnGigExpiry(id), at(25))];
    assert_eq!(published.timers, timers);

    // Someone proposed on day 3: what is due moves three days.
    let open = published.next;
    let later = open.clone().warn_of_expiry(&Actor::System, at(3), &terms, at(25)).unwrap();
    let moved = [TimerChange::Set(Timer::ExpireGig(id), at(33)), TimerChange::Set(Timer::WarnGigExpiry(id), at(28))];
    assert_eq!((later.timers.as_slice(), later.events.as_slice()), (moved.as_slice(), [].as_slice()));
    let warned = open.clone().warn_of_expiry(&Actor::System, at(3), &terms, at(28)).unwrap();
    assert_eq!(warned.events, [Event::GigExpiring { gig: id, client: client(), expires_at: at(33) }]);
    let early = open.clone().expire(&Actor::System, at(3), &terms, at(30)).unwrap();
    assert_eq!((early.next.status(), early.timers.as_slice()), (GigStatus::Open, moved.as_slice()));
    let expired = open.clone().expire(&Actor::System, at(3), &terms, at(33)).unwrap();
    assert_eq!(expired.next.state, GigState::Expired { at: at(33), reopen_until: at(93) });
    assert_eq!(open.expire(&member(MemberRole::Owner), at(3), &terms, at(33)), Err(Denied::NotAllowed.into()));
}

#[test]
fn a_closed_gig_reopens_until_the_last_day_and_not_after() {
    let terms = TradeTerms::default();
    let owner = member(MemberRole::Owner);
    let closed = gig(GigState::Cancelled { at: at(1), reopen_until: at(61) });
    let reopened = closed.clone().reopen(&owner, &terms, at(61) - TimeDelta::microseconds(1)).unwrap();
    assert_eq!((reopened.next.status(), reopened.timers.len()), (GigStatus::Open, 2));
    let late = closed.clone().reopen(&owner, &terms, at(61));
    assert!(matches!(late, Err(Refusal::Rule { code, .. }) if code == "REOPEN_TOO_LATE"));
    assert_eq!(closed.allowed(&owner, at(61)), []);
}

#[test]
fn a_gig_with_an_offer_that_waits_is_not_cancelled() {
    let refused = gig(GigState::Open).cancel(&member(MemberRole::Owner), 1, &TradeTerms::default(), at(2));
    assert!(matches!(refused, Err(Refusal::Rule { code, .. }) if code == "OFFER_WAITING"));
}

#[test]
fn what_was_not_seen_is_not_overwritten() {
    let terms = TradeTerms::default();
    let owner = member(MemberRole::Owner);
    let stale = Refusal::Stale { expected: 3, actual: 4 };
    let patch = BriefPatch { title: Some("Another title".to_owned()), ..BriefPatch::default() };
    let update = gig(GigState::Open).update(&owner, patch, &fresh(), Some(3), &terms, at(2));
    assert_eq!(update, Err(stale.clone()));
    assert_eq!(gig(GigState::Draft).publish(&owner, Some(3), &terms, at(2)), Err(stale));
    // Nobody who may not change it learns its version.
    let other = gig(GigState::Open).update(&stranger(), BriefPatch::default(), &fresh(), Some(3), &terms, at(2));
    assert_eq!(other, Err(Denied::NotAllowed.into()));
}

#[test]
fn a_published_gig_stays_complete_and_keeps_its_kind() {
    let terms = TradeTerms::default();
    let owner = member(MemberRole::Owner);
    let faults = |patch, state| match gig(state).update(&owner, patch, &fresh(), None, &terms, at(2)) {
        Err(Refusal::Invalid { fields }) => fields.into_iter().map(|field| (field.path, field.code)).collect(),
        Ok(_) => Vec::new(),
        Err(other) => panic!("{other:?}"),
    };
    let bare =
        BriefPatch { description: Some("Soon.".to_owned()), required_skills: Some(vec![]), ..BriefPatch::default() };
    let expected =
        [("description", "TOO_SHORT"), ("requiredSkills", "REQUIRED")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(faults(bare.clone(), GigState::Draft), []);
    assert_eq!(faults(bare, GigState::Open), expected);
    let hourly = BriefPatch {
        kind: Some(GigKind::Hourly),
        budget_low: Some(usd(2_000)),
        budget_high: Some(usd(4_000)),
        ..BriefPatch::default()
    };
    assert_eq!(faults(hourly.clone(), GigState::Draft), []);
    assert_eq!(faults(hourly, GigState::Open), [("kind".to_owned(), "FROZEN".to_owned())]);
    let mut draft = gig(GigState::Draft);
    draft.brief.skills.clear();
    assert!(matches!(draft.publish(&owner, None, &terms, at(2)), Err(Refusal::Invalid { .. })));
}

#[test]
fn another_wording_is_another_question() {
    let terms = TradeTerms::default();
    let owner = member(MemberRole::Owner);
    let before = gig(GigState::Open);
    let kept = before.brief.questions[0].clone();
    let question = |id, text: &str| QuestionInput { id, text: text.to_owned(), required: true };
    let ask = |questions| {
        let others: FreshQuestions = std::array::from_fn(|n| Id::from_uuid(Uuid::from_u128(900 + n as u128)));
        let patch = BriefPatch { questions: Some(questions), ..BriefPatch::default() };
        before.clone().update(&owner, patch, &others, None, &terms, at(2)).map(|change| change.next.brief.questions)
    };
    let same = ask(vec![question(None, "May we call you?"), question(Some(kept.id), &kept.text)]).unwrap();
    assert_eq!(same[1].id, kept.id);
    assert_ne!(same[0].id, kept.id);
    let reworded = ask(vec![question(Some(kept.id), "Which ledgers did you build?")]).unwrap();
    assert_ne!(reworded[0].id, kept.id);
    let unknown = ask(vec![question(Some(Id::from_uuid(Uuid::from_u128(77))), "Which ledger?")]);
    assert!(matches!(unknown, Err(Refusal::Invalid { fields }) if fields[0].code == "UNKNOWN"));
    let twice = ask(vec![question(Some(kept.id), &kept.text), question(Some(kept.id), &kept.text)]);
    assert!(matches!(twice, Err(Refusal::Invalid { fields }) if fields[0].code == "DUPLICATE"));
}

type Typo = fn(&mut BriefInput);

#[test]
fn every_fault_of_a_brief_is_told_where_it_is() {
    let typos: &[(Typo, &str, &str)] = &[
        (|input| input.title = " ".to_owned(), "title", "REQUIRED"),
        (|input| input.title = "x".repeat(121), "title", "TOO_LONG"),
        (|input| input.title = "a \u{202e} title".to_owned(), "title", "MALFORMED"),
        (|input| input.description = "y".repeat(10_001), "description", "TOO_LONG"),
        (|input| input.budget_low = usd(0), "budget.low", "OUT_OF_RANGE"),
        (|input| input.budget_high = usd(100_000_001), "budget.high", "OUT_OF_RANGE"),
        (|input| input.budget_high = usd(99_999), "budget.high", "OUT_OF_RANGE"),
        (|input| input.budget_low = Money::new(5_000, Currency::Pkr).unwrap(), "budget.low", "CURRENCY"),
        (|input| input.required_skills = vec![Id::from_uuid(Uuid::nil())], "requiredSkills.0", "UNKNOWN"),
        (|input| input.nice_skills = input.required_skills.clone(), "niceSkills.0", "DUPLICATE"),
        (|input| input.required_skills = vec![skill("rust"); 21], "requiredSkills", "TOO_MANY"),
        (|input| input.questions[0].text = "?".to_owned(), "questions.0.text", "TOO_SHORT"),
        (|input| input.questions = vec![input.questions[0].clone(); 11], "questions", "TOO_MANY"),
        (|input| input.time_zone = Some("UTC+5".to_owned()), "timeZone", "UNKNOWN"),
        (|input| (input.time_zone, input.overlap_minutes) = (None, Some(60)), "timeZone", "REQUIRED"),
        (|input| input.overlap_minutes = Some(481), "requiredOverlapMinutes", "OUT_OF_RANGE"),
        (|input| input.overlap_minutes = Some(-60), "requiredOverlapMinutes", "OUT_OF_RANGE"),
        (|input| input.work_ends = NaiveTime::from_hms_opt(9, 0, 0), "workDayEnds", "OUT_OF_RANGE"),
        (|input| input.weekly_hours = Some(81), "weeklyHours", "OUT_OF_RANGE"),
        (|input| input.weekly_hours = Some(i32::MIN), "weeklyHours", "OUT_OF_RANGE"),
        (|input| input.countries = vec!["Pakistan".to_owned()], "countries.0", "MALFORMED"),
        (|input| input.countries = vec!["PK".to_owned(), "PK".to_owned()], "countries.1", "DUPLICATE"),
        (|input| input.countries = vec!["PK".to_owned(); 51], "countries", "TOO_MANY"),
        (
            |input| input.languages = vec![Language { code: "English".to_owned(), fluency: Fluency::Fluent }],
            "languages.0.code",
            "MALFORMED",
        ),
        (
            |input| input.languages = vec![Language { code: "en".to_owned(), fluency: Fluency::Fluent }; 2],
            "languages.1.code",
            "DUPLICATE",
        ),
    ];
    assert!(GigBrief::parse(input(), &fresh()).is_ok());
    for (typo, path, code) in typos {
        let mut input = input();
        typo(&mut input);
        match GigBrief::parse(input, &fresh()) {
            Err(Refusal::Invalid { fields }) => {
                let told = fields.iter().any(|field| field.path == *path && field.code == *code);
                assert!(told, "{path} {code}: {fields:?}");
            }
            other => panic!("{path} {code}: {other:?}"),
        }
    }
}

#[test]
fn who_sees_a_gig() {
    let mut invite_only = gig(GigState::Open);
    invite_only.brief.visibility = Visibility::InviteOnly;
    let seen = |gig: &Gig| {
        let tied =
            [(stranger(), false), (stranger(), true), (Actor::Nobody, true), (member(MemberRole::Viewer), false)];
        tied.map(|(who, tied)| gig.visible_to(&who, tied))
    };
    assert_eq!(seen(&gig(GigState::Open)), [true, true, true, true]);
    assert_eq!(seen(&invite_only), [false, true, false, true]);
    assert_eq!(seen(&gig(GigState::Draft)), [false, false, false, true]);
    assert_eq!(seen(&gig(GigState::Filled { at: at(1) })), [false, true, false, true]);
}
