//! Reviews after a contract, double-blind: each side writes without knowing what the other wrote,
//! or whether. When both have, or when time is over, both are published at once. Until then nobody
//! but its own side learns of a review, not even that it exists.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{self, Actor, Subject, Verb};
use crate::change::Change;
use crate::contract::Contract;
use crate::event::Event;
use crate::id::{ContractId, OrganizationId, ReviewId, UserId};
use crate::milestone::Side;
use crate::money::Money;
use crate::refusal::{Invalid, Refusal};

/// What one side says of the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Its id.
    pub id: ReviewId,
    /// The contract it is about.
    pub contract: ContractId,
    /// The client of the contract.
    pub client: OrganizationId,
    /// The freelancer of the contract.
    pub freelancer: UserId,
    /// Which side wrote it.
    pub by: Side,
    /// Who wrote it last.
    pub author: UserId,
    /// One to five.
    pub rating: u8,
    /// In the author's words.
    pub text: String,
    /// When it was written, last.
    pub written_at: Timestamp,
    /// Since when everybody may read it.
    pub published_at: Option<Timestamp>,
    /// The other side's one reply.
    pub reply: Option<Reply>,
}

/// An answer to a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What was said.
    pub text: String,
    /// When.
    pub replied_at: Timestamp,
}

/// What somebody has to say, found to be well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewDraft {
    rating: u8,
    text: String,
}

impl ReviewDraft {
    /// Check what was said: a rating of 1 to 5, a text of 10 to 5,000 characters.
    pub fn parse(rating: i32, text: &str) -> Result<Self, Refusal> {
        let mut invalid = Invalid::default();
        let rating = u8::try_from(invalid.range("rating", rating, 1..=5)).unwrap_or_default();
        let text = invalid.text("text", text, 10..=5_000);
        invalid.finish()?;
        Ok(Self { rating, text })
    }
}

/// The reviews of one contract.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reviews {
    /// By the client.
    pub client: Option<Review>,
    /// By the freelancer.
    pub freelancer: Option<Review>,
}

impl Reviews {
    /// Those there are.
    pub fn all(&self) -> impl Iterator<Item = &Review> {
        self.client.iter().chain(&self.freelancer)
    }

    /// The review of one side.
    pub fn of(&self, side: Side) -> Option<&Review> {
        match side {
            Side::Client => self.client.as_ref(),
            Side::Freelancer => self.freelancer.as_ref(),
        }
    }

    /// One side writes its review, or writes it anew. When the other's is there, both are published.
    pub fn submit(
        self,
        actor: &Actor,
        now: Timestamp,
        contract: &Contract,
        net_paid: Money,
        id: ReviewId,
        draft: ReviewDraft,
    ) -> Result<Change<Self>, Refusal> {
        let by = self.check_submit(actor, now, contract, net_paid)?;
        let author = actor.person()?.user;
        let own = self.of(by);
        let review = Review {
            id: own.map_or(id, |review| review.id),
            contract: contract.id,
            client: contract.client,
            freelancer: contract.freelancer,
            by,
            author,
            rating: draft.rating,
            text: draft.text,
            written_at: now,
            published_at: None,
            reply: None,
        };
        let written = match by {
            Side::Client => Self { client: Some(review), ..self },
            Side::Freelancer => Self { freelancer: Some(review), ..self },
        };
        match (&written.client, &written.freelancer) {
            (Some(_), Some(_)) => Ok(written.published(contract.id, now)),
            (Some(_), None) | (None, Some(_)) | (None, None) => Ok(Change::to(written)),
        }
    }

    /// May this actor write the review of their side now? That tells nothing of what the other side wrote.
    pub fn can_submit(&self, actor: &Actor, now: Timestamp, contract: &Contract, net_paid: Money) -> bool {
        self.check_submit(actor, now, contract, net_paid).is_ok()
    }

    fn check_submit(
        &self,
        actor: &Actor,
        now: Timestamp,
        contract: &Contract,
        net_paid: Money,
    ) -> Result<Side, Refusal> {
        let role = access::check(actor, Verb::ReviewSubmit, &contract.subject())?;
        let by = Side::of(role).ok_or(Refusal::HIDDEN)?;
        let closes_at = contract.reviews_close_at().ok_or_else(|| contract.wrong_state(actor, now))?;
        let least = contract.terms.review_paid_min;
        if !net_paid.covers(least)? {
            let message = format!("a contract can be reviewed when at least {least} was paid out of it");
            return Err(Refusal::rule("REVIEW_NOTHING_PAID", message));
        }
        // The same answer whether time ran out or both were quick: what is out stays as it is.
        if closes_at <= now || self.all().any(|review| review.published_at.is_some()) {
            return Err(Refusal::rule("REVIEW_CLOSED", "the reviews of this contract are closed"));
        }
        Ok(by)
    }

    /// Time is over: what was written is published.
    pub fn publish(self, actor: &Actor, now: Timestamp, contract: &Contract) -> Result<Change<Self>, Refusal> {
        access::check(actor, Verb::ReviewPublish, &contract.subject())?;
        let due = contract.reviews_close_at().is_some_and(|closes_at| closes_at <= now);
        let waiting = self.all().any(|review| review.published_at.is_none());
        if due && waiting { Ok(self.published(contract.id, now)) } else { Ok(Change::none(self)) }
    }

    fn published(self, contract: ContractId, now: Timestamp) -> Change<Self> {
        let publish = |review: Review| Review { published_at: review.published_at.or(Some(now)), ..review };
        let next = Self { client: self.client.map(publish), freelancer: self.freelancer.map(publish) };
        Change::to(next).telling(Event::ReviewsPublished { contract })
    }
}

impl Review {
    /// Whose it is: of its author's side alone until it is published, then everybody's.
    pub fn subject(&self) -> Subject {
        if self.published_at.is_some() {
            return Subject::between(self.client, self.freelancer).public_if(true);
        }
        match self.by {
            Side::Client => Subject::of_client(self.client),
            Side::Freelancer => Subject::of_person(self.freelancer),
        }
    }

    /// May this actor read it?
    pub fn visible_to(&self, actor: &Actor) -> bool {
        access::visible(actor, &self.subject())
    }

    /// May this actor reply to it now?
    pub fn can_reply(&self, actor: &Actor) -> bool {
        self.check_reply(actor).is_ok()
    }

    /// The side that was reviewed answers, once (1 to 2,000 characters).
    pub fn reply(self, actor: &Actor, now: Timestamp, text: &str) -> Result<Change<Self>, Refusal> {
        self.check_reply(actor)?;
        let mut invalid = Invalid::default();
        let text = invalid.text("text", text, 1..=2_000);
        invalid.finish()?;
        let review = self.id;
        let next = Self { reply: Some(Reply { text, replied_at: now }), ..self };
        Ok(Change::to(next).telling(Event::ReviewReplied { review }))
    }

    fn check_reply(&self, actor: &Actor) -> Result<(), Refusal> {
        let role = access::check(actor, Verb::ReviewReply, &self.subject())?;
        if Side::of(role) != Some(self.by.other()) {
            return Err(access::Denied::NotAllowed.into());
        }
        if self.reply.is_some() {
            return Err(Refusal::rule("REVIEW_REPLIED", "a review is replied to once"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::Person;
    use crate::contract::{Engagement, State};
    use crate::id::Id;
    use crate::policy::Terms;

    fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    fn at(day: i64) -> Timestamp {
        "2026-01-05T09:00:00Z".parse::<Timestamp>().unwrap() + chrono::TimeDelta::days(day)
    }

    fn lin() -> Actor {
        Actor::Person(Person { user: id(1), suspended: false, second_factor: true, staff: None, memberships: vec![] })
    }

    fn ended(terms: Terms) -> Contract {
        Contract {
            id: id(1),
            offer: id(1),
            gig: None,
            proposal: None,
            client: id(1),
            freelancer: id(1),
            title: "Landing page".into(),
            engagement: Engagement::Fixed,
            policy: 1,
            terms,
            version: 1,
            state: State::Ended { ended_at: at(0) },
            created_at: at(-30),
        }
    }

    fn writes(contract: &Contract, on: i64, cents: i64) -> Result<Change<Reviews>, Refusal> {
        let draft = ReviewDraft::parse(5, "Clear and kind").unwrap();
        Reviews::default().submit(&lin(), at(on), contract, Money::usd(cents).unwrap(), id(1), draft)
    }

    fn code(refusal: Refusal) -> String {
        match refusal {
            Refusal::Rule { code, .. } => code,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_contract_is_reviewed_once_what_the_terms_ask_for_was_paid_and_in_time() {
        let contract = ended(Terms::default());
        assert_eq!(code(writes(&contract, 1, 99).unwrap_err()), "REVIEW_NOTHING_PAID");
        assert!(writes(&contract, 1, 100).unwrap().changed);
        for (on, cents, may) in [(1, 99, false), (1, 100, true), (14, 100, false)] {
            let paid = Money::usd(cents).unwrap();
            assert_eq!(Reviews::default().can_submit(&lin(), at(on), &contract, paid), may, "day {on}, {cents} cents");
        }
        let other = ended(Terms { review_paid_min: Money::usd(5_000).unwrap(), ..Terms::default() });
        assert_eq!(code(writes(&other, 1, 4_999).unwrap_err()), "REVIEW_NOTHING_PAID");
        assert_eq!(code(writes(&contract, 14, 100).unwrap_err()), "REVIEW_CLOSED");
    }
}
