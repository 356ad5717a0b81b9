//! The proposal, which the client does not know of while it is a draft.

use domain::access::{self, Actor, Verb};
use domain::gig::TradeTerms;
use domain::money::Money;
use domain::policy::Terms;
use domain::proposal::{Bid, BidInput, Closing, DeclineReason, MilestoneInput, PriceInput, Proposal};

use crate::cast::{ada, admin, day, id, lin, usd};
use crate::gig::{bid, open};
use crate::room::{Command, Room, command};

fn price(amount: Money) -> PriceInput {
    let milestones = vec![MilestoneInput { title: "Work".into(), amount, due_on: None }];
    PriceInput { milestones, hourly_rate: None }
}

/// A proposal in each of its states, reached by its verbs.
fn states() -> Vec<(&'static str, Proposal)> {
    let gig = open();
    let first = Bid { gig: &gig, tied: false, is_blocked: false, live: None, bids_used: 0 };
    let draft = || first.save_draft(&lin(), bid(), id(1), &Terms::default(), day(0)).unwrap().next;
    let submitted =
        || first.submit(&lin(), bid(), id(1), (&TradeTerms::default(), &Terms::default()), day(0)).unwrap().next;
    let interviewing = || submitted().interview(&ada(), day(1)).unwrap().next;
    let countered =
        |p: Proposal| p.counter(&ada(), (price(usd(120_000)), &Terms::default()), "", None, day(2)).unwrap().next;
    let offered = || interviewing().offered(&gig, day(2)).unwrap().next;
    let closed = |closing| submitted().close(&Actor::System, closing, day(3)).unwrap().next;
    vec![
        ("draft", draft()),
        ("submitted", submitted()),
        ("viewed", submitted().view(&ada(), day(1)).unwrap().next),
        ("shortlisted", submitted().shortlist(&ada(), day(1)).unwrap().next),
        ("interviewing", interviewing()),
        ("countered", countered(submitted())),
        ("countered when interviewing", countered(interviewing())),
        ("offered", offered()),
        ("hired", offered().hired(day(3)).unwrap().next),
        ("withdrawn as a draft", draft().withdraw(&lin(), day(1)).unwrap().next),
        ("withdrawn", submitted().withdraw(&lin(), day(1)).unwrap().next),
        ("declined", submitted().decline(&ada(), DeclineReason::Price, "", day(1)).unwrap().next),
        ("not selected", closed(Closing::NotSelected)),
        ("expired", closed(Closing::Expired)),
        ("removed", closed(Closing::Removed)),
    ]
}

pub fn commands() -> Vec<Command<Proposal>> {
    vec![
        command("revise", Verb::ProposalRevise, |p, a| {
            p.revise(a, BidInput { price: price(usd(140_000)), ..bid() }, (&open().brief, &Terms::default()), None)
        }),
        command("counter_accept", Verb::ProposalCounterAccept, |p, a| p.counter_accept(a, None)),
        command("withdraw", Verb::ProposalWithdraw, |p, a| p.withdraw(a, day(9))),
        command("view", Verb::ProposalView, |p, a| p.view(a, day(9))),
        command("shortlist", Verb::ProposalShortlist, |p, a| p.shortlist(a, day(9))),
        command("interview", Verb::ProposalInterview, |p, a| p.interview(a, day(9))),
        command("decline", Verb::ProposalDecline, |p, a| p.decline(a, DeclineReason::Other, "", day(9))),
        command("counter", Verb::ProposalCounter, |p, a| {
            p.counter(a, (price(usd(110_000)), &Terms::default()), "", None, day(9))
        }),
        command("make an offer on it", Verb::OfferCreate, |p, a| {
            access::check(a, Verb::OfferCreate, &p.subject())?;
            p.offered(&open(), day(9))
        }),
        command("close: someone else was hired", Verb::ProposalClose, |p, a| p.close(a, Closing::NotSelected, day(9))),
        command("close: the gig expired", Verb::ProposalClose, |p, a| p.close(a, Closing::Expired, day(9))),
        command("close: the gig was removed", Verb::ProposalClose, |p, a| p.close(a, Closing::Removed, day(9))),
    ]
}

#[test]
fn every_state_of_a_proposal_answers_every_verb_of_everybody() {
    let room = Room {
        name: "proposal",
        states: states(),
        commands: commands(),
        subject: Proposal::subject,
        state: |p| p.status().as_str().to_owned(),
        allowed: Proposal::allowed,
        // Bids are tried in the gig's room, and an offer is answered in its own.
        elsewhere: &[
            Verb::ProposalDraftSave,
            Verb::ProposalSubmit,
            Verb::OfferAccept,
            Verb::OfferDecline,
            Verb::OfferWithdraw,
        ],
        apart: &[],
    };
    room.check("proposal", 13);
}

/// Money is not to wait for an answer about a gig that is over, nor a proposal to stay live for it.
#[test]
fn an_offer_is_made_while_the_gig_stands_and_gives_its_proposal_back_only_then() {
    let terms = TradeTerms::default();
    let gigs = [
        (open(), "interviewing"),
        (open().pause(&ada(), day(1)).unwrap().next, "interviewing"),
        (open().fill(day(1)).unwrap().next, "not_selected"),
        (open().expire(&Actor::System, day(-1), &terms, day(30)).unwrap().next, "expired"),
        (open().cancel(&ada(), 0, &terms, day(1)).unwrap().next, "expired"),
        (open().remove(&admin(20), "Spam and lies", day(1)).unwrap().next, "removed"),
    ];
    let stands = |name: &str| states().into_iter().find(|(state, _)| *state == name).unwrap().1;
    for (gig, left) in gigs {
        let given_back = stands("offered").offer_ended(&gig, day(40));
        assert!(given_back.changed && !given_back.events.is_empty(), "{left}");
        assert_eq!(given_back.next.status().as_str(), left);
        let made = stands("interviewing").offered(&gig, day(40));
        assert_eq!(made.is_ok(), left == "interviewing", "{left}: {made:?}");
        assert!(!stands("shortlisted").offer_ended(&gig, day(40)).changed, "there was none");
    }
}

/// The client is not to learn that it was being written.
#[test]
fn a_draft_that_is_withdrawn_is_told_to_nobody() {
    let withdrawn = |name: &str| {
        let stands = states().into_iter().find(|(state, _)| *state == name).unwrap().1;
        stands.withdraw(&lin(), day(4)).unwrap()
    };
    let (draft, submitted) = (withdrawn("draft"), withdrawn("submitted"));
    assert!(draft.changed && draft.events.is_empty() && draft.next.version == 2, "{draft:?}");
    assert_eq!(submitted.events.len(), 1);
}
