//! What comes before a contract, by the use cases.

use domain::access::Actor;
use domain::block::Block;
use domain::contract::Engagement;
use domain::id::{GigId, OfferId};
use domain::offer::MilestoneInput;
use domain::proposal::{BidInput, Price, Proposal};
use infra::Failure;
use infra::offer::{OfferInput, OfferTo};
use infra::page::PageRequest;
use serde_json::{Value, json};

use super::Twin;
use crate::model::sim::act::title;
use crate::model::sim::moves::{Move, OfferTerms, Pay};
use crate::model::sim::trade::{GigAct, ProposalAct, TradeAct};
use crate::model::sim::trading::{WEEK, brief_input};
use crate::model::sim::world::World;

impl Twin<'_> {
    /// What is there afterwards, in memory and on PostgreSQL.
    pub(super) async fn trades(
        &self,
        by: &Actor,
        next: &Move,
        act: &TradeAct,
        world: &World,
    ) -> Result<Result<(Value, Value), Failure>, String> {
        let (market, names) = (&self.app.market, &self.names);
        let outcome = match act {
            TradeAct::GigCreate { gig, client, wants } => {
                let (client, input) = (names.of(*client), brief_input(*wants));
                request!(self, by, next, call => market.gig_create(&call, client, input.clone()))
                    .map(|there| (json!(world.gigs.get(gig)), json!(there)))
            }
            TradeAct::Gig { of, expected, act } => {
                let (gig, expected) = (names.of(*of), *expected);
                let there = match act {
                    GigAct::Update(patch) => request!(self, by, next, call =>
                        market.gig_update(&call, gig, (**patch).clone(), expected)),
                    GigAct::Publish => request!(self, by, next, call => market.gig_publish(&call, gig, expected)),
                    GigAct::Pause => request!(self, by, next, call => market.gig_pause(&call, gig)),
                    GigAct::Resume => request!(self, by, next, call => market.gig_resume(&call, gig)),
                    GigAct::Cancel => request!(self, by, next, call => market.gig_cancel(&call, gig)),
                    GigAct::Reopen => request!(self, by, next, call => market.gig_reopen(&call, gig)),
                    GigAct::Remove => {
                        request!(self, by, next, call => market.gig_remove(&call, gig, "It is no gig"))
                    }
                };
                there.map(|there| (json!(world.gigs.get(of)), json!(there)))
            }
            TradeAct::InvitationSend { gig, freelancer, .. } => {
                // One that was sent before is the answer, too.
                let here = world.invitations.values().find(|one| (one.gig, one.freelancer) == (*gig, *freelancer));
                let (gig, freelancer) = (names.of(*gig), names.of(*freelancer));
                request!(self, by, next, call => market.invitation_send(&call, gig, freelancer, "Will you?"))
                    .map(|there| (json!(here), json!(there)))
            }
            TradeAct::InvitationDecline { of } => {
                let invitation = names.of(*of);
                request!(self, by, next, call => market.invitation_decline(&call, invitation))
                    .map(|there| (json!(world.invitations.get(of)), json!(there)))
            }
            TradeAct::DraftSave { gig, bid, .. } => {
                let (here, gig, bid) = (live(world, by, *gig), names.of(*gig), self.bid(bid));
                request!(self, by, next, call => market.proposal_draft_save(&call, gig, bid.clone()))
                    .map(|there| (json!(here), json!(there)))
            }
            TradeAct::Submit { gig, bid, .. } => {
                let (here, gig, bid) = (live(world, by, *gig), names.of(*gig), self.bid(bid));
                request!(self, by, next, call => market.proposal_submit(&call, gig, bid.clone()))
                    .map(|there| (json!(here), json!(there)))
            }
            TradeAct::Proposal { of, expected, act } => {
                let (p, expected) = (names.of(*of), *expected);
                let there = match act {
                    ProposalAct::Revise(bid) => {
                        let bid = self.bid(bid);
                        request!(self, by, next, call => market.proposal_revise(&call, p, bid.clone(), expected))
                    }
                    ProposalAct::Withdraw => request!(self, by, next, call => market.proposal_withdraw(&call, p)),
                    ProposalAct::View => request!(self, by, next, call => market.proposal_view(&call, p)),
                    ProposalAct::Shortlist => request!(self, by, next, call => market.proposal_shortlist(&call, p)),
                    ProposalAct::Interview => request!(self, by, next, call => market.proposal_interview(&call, p)),
                    ProposalAct::Decline(reason) => {
                        request!(self, by, next, call => market.proposal_decline(&call, p, *reason, ""))
                    }
                    ProposalAct::Counter(price) => request!(self, by, next, call =>
                        market.proposal_counter(&call, p, price.clone(), "And so?", expected)),
                    ProposalAct::CounterAccept => {
                        request!(self, by, next, call => market.proposal_counter_accept(&call, p, expected))
                    }
                };
                there.map(|there| (json!(world.proposals.get(of)), json!(there)))
            }
            TradeAct::OfferOn { proposal, made } => {
                let price = world.proposals.get(proposal).map(|proposal| proposal.terms.price.clone());
                let engagement = match price {
                    Some(Price::Hourly { rate }) => Engagement::Hourly { rate, weekly_limit_minutes: WEEK },
                    Some(Price::Fixed { .. }) | None => Engagement::Fixed,
                };
                let to = OfferTo::Proposal(names.of(*proposal));
                let input = OfferInput { draft: made.draft, ..offer(to, engagement, &made.milestones) };
                let there = request!(self, by, next, call => market.offer_create(&call, input.clone()));
                match there {
                    Ok(there) => self.whole(made.offer, &there, world).await,
                    Err(failure) => Err(failure),
                }
            }
            TradeAct::OfferDraft(OfferTerms { offer: of, client, freelancer, pay, .. }) => {
                let Pay::Fixed(milestones) = pay else { return Err("a draft names milestones".to_owned()) };
                let to = OfferTo::Freelancer { client: names.of(*client), freelancer: names.of(*freelancer) };
                let input = OfferInput { draft: true, ..offer(to, Engagement::Fixed, milestones) };
                let there = request!(self, by, next, call => market.offer_create(&call, input.clone()));
                match there {
                    Ok(there) => self.whole(*of, &there, world).await,
                    Err(failure) => Err(failure),
                }
            }
            TradeAct::OfferSend { of, expected } => {
                let (offer, expected) = (names.of(*of), *expected);
                request!(self, by, next, call => market.offer_send(&call, offer, expected))
                    .map(|there| (json!(world.offers.get(of)), json!(there)))
            }
            TradeAct::Block { block, lifts } => {
                let Block { client, freelancer, by: side } = *block;
                let there = Block { client: names.of(client), freelancer: names.of(freelancer), by: side };
                let there = match lifts {
                    true => request!(self, by, next, call => market.block_lift(&call, there)),
                    false => request!(self, by, next, call => market.block_set(&call, there)),
                };
                there.map(|there| (json!(block), json!(there)))
            }
        };
        Ok(outcome)
    }

    /// A bid that names questions as they are called on PostgreSQL.
    fn bid(&self, bid: &BidInput) -> BidInput {
        let answers = bid.answers.iter().map(|(question, text)| (self.names.of(*question), text.clone()));
        BidInput { answers: answers.collect(), ..bid.clone() }
    }

    /// An offer with its milestones, in memory and on PostgreSQL.
    async fn whole(&self, of: OfferId, there: &domain::offer::Offer, world: &World) -> Result<(Value, Value), Failure> {
        let page = PageRequest { first: Some(20), ..Default::default() };
        let milestones = self.app.market.milestones_of_offer(there.id, &page).await?;
        let milestones: Vec<_> = milestones.items.into_iter().map(|(_, milestone)| milestone).collect();
        let of_it: Vec<_> = world.milestones.values().filter(|milestone| milestone.offer == Some(of)).collect();
        Ok((json!((world.offers.get(&of), of_it)), json!((there, milestones))))
    }
}

/// The proposal of whoever acts that is live for a gig.
fn live<'a>(world: &'a World, by: &Actor, gig: GigId) -> Option<&'a Proposal> {
    let theirs = |one: &&Proposal| one.gig == gig && Some(one.freelancer) == by.user();
    world.proposals.values().filter(theirs).find(|one| one.status().is_live())
}

fn offer(
    to: OfferTo,
    engagement: Engagement,
    milestones: &[(domain::id::MilestoneId, domain::money::Money)],
) -> OfferInput {
    let typed =
        |&(id, amount): &(_, _)| MilestoneInput { title: title(id), description: String::new(), amount, due: None };
    OfferInput {
        to,
        title: "Work".to_owned(),
        message: String::new(),
        engagement,
        milestones: milestones.iter().map(typed).collect(),
        draft: false,
    }
}
