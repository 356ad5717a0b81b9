//! What people say of each other and to each other: reviews once a contract is over, evidence in disputes, messages; and
//! what the list says of them.

use domain::access::{Actor, Staff};
use domain::contract::{Contract, HoldReason, Status};
use domain::conversation::{Conversation, Dealings, Writing};
use domain::id::{
    ContractId, ConversationId, DisputeId, EvidenceId, MessageId, OrganizationId, PayoutId, ReviewId, ScreeningHitId,
    UserId,
};
use domain::ledger::{JournalEntry, LedgerAccount, Reason};
use domain::milestone::Side;
use domain::refusal::Refusal;
use domain::review::{Review, ReviewDraft, Reviews};
use domain::screening::{Hit, HitState, Party, under_review};
use domain::timer::Timer;

use super::act::absent;
use super::check::parties;
use super::choose::{LISTED, person};
use super::moves::{Answer, ContractAct, Move};
use super::planted::Planted;
use super::world::{CLIENTS, FREELANCERS, World, Wrong, id, usd};

const HITS: usize = 6;
/// Another name that a list can have, and no account.
const ALSO_LISTED: &str = "Gulnar Trading";

/// Something that is said.
#[derive(Debug, Clone)]
pub enum WordAct {
    /// A side of a contract that is over reviews the other.
    Review { contract: ContractId, review: ReviewId, rating: i32, text: &'static str },
    /// Who was reviewed answers.
    Reply { of: ReviewId },
    /// A side of a dispute brings something forward.
    Evidence { of: DisputeId, evidence: EvidenceId, text: &'static str },
    /// Somebody writes to the other side.
    Message {
        client: OrganizationId,
        freelancer: UserId,
        opens: ConversationId,
        message: MessageId,
        body: &'static str,
    },
    /// Somebody has read so far.
    Read { of: ConversationId, up_to: i32 },
    /// The bank's number of a payout that came is noted.
    EPrc { of: PayoutId, expected: Option<i64>, number: &'static str },
    /// Somebody is found on the list.
    Listed { hit: ScreeningHitId, party: Party, name: &'static str },
    /// Our people found that it is nothing.
    Cleared { of: ScreeningHitId, expected: Option<i64> },
}

impl WordAct {
    /// What it is called where it is counted which of them succeed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Review { .. } => "review.submit",
            Self::Reply { .. } => "review.reply",
            Self::Evidence { .. } => "evidence.add",
            Self::Message { .. } => "message.send",
            Self::Read { .. } => "conversation.mark_read",
            Self::EPrc { .. } => "payout.attach_e_prc",
            Self::Listed { .. } => "screening.hit",
            Self::Cleared { .. } => "screening.clear",
        }
    }

    /// May it be asked again? What is written anew is written; what is said twice is said twice.
    pub fn repeats(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Listed { .. } | Self::Cleared { .. } | Self::Reply { .. })
    }
}

impl World {
    pub(super) fn word_moves(&mut self) -> Option<Move> {
        let (by, act) = match self.dice.below(20) {
            0..=1 => return self.contract_is_ended(),
            2..=8 => self.review_moves()?,
            9..=11 => self.evidence_moves()?,
            12..=14 => self.message_moves()?,
            15 => self.e_prc_moves()?,
            _ => self.screening_moves()?,
        };
        Some(Move::Word { by, act })
    }

    /// Somebody ends a contract that was paid for: there is more to review than ends by itself.
    fn contract_is_ended(&mut self) -> Option<Move> {
        let goes_on = |contract: &&Contract| matches!(contract.status(), Status::Active | Status::Paused);
        let paid = self.contracts.values().filter(goes_on).filter(|contract| self.net_paid(contract.id) > 0);
        let paid: Vec<ContractId> = paid.map(|contract| contract.id).collect();
        let done: Vec<ContractId> = paid.iter().copied().filter(|of| self.is_settled(*of)).collect();
        let of = match self.dice.pick(&done).copied() {
            Some(of) => of,
            None => self.dice.pick(&paid).copied().filter(|_| self.dice.percent(20))?,
        };
        let contract = self.contracts.get(&of)?;
        let by = parties(contract.client, contract.freelancer)[self.dice.below(2)].clone();
        Some(Move::Contract { by, of, expected: None, act: ContractAct::End })
    }

    fn review_moves(&mut self) -> Option<(Actor, WordAct)> {
        let written: Vec<ReviewId> = self.reviews.values().flat_map(Reviews::all).map(|review| review.id).collect();
        if self.dice.percent(25)
            && let Some(of) = self.dice.pick(&written).copied()
        {
            let review = self.review(of)?;
            let (client, freelancer, by) = (review.client, review.freelancer, review.by);
            let [owner, themselves] = parties(client, freelancer);
            let reviewed = if by == Side::Client { themselves } else { owner };
            let by = if self.dice.percent(80) { reviewed } else { self.somebody(client, freelancer) };
            return Some((by, WordAct::Reply { of }));
        }
        let all: Vec<ContractId> = self.contracts.keys().copied().collect();
        let open = |contract: &&Contract| contract.reviews_close_at().is_some_and(|closes| closes > self.now);
        let over = self.contracts.values().filter(open).filter(|contract| self.net_paid(contract.id) >= 100);
        let over: Vec<ContractId> = over.map(|contract| contract.id).collect();
        let from = if over.is_empty() || self.dice.percent(15) { &all } else { &over };
        let contract = self.dice.pick(from).copied()?;
        let (client, freelancer) = self.contracts.get(&contract).map(|one| (one.client, one.freelancer))?;
        let by = match self.dice.percent(80) {
            true => parties(client, freelancer)[self.dice.below(2)].clone(),
            false => self.somebody(client, freelancer),
        };
        let rating = if self.dice.percent(90) { self.dice.between(1, 5) } else { self.dice.between(-1, 7) };
        let texts = ["It went well, and quickly.", "It went well, but slowly.", "Meh"];
        let text = texts[self.dice.below(3).min(self.dice.below(3))];
        Some((by, WordAct::Review { contract, review: self.fresh(), rating: rating as i32, text }))
    }

    fn evidence_moves(&mut self) -> Option<(Actor, WordAct)> {
        let all: Vec<DisputeId> = self.disputes.keys().copied().collect();
        let of = self.dice.pick(&all).copied()?;
        let (client, freelancer) = self.disputes.get(&of).map(|one| (one.client, one.freelancer))?;
        let by = match self.dice.percent(75) {
            true => parties(client, freelancer)[self.dice.below(2)].clone(),
            false => self.somebody(client, freelancer),
        };
        let text = if self.dice.percent(90) { "As we wrote" } else { "" };
        Some((by, WordAct::Evidence { of, evidence: self.fresh(), text }))
    }

    fn message_moves(&mut self) -> Option<(Actor, WordAct)> {
        let begun: Vec<ConversationId> = self.conversations.keys().copied().collect();
        if self.dice.percent(40)
            && let Some(of) = self.dice.pick(&begun).copied()
        {
            let (client, freelancer, last) =
                self.conversations.get(&of).map(|one| (one.client, one.freelancer, one.last_number))?;
            let by = self.somebody(client, freelancer);
            let up_to = self.dice.between(i64::from(last) - 2, i64::from(last) + 1);
            return Some((by, WordAct::Read { of, up_to: up_to as i32 }));
        }
        let client: OrganizationId = id(self.dice.between(1, CLIENTS as i64) as u128);
        let freelancer: UserId = id(self.dice.between(1, FREELANCERS as i64) as u128);
        let by = self.somebody(client, freelancer);
        let body = if self.dice.percent(92) { "How far are you?" } else { "" };
        let (opens, message) = (self.fresh(), self.fresh());
        Some((by, WordAct::Message { client, freelancer, opens, message, body }))
    }

    fn e_prc_moves(&mut self) -> Option<(Actor, WordAct)> {
        let all: Vec<PayoutId> = self.payouts.keys().copied().collect();
        let paid = self.payouts.values().filter(|payout| payout.state.as_str() == "paid");
        let paid: Vec<PayoutId> = paid.map(|payout| payout.id).collect();
        let from = if paid.is_empty() || self.dice.percent(20) { &all } else { &paid };
        let of = self.dice.pick(from).copied()?;
        let (user, version) = self.payouts.get(&of).map(|payout| (payout.user, payout.version))?;
        let [_, themselves] = parties(id(1), user);
        let by = if self.dice.percent(80) { themselves } else { self.somebody(id(1), user) };
        let number = ["EPRC-2026/1", "eprc-2026/2", "?"][self.dice.below(3)];
        Some((by, WordAct::EPrc { of, expected: self.expected(version), number }))
    }

    fn screening_moves(&mut self) -> Option<(Actor, WordAct)> {
        let open: Vec<ScreeningHitId> =
            self.hits.values().filter(|hit| hit.state == HitState::Open).map(|hit| hit.id).collect();
        // Our people look soon: there is more to play.
        if let Some(of) = self.dice.pick(&open).copied()
            && (self.hits.len() >= HITS || self.dice.percent(80))
        {
            let hit = self.hits.get(&of)?;
            let (party, version) = (hit.party, hit.version);
            let expected = self.expected(version);
            let by = match (party, self.dice.below(10)) {
                // One of our people with a part in it.
                (Party::Client(client), 0) => {
                    person(412, vec![(client, domain::access::MemberRole::Viewer)], Some(Staff::Admin))
                }
                (Party::Freelancer(user), 0) => match parties(id(1), user) {
                    [_, Actor::Person(themselves)] => {
                        Actor::Person(domain::access::Person { staff: Some(Staff::Admin), ..themselves })
                    }
                    _ => return None,
                },
                (_, 1) => self.somebody(id(1), id(1)),
                _ => self.admin(),
            };
            return Some((by, WordAct::Cleared { of, expected }));
        }
        if self.hits.len() >= HITS || self.dice.percent(70) {
            return None;
        }
        let party = match self.dice.percent(50) {
            true => Party::Client(id(self.dice.between(1, CLIENTS as i64) as u128)),
            false => Party::Freelancer(id(self.dice.between(1, FREELANCERS as i64) as u128)),
        };
        let by = if self.dice.percent(90) { Actor::System } else { self.somebody(id(1), id(1)) };
        let names = if self.as_in_sandbox { [LISTED; 2] } else { [LISTED, ALSO_LISTED] };
        let name = names[self.dice.below(2)];
        Some((by, WordAct::Listed { hit: self.fresh(), party, name }))
    }

    pub(super) fn word_act(&mut self, by: &Actor, act: WordAct) -> Result<Answer, Wrong> {
        let now = self.now;
        match act {
            WordAct::Review { contract, review, rating, text } => {
                self.review_submit(by, contract, review, rating, text)
            }
            WordAct::Reply { of } => {
                let Some(review) = self.review(of).cloned() else { return Ok(absent()) };
                self.take(review.reply(by, now, "Thank you"), |world, review| {
                    let pair = world.reviews.entry(review.contract).or_default();
                    match review.by {
                        Side::Client => pair.client = Some(review),
                        Side::Freelancer => pair.freelancer = Some(review),
                    }
                })
            }
            WordAct::Evidence { of, evidence, text } => {
                let Some(dispute) = self.disputes.get(&of) else { return Ok(absent()) };
                let side = Side::of(domain::access::Role::of(by, &dispute.subject()));
                let own = self.evidence.values().filter(|one| one.dispute == of && Some(one.side) == side);
                let brought = u16::try_from(own.count()).unwrap_or(u16::MAX);
                let outcome = dispute.add_evidence(by, now, evidence, brought, text, &[]);
                self.take(outcome, |world, evidence| {
                    world.evidence.insert(evidence.id, evidence);
                })
            }
            WordAct::Message { client, freelancer, opens, message, body } => {
                self.message_send(by, (client, freelancer), (opens, message), body)
            }
            WordAct::Read { of, up_to } => {
                let Some(conversation) = self.conversations.get(&of) else { return Ok(absent()) };
                let user = by.user();
                let so_far = user.and_then(|user| self.read_up_to.get(&(of, user))).copied().unwrap_or(0);
                let outcome = conversation.read_up_to(by, so_far, up_to);
                self.take(outcome, |world, up_to| {
                    if let Some(user) = user {
                        world.read_up_to.insert((of, user), up_to);
                    }
                })
            }
            WordAct::EPrc { of, expected, number } => {
                self.on_payout(of, |payout| payout.attach_e_prc(by, expected, number))
            }
            WordAct::Listed { hit, party, name } => self.is_listed(by, hit, party, name),
            WordAct::Cleared { of, expected } => self.hit_is_cleared(by, of, expected),
        }
    }

    pub fn review(&self, of: ReviewId) -> Option<&Review> {
        self.reviews.values().flat_map(Reviews::all).find(|review| review.id == of)
    }

    fn review_submit(
        &mut self,
        by: &Actor,
        of: ContractId,
        review: ReviewId,
        rating: i32,
        text: &str,
    ) -> Result<Answer, Wrong> {
        let Some(contract) = self.contracts.get(&of) else { return Ok(absent()) };
        let reviews = self.reviews.get(&of).cloned().unwrap_or_default();
        let (now, paid) = (self.now, usd(self.net_paid(of)));
        let could = reviews.can_submit(by, now, contract, paid);
        let submitted = ReviewDraft::parse(rating, text)
            .and_then(|draft| reviews.submit(by, now, contract, paid, review, draft))
            .map(|mut change| {
                if self.planted == Some(Planted::ReviewShownEarly) {
                    let show = |review: Review| Review { published_at: Some(now), ..review };
                    change.next.client = change.next.client.map(show);
                }
                change
            });
        if submitted.is_ok() && !could {
            return Err(format!("a review of {of} is taken, and was not to be written"));
        }
        self.take(submitted, |world, reviews| drop(world.reviews.insert(of, reviews)))
    }

    pub(super) fn reviews_are_published(&mut self, of: ContractId) -> Result<Answer, Wrong> {
        let Some(contract) = self.contracts.get(&of) else { return Ok(absent()) };
        let reviews = self.reviews.get(&of).cloned().unwrap_or_default();
        let outcome = reviews.publish(&Actor::System, self.now, contract);
        self.take(outcome, |world, reviews| drop(world.reviews.insert(of, reviews)))
    }

    /// What the freelancer got out of a contract, in cents.
    pub(super) fn net_paid(&self, of: ContractId) -> i64 {
        let milestones = self.milestones.values().filter(|one| one.contract == Some(of)).map(|one| one.escrow.parts());
        let weeks = self.timesheets.values().filter(|week| week.contract == of).map(|week| week.escrow.parts());
        milestones.chain(weeks).map(|parts| parts.released_net.minor()).sum()
    }

    fn message_send(
        &mut self,
        by: &Actor,
        (client, freelancer): (OrganizationId, UserId),
        (opens, message): (ConversationId, MessageId),
        body: &str,
    ) -> Result<Answer, Wrong> {
        let between = |one: &&Conversation| (one.client, one.freelancer) == (client, freelancer);
        let stands = self.conversations.values().find(between).cloned();
        let proposed = |one: &domain::proposal::Proposal| {
            (one.client, one.freelancer) == (client, freelancer) && one.submitted_at.is_some()
        };
        let approached = self.invitations.values().any(|one| (one.client, one.freelancer) == (client, freelancer))
            || self.contracts.values().any(|one| (one.client, one.freelancer) == (client, freelancer));
        let dealings = Dealings { proposed: self.proposals.values().any(proposed), approached };
        let is_reachable = !self.is_blocked(client, freelancer)
            && !self.is_suspended(freelancer)
            && !self.is_suspended(id(super::people::CLIENTS_OWNER));
        let writing = Writing { client, freelancer, stands: stands.as_ref(), dealings, is_reachable };
        let outcome = writing.send(by, body, opens, message, self.now);
        let is_kept = matches!(&outcome, Err(Refusal::Rule { code, .. }) if code == "NOT_REACHABLE");
        if is_kept && self.is_blocked(client, freelancer) {
            self.succeeded.insert("block.keeps_apart");
        }
        let before = stands.as_ref().map_or(0, |stands| stands.last_number);
        if let Ok(said) = outcome.as_ref().map(|change| change.next.1.number)
            && said != before + 1
        {
            return Err(format!("message {said} follows {before}"));
        }
        let answer = self.take(outcome, |world, (conversation, message)| {
            world.conversations.insert(conversation.id, conversation);
            world.messages.insert(message.id, message);
        })?;
        if answer == Answer::Done && !is_reachable {
            return Err(format!("{client} and {freelancer} are kept apart, and a message got through"));
        }
        if answer == Answer::Done {
            let of = stands.map_or(opens, |stands| stands.id);
            self.take(Ok(domain::conversation::told_of(of, self.now)), |_, ()| ())?;
        }
        Ok(answer)
    }

    fn is_listed(&mut self, by: &Actor, id: ScreeningHitId, party: Party, name: &str) -> Result<Answer, Wrong> {
        // What our people found to be nothing is not found again.
        if *by == Actor::System && self.hits.values().any(|hit| hit.party == party && hit.name == name) {
            return Ok(Answer::AsItWas);
        }
        let found = Hit::found(by, self.now, id, party, name.to_owned(), name.to_lowercase());
        let answer = self.take(found, Self::put_hit)?;
        if answer == Answer::Done {
            for of in self.contracts_of(party) {
                let Some(contract) = self.contracts.get(&of).cloned() else { continue };
                let held = contract.put_on_hold(&Actor::System, self.now, HoldReason::SanctionsHit);
                if self.take(held, Self::put_contract)? == Answer::Done {
                    self.succeeded.insert("screening.stops");
                }
            }
        }
        Ok(answer)
    }

    fn hit_is_cleared(&mut self, by: &Actor, of: ScreeningHitId, expected: Option<i64>) -> Result<Answer, Wrong> {
        let Some(hit) = self.hits.get(&of).cloned() else { return Ok(absent()) };
        let party = hit.party;
        let answer = self.take(hit.clear(by, self.now, expected, "Another of that name"), Self::put_hit)?;
        if answer == Answer::Done {
            self.acting = Actor::System;
            for of in self.contracts_of(party) {
                let Some(contract) = self.contracts.get(&of).cloned() else { continue };
                if self.is_reviewed(contract.client, contract.freelancer) {
                    continue;
                }
                let lifted = contract.lift_hold(&Actor::System, HoldReason::SanctionsHit);
                if self.contract_is_lifted(of, lifted)? == Answer::Done {
                    self.succeeded.insert("screening.lets_go");
                }
            }
        }
        Ok(answer)
    }

    /// Did our people find that a freelancer on the list under this name is another?
    pub(super) fn was_listed(&self, freelancer: UserId, name: &str) -> bool {
        let is_nothing = |hit: &&Hit| matches!(hit.state, HitState::Cleared { .. }) && hit.name == name;
        self.hits.values().filter(is_nothing).any(|hit| hit.party == Party::Freelancer(freelancer))
    }

    fn put_hit(&mut self, hit: Hit) {
        self.hits.insert(hit.id, hit);
    }

    /// Somebody's contracts that are not over.
    fn contracts_of(&self, party: Party) -> Vec<ContractId> {
        let theirs = |contract: &&Contract| match party {
            Party::Client(client) => contract.client == client,
            Party::Freelancer(freelancer) => contract.freelancer == freelancer,
        };
        let going_on = |contract: &&Contract| contract.status() != Status::Ended;
        self.contracts.values().filter(theirs).filter(going_on).map(|contract| contract.id).collect()
    }

    /// Do our people look at one of the two?
    pub(super) fn is_reviewed(&self, client: OrganizationId, freelancer: UserId) -> bool {
        let is_of = |party| party == Party::Client(client) || party == Party::Freelancer(freelancer);
        self.hits.values().any(|hit| hit.state == HitState::Open && is_of(hit.party))
    }

    pub(super) fn client_not_reviewed(&self, client: OrganizationId) -> Result<(), Refusal> {
        let open = |hit: &Hit| hit.state == HitState::Open && hit.party == Party::Client(client);
        if self.hits.values().any(open) { Err(under_review()) } else { Ok(()) }
    }

    pub(super) fn not_reviewed(&self, client: OrganizationId, freelancer: UserId) -> Result<(), Refusal> {
        if self.is_reviewed(client, freelancer) { Err(under_review()) } else { Ok(()) }
    }

    /// One of our people finds that the hits are nothing, when all is to come to an end.
    pub(super) fn hits_give_way(&mut self) {
        let open: Vec<ScreeningHitId> =
            self.hits.values().filter(|hit| hit.state == HitState::Open).map(|hit| hit.id).collect();
        for of in open {
            let by = self.admin();
            self.plan.push_back(Move::Word { by, act: WordAct::Cleared { of, expected: None } });
        }
    }
}

pub fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Freelancer => "freelancer",
    }
}

macro_rules! must {
    ($holds:expr, $($say:tt)*) => { if !$holds { return Err(format!($($say)*)); } };
}

impl World {
    /// What must be true of all that is said.
    pub(super) fn check_words(&mut self) -> Result<(), Wrong> {
        self.check_reviews()?;
        self.check_hits()?;
        self.check_conversations()
    }

    /// Nobody learns of a review but its own side, until both are there or time is over; and then it stays as it is.
    fn check_reviews(&mut self) -> Result<(), Wrong> {
        let told = self.happened.events.iter().filter_map(|event| match event {
            domain::event::Event::ReviewsPublished { contract } => Some(*contract),
            _ => None,
        });
        for of in told {
            must!(self.reviews_told.insert(of), "that the reviews of {of} are published is told twice");
        }
        for (of, reviews) in &self.reviews {
            let Some(contract) = self.contracts.get(of) else { return Err(format!("reviews of no contract: {of}")) };
            let closes = contract.reviews_close_at();
            let Some(closes) = closes else { return Err(format!("{of} is reviewed, and has not ended")) };
            let both = reviews.client.is_some() && reviews.freelancer.is_some();
            let waits = self.now < closes || self.timers.contains_key(&Timer::PublishReviews(*of));
            let mut out = reviews.all().filter_map(|review| review.published_at);
            let first = out.next();
            must!(out.all(|at| Some(at) == first), "the reviews of {of} are published one after the other");
            must!(first.is_some() == self.reviews_told.contains(of), "whether those of {of} are out is told otherwise");
            let whole = reviews.all().all(|review| review.published_at.is_some());
            must!(whole == first.is_some(), "of the reviews of {of} one is published");
            for review in reviews.all() {
                let (name, written) = (review.id, review.written_at);
                must!((1..=5).contains(&review.rating), "{name} rates {}", review.rating);
                must!(written < closes, "{name} was written at {written}, and could be until {closes}");
                let Some(at) = review.published_at else {
                    must!(!both && waits, "{name} waits, and nothing is to come");
                    must!(review.reply.is_none(), "{name} is answered, and not published");
                    self.check_unseen(review)?;
                    continue;
                };
                must!(both || closes <= at, "{name} is published at {at}, before {closes}, and alone");
                must!(review.visible_to(&Actor::Nobody), "{name} is published, and not to be seen");
                let (rating, text, first) =
                    self.published.entry(name).or_insert((review.rating, review.text.clone(), at)).clone();
                let same = (rating, first) == (review.rating, at) && text == review.text;
                must!(same, "{name} is published, and says something else now");
                let early = review.reply.as_ref().filter(|reply| reply.replied_at < at);
                must!(early.is_none(), "{name} was answered before it was published");
            }
        }
        Ok(())
    }

    fn check_unseen(&self, review: &Review) -> Result<(), Wrong> {
        let [owner, themselves] = parties(review.client, review.freelancer);
        let (own, other) = match review.by {
            Side::Client => (owner, themselves),
            Side::Freelancer => (themselves, owner),
        };
        let stranger = person(500, vec![], None);
        for actor in [other, stranger, Actor::Nobody] {
            must!(!review.visible_to(&actor), "{} is not published, and {actor:?} sees it", review.id);
        }
        must!(review.visible_to(&own), "{} is not seen by who wrote it", review.id);
        let leaks = self.happened.events.iter().find(|event| event.about().review == Some(review.id));
        must!(leaks.is_none(), "{} is not published, and told of: {leaks:?}", review.id);
        Ok(())
    }

    /// What stands still stands still for as long as somebody looks.
    fn check_hits(&self) -> Result<(), Wrong> {
        for hit in self.hits.values() {
            if let HitState::Cleared { by, .. } = hit.state {
                must!(hit.party != Party::Freelancer(by), "{} was cleared by whom it is about", hit.id);
            }
            let cleared = !hit.allowed(&person(410, vec![], Some(Staff::Admin))).is_empty();
            must!(cleared == (hit.state == HitState::Open), "{} is {}, without a way out", hit.id, hit.state.as_str());
        }
        Ok(())
    }

    /// Whatever led there: no money gets out while somebody looks at who is part of it, unless by the doing of a bank.
    pub(super) fn check_nothing_gets_out(&self, entry: &JournalEntry) -> Result<(), Wrong> {
        let Some(contract) = entry.contract.and_then(|of| self.contracts.get(&of)) else { return Ok(()) };
        // Of one that is over nothing is left but gifts, and our people may have found that one goes on.
        let goes_on =
            contract.status() == Status::Ended || self.touched.contains(&(contract.id, HoldReason::SanctionsHit));
        let looked_at = self.is_reviewed(contract.client, contract.freelancer) && !goes_on;
        let can_be_had = |account| matches!(account, LedgerAccount::Available(_) | LedgerAccount::ClientCredit(_));
        let decided = matches!(entry.reason, Reason::HoldOver | Reason::Release | Reason::Refund | Reason::Award);
        let gets_out = decided && entry.postings().iter().any(|posting| can_be_had(posting.to));
        must!(!looked_at || !gets_out, "{} gets out, and our people look at {}", entry.key, contract.id);
        Ok(())
    }

    fn check_conversations(&self) -> Result<(), Wrong> {
        for conversation in self.conversations.values() {
            let of = conversation.id;
            let same =
                |one: &&Conversation| (one.client, one.freelancer) == (conversation.client, conversation.freelancer);
            must!(self.conversations.values().filter(same).count() == 1, "{of} is not all that the two write");
            for actor in [Actor::Nobody, person(410, vec![], Some(Staff::Admin)), person(500, vec![], None)] {
                must!(!conversation.visible_to(&actor), "{actor:?} reads {of}");
            }
            let said = self.messages.values().filter(|message| message.conversation == of).count();
            must!(i32::try_from(said) == Ok(conversation.last_number), "{of} has {said} messages, and says otherwise");
            let due = self.timers.get(&Timer::MailMessages(of));
            let latest = conversation.last_at + chrono::TimeDelta::minutes(10);
            must!(due.is_none_or(|due| *due == latest), "a letter about {of} goes out at {due:?}, not at {latest}");
        }
        for ((of, user), up_to) in &self.read_up_to {
            let last = self.conversations.get(of).map_or(0, |one| one.last_number);
            must!((1..=last).contains(up_to), "{user} read {up_to} of {last} messages of {of}");
        }
        Ok(())
    }
}
