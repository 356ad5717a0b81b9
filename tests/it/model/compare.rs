//! Everything there is, held against each other: balances, states with their data, and deadlines.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::contract::Contract;
use domain::dispute::CaseId;
use domain::timer::Timer;
use infra::Call;
use infra::page::PageRequest;
use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

use super::sim::world::World;
use super::twin::{Twin, by_note};

impl Twin<'_> {
    /// Is all the same here and there?
    pub async fn compare(&mut self, world: &World) -> Result<(), String> {
        self.compare_states(world).await?;
        self.compare_words(world).await?;
        self.compare_balances(world).await?;
        self.compare_timers(world).await?;
        let failed = "select count(*), min(last_error) from events where last_error is not null";
        let row = sqlx::query(failed).fetch_one(self.app.pool()).await.map_err(|error| error.to_string())?;
        let (count, why): (i64, Option<String>) = (row.get(0), row.get(1));
        if count > 0 { Err(format!("{count} events could not be delivered: {why:?}")) } else { Ok(()) }
    }

    async fn compare_states(&mut self, world: &World) -> Result<(), String> {
        let (market, call) = (&self.app.market, Call::system("model"));
        let broken = |error: infra::Failure| error.to_string();
        for offer in world.offers.values() {
            let there = market.offer_find(&call, self.names.of(offer.id)).await.map_err(broken)?;
            self.names.same(&json!(offer), &json!(there), "an offer")?;
        }
        for contract in world.contracts.values() {
            let there = market.contract_find(&call, self.names.of(contract.id)).await.map_err(broken)?;
            self.names.same(&json!(contract), &json!(there), "a contract")?;
        }
        for milestone in world.milestones.values() {
            let there = market.milestone_find(&call, self.names.of(milestone.id)).await.map_err(broken)?;
            self.names.same(&json!(milestone), &json!(there), "a milestone")?;
        }
        for dispute in world.disputes.values() {
            let there = market.dispute_find(&call, self.names.of(dispute.id)).await.map_err(broken)?;
            self.names.same(&json!(dispute), &json!(there), "a dispute")?;
        }
        for week in world.timesheets.values() {
            let there = market.timesheet_find(&call, self.names.of(week.id)).await.map_err(broken)?;
            self.names.same(&json!(by_note(week)), &json!(there.as_ref().map(by_note)), "a week")?;
        }
        for contract in world.contracts.values() {
            let page = PageRequest { first: Some(1), ..Default::default() };
            let contract_there = Contract { id: self.names.of(contract.id), ..contract.clone() };
            let cards = market.contract_cards(&call, &contract_there, &page).await.map_err(broken)?;
            let there = cards.items.into_iter().next().map(|(_, card)| card.method);
            let here = world.cards.get(&contract.id);
            if here != there.as_ref() {
                return Err(format!("the card of {} is {here:?} in memory, {there:?} on PostgreSQL", contract.id));
            }
        }
        for outage in world.outages.values() {
            let there = market.outage_find(self.names.of(outage.id)).await.map_err(broken)?;
            self.names.same(&json!(outage), &json!(there), "an outage")?;
        }
        for grant in world.grants.values() {
            let page = PageRequest { first: Some(20), ..Default::default() };
            let of = match grant.of {
                CaseId::Milestone(id) => CaseId::Milestone(self.names.of(id)),
                CaseId::Timesheet(id) => CaseId::Timesheet(self.names.of(id)),
            };
            let there = market.outage_grants_of(of, &page).await.map_err(broken)?;
            let outage = self.names.of(grant.outage);
            let there = there
                .items
                .into_iter()
                .map(|(_, there)| there)
                .find(|there| there.outage == outage && there.since == grant.since);
            self.names.same(&json!(grant), &json!(there), "a grant")?;
        }
        for payout in world.payouts.values() {
            let there = market.payout_find(&call, self.names.of(payout.id)).await.map_err(broken)?;
            self.names.same(&json!(payout), &json!(there), "a payout")?;
        }
        for gig in world.gigs.values() {
            let there = market.gig_find(&call, self.names.of(gig.id)).await.map_err(broken)?;
            self.names.same(&json!(gig), &json!(there), "a gig")?;
        }
        for invitation in world.invitations.values() {
            let there = market.invitation_find(&call, self.names.of(invitation.id)).await.map_err(broken)?;
            self.names.same(&json!(invitation), &json!(there), "an invitation")?;
        }
        for proposal in world.proposals.values() {
            let there = market.proposal_find(&call, self.names.of(proposal.id)).await.map_err(broken)?;
            self.names.same(&json!(proposal), &json!(there), "a proposal")?;
        }
        for (table, here) in [
            ("gigs", world.gigs.len()),
            ("invitations", world.invitations.len()),
            ("proposals", world.proposals.len()),
            ("blocks", world.blocks.len()),
            ("reviews", world.reviews.values().map(|reviews| reviews.all().count()).sum()),
            ("evidence", world.evidence.len()),
            ("conversations", world.conversations.len()),
            ("messages", world.messages.len()),
            ("conversation_reads", world.read_up_to.len()),
            ("screening_hits", world.hits.len()),
            ("offers", world.offers.len()),
            ("contracts", world.contracts.len()),
            ("milestones", world.milestones.len()),
            ("disputes", world.disputes.len()),
            ("timesheets", world.timesheets.len()),
            ("time_entries", world.timesheets.values().map(|week| week.entries.len()).sum()),
            ("contract_payment_methods", usize::try_from(world.cards_named).unwrap_or_default()),
            ("outages", world.outages.len()),
            ("outage_grants", world.grants.len()),
            ("payouts", world.payouts.len()),
            ("payout_methods", world.methods.len()),
            ("ledger_entries", usize::try_from(world.books.entries).unwrap_or_default()),
        ] {
            let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
            let there: i64 =
                sqlx::query_scalar(sql).fetch_one(self.app.pool()).await.map_err(|error| error.to_string())?;
            if i64::try_from(here) != Ok(there) {
                return Err(format!("{table}: {here} in memory, {there} on PostgreSQL"));
            }
        }
        Ok(())
    }

    async fn compare_balances(&self, world: &World) -> Result<(), String> {
        let here: BTreeMap<String, i64> = world
            .books
            .balances
            .iter()
            .filter(|(_, balance)| **balance != 0)
            .map(|(account, balance)| (self.names.in_text(&account.to_string()), *balance))
            .collect();
        // What the postings say, and what is kept of the accounts that are somebody's money.
        let sums = "select account, sum(minor)::bigint from (
                select to_account as account, amount_minor as minor from ledger_postings
                union all select from_account, -amount_minor from ledger_postings) legs
            group by account having sum(minor) <> 0";
        let there = self.amounts(sums).await?;
        if here != there {
            return Err(format!("balances are {here:#?} in memory and {there:#?} on PostgreSQL"));
        }
        let kept = self.amounts("select account, balance_minor from ledger_balances where balance_minor <> 0").await?;
        match kept.iter().find(|(account, balance)| there.get(*account) != Some(balance)) {
            Some((account, balance)) => Err(format!("{account} is kept at {balance}, its postings say otherwise")),
            None => Ok(()),
        }
    }

    async fn amounts(&self, sql: &'static str) -> Result<BTreeMap<String, i64>, String> {
        let rows = sqlx::query(sql).fetch_all(self.app.pool()).await.map_err(|error| error.to_string())?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Deadlines; in a world with words all but when letters about messages leave: that hangs on who was told of what, and
    /// has looked, which memory does not keep.
    async fn compare_timers(&self, world: &World) -> Result<(), String> {
        let timer = |timer: Timer| self.timer(timer);
        let without_letters = world.words > 0;
        let here: BTreeSet<(String, Uuid, DateTime<Utc>)> = world
            .timers
            .iter()
            .filter(|(of, _)| !without_letters || of.kind() != Timer::LETTERS)
            .map(|(of, due)| (of.kind().to_owned(), timer(*of).subject(), *due))
            .collect();
        let rows = sqlx::query("select kind, subject, due_at from timers where kind <> $1 or not $2")
            .bind(Timer::LETTERS)
            .bind(without_letters)
            .fetch_all(self.app.pool())
            .await
            .map_err(|error| error.to_string())?;
        let there: BTreeSet<_> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        if here == there {
            return Ok(());
        }
        let only = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.difference(b).cloned().collect::<Vec<_>>();
        Err(format!("only in memory: {:?}; only on PostgreSQL: {:?}", only(&here, &there), only(&there, &here)))
    }
}
