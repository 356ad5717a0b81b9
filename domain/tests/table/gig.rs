//! The gig, which everybody sees while it is open.

use domain::access::{Actor, Verb};
use domain::gig::{BriefInput, BriefPatch, FreshQuestions, Gig, GigBrief, GigKind, GigStatus, TradeTerms, Visibility};
use domain::id::{OrganizationId, SkillId};
use domain::invitation::Asking;
use domain::matching::taxonomy::Taxonomy;
use domain::policy::Terms;
use domain::proposal::{Bid, BidInput, MilestoneInput, PriceInput};

use crate::cast::{ada, admin, day, id, usd};
use crate::room::{Command, Room, command};

fn fresh() -> FreshQuestions {
    std::array::from_fn(|n| id(500 + n as u128))
}

pub fn bid() -> BidInput {
    let milestones = vec![MilestoneInput { title: "Work".into(), amount: usd(150_000), due_on: None }];
    let price = PriceInput { milestones, hourly_rate: None };
    BidInput { cover_letter: "I built three ledgers, and would build yours.".into(), price, answers: vec![] }
}

/// A draft that could be published.
fn draft(visibility: Visibility) -> Gig {
    let rust: SkillId = Taxonomy::shipped().find_slug("rust").unwrap().id;
    let input = BriefInput {
        title: "Payments service in Rust".into(),
        description: "Build a payments service, with tests and a runbook, in six weeks.".into(),
        kind: GigKind::Fixed,
        budget_low: usd(100_000),
        budget_high: usd(200_000),
        required_skills: vec![rust],
        nice_skills: vec![],
        questions: vec![],
        experience: None,
        time_zone: None,
        work_starts: None,
        work_ends: None,
        overlap_minutes: None,
        languages: vec![],
        countries: vec![],
        weekly_hours: None,
        visibility,
    };
    let brief = GigBrief::parse(input, &fresh()).unwrap();
    brief.draft(&ada(), id::<OrganizationId>(1), id(1), day(0)).unwrap().next
}

pub fn open() -> Gig {
    draft(Visibility::Public).publish(&ada(), None, &TradeTerms::default(), day(0)).unwrap().next
}

/// A gig in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Gig)> {
    let terms = TradeTerms::default();
    let hidden = draft(Visibility::InviteOnly).publish(&ada(), None, &terms, day(0)).unwrap().next;
    vec![
        ("draft", draft(Visibility::Public)),
        ("open to everybody", open()),
        ("open to the invited", hidden),
        ("paused", open().pause(&ada(), day(1)).unwrap().next),
        ("filled", open().fill(day(1)).unwrap().next),
        ("expired", open().expire(&Actor::System, day(-1), &terms, day(30)).unwrap().next),
        ("cancelled", open().cancel(&ada(), 0, &terms, day(1)).unwrap().next),
        ("cancelled long ago", open().cancel(&ada(), 0, &terms, day(-60)).unwrap().next),
        ("removed", open().remove(&admin(20), "Spam and lies", day(1)).unwrap().next),
    ]
}

pub fn commands() -> Vec<Command<Gig>> {
    vec![
        command("update", Verb::GigUpdate, |g, a| {
            let patch = BriefPatch { title: Some("Another title".into()), ..BriefPatch::default() };
            g.update(a, patch, &fresh(), None, &TradeTerms::default(), day(9))
        }),
        command("publish", Verb::GigPublish, |g, a| g.publish(a, None, &TradeTerms::default(), day(9))),
        command("pause", Verb::GigPause, |g, a| g.pause(a, day(9))),
        command("resume", Verb::GigResume, |g, a| g.resume(a, &TradeTerms::default(), day(9))),
        command("cancel", Verb::GigCancel, |g, a| g.cancel(a, 0, &TradeTerms::default(), day(9))),
        command("cancel, with an offer waiting", Verb::GigCancel, |g, a| {
            g.cancel(a, 1, &TradeTerms::default(), day(9))
        }),
        command("reopen", Verb::GigReopen, |g, a| g.reopen(a, &TradeTerms::default(), day(9))),
        command("remove", Verb::GigRemove, |g, a| g.remove(a, "Spam and lies", day(9))),
        command("invite a freelancer", Verb::InvitationSend, |g, a| {
            let asking = Asking {
                is_known: true,
                gig: &g,
                freelancer: id(1),
                is_member: false,
                sent_before: None,
                sent_today: 0,
                sent_for_gig: 0,
            };
            let sent = asking.send(a, "", id(1), &TradeTerms::default(), day(9))?;
            Ok(sent.map(|_| g))
        }),
        command("bid on it", Verb::ProposalSubmit, |g, a| {
            let bidding = Bid { gig: &g, tied: false, is_blocked: false, live: None, bids_used: 0 };
            Ok(bidding.submit(a, bid(), id(1), (&TradeTerms::default(), &Terms::default()), day(9))?.map(|_| g))
        }),
        command("bid on it, when invited", Verb::ProposalSubmit, |g, a| {
            let bidding = Bid { gig: &g, tied: true, is_blocked: false, live: None, bids_used: 0 };
            Ok(bidding.submit(a, bid(), id(1), (&TradeTerms::default(), &Terms::default()), day(9))?.map(|_| g))
        }),
        command("warn_of_expiry", Verb::GigExpire, |g, a| g.warn_of_expiry(a, day(0), &TradeTerms::default(), day(26))),
        command("expire", Verb::GigExpire, |g, a| g.expire(a, day(0), &TradeTerms::default(), day(400))),
    ]
}

#[test]
fn every_state_of_a_gig_answers_every_verb_of_everybody() {
    let room = Room {
        name: "gig",
        states: states(),
        commands: commands(),
        subject: Gig::subject,
        state: |g| g.status().as_str().to_owned(),
        allowed: |g, a| g.allowed(a, day(9)),
        elsewhere: &[],
        apart: &[Verb::ProposalSubmit],
    };
    room.check("gig", GigStatus::ALL.len());
}
