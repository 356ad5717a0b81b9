//! Reviews: the pair of a contract, and one of them with its reply.

use domain::access::{Actor, Verb};
use domain::contract::Contract;
use domain::milestone::Side;
use domain::review::{Review, ReviewDraft, Reviews};

use crate::cast::{ada, day, id, lin, usd};
use crate::contract::{active, ended};
use crate::room::{Command, Outcome, Room, command};

type Pair = (Contract, Reviews);

fn writes((contract, reviews): Pair, actor: &Actor, on: i64) -> Outcome<Pair> {
    let draft = ReviewDraft::parse(4, "Clear and kind").unwrap();
    let change = reviews.submit(actor, day(on), &contract, usd(9_500), id(3), draft)?;
    Ok(change.map(|reviews| (contract, reviews)))
}

fn state((contract, reviews): &Pair) -> String {
    let out = reviews.all().any(|review| review.published_at.is_some());
    match (contract.reviews_close_at(), reviews.all().count(), out) {
        (None, ..) => contract.status().as_str(),
        (Some(_), 0, _) => "ended, nothing written",
        (Some(_), _, false) => "ended, one written",
        (Some(_), _, true) => "ended, published",
    }
    .to_owned()
}

fn pairs() -> Vec<(&'static str, Pair)> {
    let ended = || (ended(), Reviews::default());
    let by = |actor: &Actor| writes(ended(), actor, 3).unwrap().next;
    let out = |(contract, reviews): Pair| {
        let reviews = reviews.publish(&Actor::System, day(16), &contract).unwrap().next;
        (contract, reviews)
    };
    vec![
        ("active", (active(), Reviews::default())),
        ("ended", ended()),
        ("the client wrote", by(&ada())),
        ("the freelancer wrote", by(&lin())),
        ("both wrote", writes(by(&lin()), &ada(), 4).unwrap().next),
        ("time is over, the client wrote", out(by(&ada()))),
    ]
}

pub fn pair_commands() -> Vec<Command<Pair>> {
    vec![
        command("write", Verb::ReviewSubmit, |pair, a| writes(pair, a, 9)),
        command("write, when time is over", Verb::ReviewSubmit, |pair, a| writes(pair, a, 16)),
        command("publish", Verb::ReviewPublish, |(contract, reviews), a| {
            Ok(reviews.publish(a, day(16), &contract)?.map(|reviews| (contract, reviews)))
        }),
        command("publish before time is over", Verb::ReviewPublish, |(contract, reviews), a| {
            Ok(reviews.publish(a, day(9), &contract)?.map(|reviews| (contract, reviews)))
        }),
    ]
}

#[test]
fn every_state_of_a_pair_of_reviews_answers_every_verb_of_everybody() {
    let room = Room {
        name: "contract",
        states: pairs(),
        commands: pair_commands(),
        subject: |(contract, _)| contract.subject(),
        state,
        allowed: |(contract, _), actor| contract.allowed(actor, day(9)),
        elsewhere: &[
            Verb::ContractPause,
            Verb::ContractEnd,
            Verb::ContractHold,
            Verb::ContractPaymentMethodSet,
            Verb::MilestonePropose,
            Verb::TimeEntryAdd,
            Verb::BonusGive,
            Verb::TipGive,
        ],
        apart: &[],
    };
    room.check("reviews", 4);
}

fn single() -> Vec<(&'static str, Review)> {
    let by = |actor: &Actor| writes((ended(), Reviews::default()), actor, 3).unwrap().next;
    let both = || writes(by(&lin()), &ada(), 4).unwrap().next.1;
    let of = |reviews: Reviews, side| reviews.of(side).unwrap().clone();
    vec![
        ("written by the client, not out", of(by(&ada()).1, Side::Client)),
        ("written by the freelancer, not out", of(by(&lin()).1, Side::Freelancer)),
        ("out, by the client", of(both(), Side::Client)),
        ("out, by the freelancer", of(both(), Side::Freelancer)),
        ("replied to", of(both(), Side::Client).reply(&lin(), day(5), "Thank you").unwrap().next),
    ]
}

pub fn commands() -> Vec<Command<Review>> {
    vec![command("reply", Verb::ReviewReply, |review, a| review.reply(a, day(9), "Thank you"))]
}

#[test]
fn every_state_of_a_review_answers_a_reply_of_everybody() {
    let room = Room {
        name: "review",
        states: single(),
        commands: commands(),
        subject: Review::subject,
        state: |review| {
            match (review.published_at, &review.reply) {
                (None, _) => "not out",
                (Some(_), None) => "out",
                (Some(_), Some(_)) => "replied to",
            }
            .to_owned()
        },
        allowed: |review, actor| if review.can_reply(actor) { vec![Verb::ReviewReply] } else { vec![] },
        elsewhere: &[],
        apart: &[],
    };
    room.check("review", 3);
}
