//! Stripe's rails: Global Payouts (`global`), and transfers to a recipient's own account there
//! (`recipient`).
//!
//! A transfer is kept before it is asked for, with the one idempotency key it is ever asked for under: our own name for
//! it, which every transfer carries. What was asked for without an answer is looked for by that name, and asked for
//! again under the same key alone, for as long as Stripe remembers keys. What was only ever put off was not asked for.
//!
//! A database that is restored to an earlier moment has forgotten what was asked for since. Handed over again it has
//! the same key; and what may be older than keys are remembered is looked for before it is asked for. So is whatever
//! Stripe has of another attempt at it: the first rail may have refused it, and the second one paid. That is looked for
//! before our own bank is given it, too.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::id::{Id, PayoutId, PayoutMethodId};
use domain::payment::ASKED_FOR;
use domain::payout::{Attempt, Carried, Elsewhere, Known, Payout, Rail, Sight};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{RailEvent, Transfer, global, recipient};
use crate::market::Market;
use crate::sql::sql;
use crate::stripe::answer::Named as Made;
use crate::stripe::{Refused, Stripe, Trouble};
use crate::{Failure, Fault, Tx};

/// For how long after the last time a transfer may be asked for that may still be getting there.
const UNDER_WAY: TimeDelta = TimeDelta::hours(1);

/// For how long what goes on to a bank is asked for under one key.
const ONE_KEY: TimeDelta = TimeDelta::minutes(5);

/// After how long it is asked for under the next. In between nobody asks, so nothing is on its way any more by then.
const NEXT_KEY: TimeDelta = TimeDelta::minutes(10);

/// Whoever is put off for so long need not try again soon: our key may not ask for it, or we are to stay away.
const FOR_LONG: TimeDelta = TimeDelta::minutes(10);

/// What is set up at Stripe.
#[derive(Debug, Clone)]
pub struct StripeRails {
    /// The client.
    pub stripe: Stripe,
    /// The financial account that Global Payouts are paid from, if they are set up.
    pub financial_account: Option<String>,
    /// Are transfers to recipients' own accounts set up?
    pub recipient_accounts: bool,
}

/// A transfer that was asked for, is about to be, or was put off.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Kept {
    pub key: String,
    pub payout_id: Uuid,
    pub method_id: Uuid,
    pub attempt: i32,
    pub rail: String,
    pub idempotency_key: String,
    pub asked_at: Timestamp,
    pub reference: Option<String>,
    pub onward: Option<String>,
    pub asks: i32,
    /// When its payout was asked for by its freelancer: nobody asked Stripe for it before.
    pub requested_at: Timestamp,
}

/// The columns of [`Kept`].
const KEPT: &str = "key, payout_id, method_id, attempt, rail, idempotency_key, asked_at, reference, onward, asks,
    least(asked_at, (select requested_at from payouts where id = stripe_transfers.payout_id)) as requested_at";

#[derive(FromQueryResult)]
struct Key {
    idempotency_key: String,
}

#[derive(FromQueryResult)]
struct Trying {
    onward_tries: i32,
    onward_asked_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Resting {
    rests: bool,
}

#[derive(FromQueryResult)]
struct HandedOver {
    occurred_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Requested {
    method_id: Uuid,
    requested_at: Timestamp,
}

#[derive(FromQueryResult)]
struct KnownKey {
    key: String,
    rail: String,
}

/// What the books know of a rail that can't be looked at.
#[derive(FromQueryResult)]
struct Hidden {
    has_carried: bool,
    closed_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct Named {
    reference: String,
    payout_id: Uuid,
}

/// A bank account, by Stripe's names.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct StripePayee {
    /// Of the person's account there.
    pub account: String,
    /// Of the bank account in it.
    pub payout_method: Option<String>,
}

impl Kept {
    pub(super) fn method(&self) -> PayoutMethodId {
        PayoutMethodId::from_uuid(self.method_id)
    }

    pub(super) fn payout(&self) -> PayoutId {
        PayoutId::from_uuid(self.payout_id)
    }

    pub(super) fn attempt(&self) -> Result<u32, Fault> {
        u32::try_from(self.attempt).map_err(|error| Fault::bad_row("stripe_transfers", error))
    }

    /// Our name for what Stripe has, by what was written on it, if it is of the same payout.
    pub(super) fn same_payout(&self, metadata: Option<&BTreeMap<String, String>>) -> Option<String> {
        let name = metadata?.get("transfer")?;
        let (payout, _) = name.split_once(':')?;
        (payout == self.payout().to_string()).then(|| name.clone())
    }

    /// May Stripe have heard of it?
    fn was_asked(&self) -> bool {
        self.asks > 0 || self.reference.is_some()
    }

    fn rail(&self) -> Result<Rail, Fault> {
        rail_named(&self.rail)
    }

    /// The key under which a transfer comes back to us. No more of it comes back than went; so an error that is kept
    /// with a key need not stand in its way for longer than an hour.
    pub(super) fn key_back(&self, now: Timestamp) -> String {
        let age = (now - self.asked_at).num_hours();
        format!("{}:back:{age}", self.idempotency_key)
    }

    /// When to look from, by Stripe's clock, which need not be ours. It may have been asked for sooner than the books
    /// know, as after a restore.
    pub(super) fn since(&self) -> Timestamp {
        self.requested_at - TimeDelta::hours(1)
    }
}

impl StripeRails {
    fn is_set_up(&self, rail: Rail) -> bool {
        match rail {
            Rail::GlobalPayouts => self.financial_account.is_some(),
            Rail::RecipientAccount => self.recipient_accounts,
            Rail::BankWire | Rail::Manual => false,
        }
    }

    /// Hand a transfer over.
    pub(super) async fn send(&self, market: &Market, transfer: &Transfer) -> Result<Carried, Fault> {
        let kept = find(market, &transfer.key).await?.filter(Kept::was_asked);
        let was_asked = kept.is_some();
        match kept {
            // It may be there already: what has changed meanwhile is no reason to believe that it is not.
            Some(kept) => match self.look(market, &kept).await? {
                // What was asked for may be on its way there, and only the same rail may be asked again.
                Known::Absent if !self.is_set_up(transfer.rail) => return Err(switched_off()),
                // It may have said no after the moment that was restored, and the next rail have paid.
                Known::Absent if self.has_another_attempt(market, transfer.rail, &transfer.key).await? => {
                    return Ok(Carried::Silent);
                }
                Known::Absent => (),
                Known::Forgotten => return Ok(Carried::Silent),
                Known::Told(said) => return Ok(said),
            },
            None if !self.is_set_up(transfer.rail) => return Ok(Carried::Refused("not_set_up".to_owned())),
            None if self.has_another_attempt(market, transfer.rail, &transfer.key).await? => {
                return Ok(Carried::Silent);
            }
            None if market.rail_is_closed(transfer.rail).await? => {
                return Ok(Carried::Refused("rail_closed".to_owned()));
            }
            None => (),
        }
        let now = market.clock().now();
        let made = if was_asked { None } else { self.made_before(market, transfer).await? };
        let asked = match (made, transfer.rail) {
            (Some(made), _) => made,
            (None, Rail::GlobalPayouts) => global::send(self, market, transfer).await?,
            (None, Rail::RecipientAccount) => recipient::send(self, market, transfer).await?,
            (None, Rail::BankWire | Rail::Manual) => return Ok(Carried::Refused("not_set_up".to_owned())),
        };
        match asked {
            Ok(reference) => {
                note(market, &transfer.key, &reference).await?;
                Ok(Carried::Accepted(reference))
            }
            // We would not ask for it now. It was asked for before, and may get there yet: no other rail carries it.
            Err(Trouble::Refused(refused)) if was_asked && refused.status == 0 => Ok(Carried::Silent),
            Err(Trouble::Refused(refused)) if lacks_funds(&refused) => {
                tracing::error!(rail = transfer.rail.as_str(), payout = ?transfer.payout(), "too little of our own money \
                    is there to pay out: refill the balance or the financial account");
                Ok(without_funds(transfer, refused.code()))
            }
            // Nothing was made of it, by nobody's asking, and nothing would be soon: it waits, like for money, and after two
            // days goes by the next rail. Whether our key may not ask for it or Stripe has something against the person is
            // not told apart for sure.
            Err(Trouble::Later { until, why })
                if until >= now + FOR_LONG && !self::was_asked(market, &transfer.key).await? =>
            {
                tracing::error!(rail = transfer.rail.as_str(), payout = ?transfer.payout(), why, "stripe does not take a \
                    payout now: look at what our key may do, and at the person's account there");
                counts_as_put_off(transfer);
                Ok(Carried::NotNow(why))
            }
            Err(Trouble::Refused(refused)) => self::refused(market, transfer.rail, &refused).await,
            Err(
                trouble @ (Trouble::Later { .. }
                | Trouble::Unknown { .. }
                | Trouble::Spent { .. }
                | Trouble::Unreadable { .. }),
            ) => Err(trouble.fault()),
        }
    }

    /// The transfer that Stripe has under our name though the books know of none, as after a restore, if its payout is
    /// older than keys are remembered. None if there is none, or the key says so.
    async fn made_before(
        &self,
        market: &Market,
        transfer: &Transfer,
    ) -> Result<Option<Result<String, Trouble>>, Fault> {
        let unknown = unknown(market, transfer.rail, &transfer.key).await?;
        let Some(unknown) = unknown.filter(|kept| kept.requested_at + ASKED_FOR <= market.clock().now()) else {
            return Ok(None);
        };
        let payout = unknown.payout();
        let found = match transfer.rail {
            Rail::GlobalPayouts => global::find(self, market, &unknown).await,
            Rail::RecipientAccount => recipient::find(self, market, &unknown).await?,
            Rail::BankWire | Rail::Manual => return Ok(None),
        };
        match found {
            Ok(None) => Ok(None),
            Ok(Some(reference)) => {
                tracing::error!(%payout, %reference, "stripe has a transfer that the books forgot it was asked for: \
                    was the database restored to an earlier moment?");
                asking(market, transfer).await?;
                Ok(Some(Ok(reference)))
            }
            // That it does not let us look says nothing of what it has.
            Err(Trouble::Refused(refused)) if !needs_approval(&refused) => Err(Trouble::Refused(refused).fault()),
            Err(trouble) => Ok(Some(Err(trouble))),
        }
    }

    /// Has Stripe something of another attempt at this payout that the books know nothing of, as after a restore? Then
    /// its money may be with the bank already, whatever this attempt's rail (`to`) would say: two of our people find
    /// out. Where it may have and can't be looked at there is no answer, and nothing is handed over before there is one.
    pub(super) async fn has_another_attempt(&self, market: &Market, to: Rail, key: &str) -> Result<bool, Fault> {
        let Some(unknown) = unknown(market, to, key).await? else { return Ok(false) };
        let (payout, requested_at) = (unknown.payout(), unknown.requested_at);
        let mut attempt = Attempt { to, key: key.to_owned(), requested_at, known: Vec::new() };
        if !attempt.may_be_forgotten(market.clock().now()) {
            return Ok(false);
        }
        let select = sql("select key, rail from stripe_transfers where payout_id = $1", [unknown.payout_id.into()]);
        for known in KnownKey::find_by_statement(select).all(market.db()).await? {
            attempt.known.push((known.key, rail_named(&known.rail)?));
        }
        let mut unseen = None;
        for rail in Rail::ALL.into_iter().filter(|rail| self.is_set_up(*rail)) {
            let why = match self.sight(market, rail, &unknown).await {
                Ok(sight) => match attempt.elsewhere(rail, &sight) {
                    Elsewhere::Nowhere => continue,
                    Elsewhere::Forgotten(forgotten) => {
                        tracing::error!(%payout, %forgotten, rail = rail.as_str(), "stripe has another attempt at a payout, \
                            which the books forgot: was the database restored to an earlier moment? It is not sent; once \
                            it was unknown for a day, two of our people say what became of it");
                        return Ok(true);
                    }
                    Elsewhere::Unseen => {
                        let why = "we may not look at what this rail has carried".to_owned();
                        Fault::Service { service: "stripe", why }
                    }
                },
                Err(fault) => fault,
            };
            metrics::counter!("rabta_payouts_unseen_total", "rail" => rail.as_str()).increment(1);
            tracing::error!(%payout, rail = rail.as_str(), error = %why, "a payout may be with the bank by a rail that can't \
                be looked at: it is not sent before that can be seen; once it was unknown for a day, two of our people say \
                what became of it");
            unseen = Some(why);
        }
        unseen.map_or(Ok(false), Err)
    }

    /// Look at what a rail has of a payout, if that can be seen.
    async fn sight(&self, market: &Market, rail: Rail, of: &Kept) -> Result<Sight, Fault> {
        let now = market.clock().now();
        let found = match rail {
            Rail::GlobalPayouts => global::attempts(self, market, of).await,
            Rail::RecipientAccount => recipient::attempts(self, market, of).await,
            Rail::BankWire | Rail::Manual => Ok(Vec::new()),
        };
        match found {
            Ok(keys) => return Ok(Sight::Has(keys)),
            // We may not look.
            Err(Trouble::Refused(_)) => (),
            Err(Trouble::Later { until, .. }) if until >= now + FOR_LONG => (),
            Err(trouble) => return Err(trouble.fault()),
        }
        let select =
            "select exists (select from stripe_transfers where rail = $1 and reference is not null) as has_carried,
            (select closed_at from rail_closures where rail = $1) as closed_at";
        let hidden = Hidden::find_by_statement(sql(select, [rail.as_str().into()])).one(market.db()).await?;
        let hidden =
            hidden.ok_or_else(|| Fault::bad_row("stripe_transfers", "nothing was read, not even that none is"))?;
        Ok(Sight::Hidden { has_carried: hidden.has_carried, closed_at: hidden.closed_at })
    }

    /// What became of a transfer.
    pub(super) async fn ask(&self, market: &Market, key: &str) -> Result<Known, Fault> {
        match find(market, key).await? {
            Some(kept) if kept.was_asked() => self.look(market, &kept).await,
            // Stripe put it off.
            Some(_) => Ok(Known::Absent),
            // It has not come so far: their account can't be made there, say. It is handed over again for as long as one
            // that was asked for would be; then our people have to see it.
            None => Ok(match handed_over_since(market, key).await? {
                Some(since) if since + ASKED_FOR <= market.clock().now() => Known::Forgotten,
                Some(_) | None => Known::Absent,
            }),
        }
    }

    async fn look(&self, market: &Market, kept: &Kept) -> Result<Known, Fault> {
        let rail = kept.rail()?;
        let reference = match (&kept.reference, rail) {
            (Some(reference), _) => Some(reference.clone()),
            (None, Rail::GlobalPayouts) => global::find(self, market, kept).await.map_err(Trouble::fault)?,
            (None, _) => recipient::find(self, market, kept).await?.map_err(Trouble::fault)?,
        };
        let Some(reference) = reference else {
            // It never got there. While the key is remembered it may be asked for again; later it is not, and once
            // nothing that was asked for can still be on its way, that is for our people to find out.
            let age = market.clock().now() - kept.asked_at;
            return Ok(match () {
                () if age < ASKED_FOR => Known::Absent,
                () if age < ASKED_FOR + UNDER_WAY => Known::Told(Carried::Silent),
                () => Known::Forgotten,
            });
        };
        if kept.reference.is_none() {
            note(market, &kept.key, &reference).await?;
        }
        let said = match rail {
            Rail::GlobalPayouts => global::fate(self, market, &reference).await.map_err(Trouble::fault)?,
            _ => recipient::fate(self, market, kept, &reference).await?,
        };
        Ok(Known::Told(said))
    }
}

impl Market {
    /// Stripe has news of a transfer, by its own name for it or for what went on from there. Answers whether it is
    /// one of ours.
    pub(crate) async fn stripe_transfer_moved(&self, name: &str) -> Result<bool, Failure> {
        let select = format!("select {KEPT} from stripe_transfers where reference = $1 or onward = $1");
        let mut known = Kept::find_by_statement(sql(&select, [name.into()])).one(self.db()).await?;
        let rails = match self.rails().stripe() {
            Some(rails) => rails,
            // It is told again, until somebody can look at it.
            None if known.is_some() => return Err(switched_off().into()),
            None => return Ok(false),
        };
        if known.is_none() {
            // Its answer may have been lost, and the news are here first.
            let key = global::key_of(rails, self, name).await.map_err(Trouble::fault)?;
            if let Some(key) = key {
                known = find(self, &key).await?;
            }
        }
        let Some(kept) = known else { return Ok(false) };
        self.stripe_transfer_look(rails, &kept).await
    }

    /// It is over with the payout of a transfer: what of it rests in the person's own account comes back to us.
    pub(crate) async fn stripe_transfer_fetch_back(&self, key: &str) -> Result<(), Failure> {
        let Some(kept) = find(self, key).await? else { return Ok(()) };
        let rails = self.rails().stripe().ok_or_else(switched_off)?;
        self.stripe_transfer_look(rails, &kept).await.map(drop)
    }

    /// Look what became of a transfer, and go by that. Answers whether anything is known of it.
    async fn stripe_transfer_look(&self, rails: &StripeRails, kept: &Kept) -> Result<bool, Failure> {
        let Known::Told(said) = rails.look(self, kept).await? else { return Ok(false) };
        self.rail_event(&RailEvent { payout: kept.payout(), attempt: kept.attempt()?, said }).await?;
        Ok(true)
    }

    /// Our payouts by Stripe's names for their transfers.
    pub(crate) async fn stripe_transfers_named(&self, names: &[String]) -> Result<Vec<(String, PayoutId)>, Failure> {
        let select = "select reference, payout_id from stripe_transfers where reference = any($1)";
        let found = Named::find_by_statement(sql(select, [names.to_vec().into()])).all(self.db()).await?;
        Ok(found.into_iter().map(|named| (named.reference, PayoutId::from_uuid(named.payout_id))).collect())
    }
}

impl Tx {
    /// Is a transfer one to the person's own account, of which it was never asked for that it go on to their bank?
    pub(crate) async fn stripe_transfer_rests(&self, key: &str) -> Result<bool, Failure> {
        let select = "select exists (select from stripe_transfers where key = $1 and rail = 'recipient_account'
            and onward is null and onward_asked_at is null) as rests";
        let found = Resting::find_by_statement(sql(select, [key.into()])).one(self.conn()).await?;
        Ok(found.is_some_and(|found| found.rests))
    }
}

/// It says no. Where it wants to approve our whole platform first, that is remembered, and the rail is left alone.
pub(super) async fn refused(market: &Market, rail: Rail, refused: &Refused) -> Result<Carried, Fault> {
    if needs_approval(refused) {
        market.rail_close(rail, refused.message.as_deref().unwrap_or_default()).await?;
    }
    Ok(Carried::Refused(refused.code().to_owned()))
}

/// Does Stripe want to approve our whole platform first? Then it is no matter of this transfer.
fn needs_approval(refused: &Refused) -> bool {
    let says = |what: &str| refused.message.as_ref().is_some_and(|message| message.to_lowercase().contains(what));
    refused.status == 400 && (refused.kind == "feature_not_enabled" || says("platform needs approval"))
}

/// Is it our own money that there is too little of? The first API says so by a code, the second by a type.
pub(super) fn lacks_funds(refused: &Refused) -> bool {
    let says = |what: &str| matches!(what, "balance_insufficient" | "insufficient_funds");
    says(&refused.kind) || refused.code.as_deref().is_some_and(says)
}

/// It waits on its rail until there may be money.
fn without_funds(transfer: &Transfer, why: &str) -> Carried {
    counts_as_put_off(transfer);
    Carried::WithoutFunds(why.to_owned())
}

fn counts_as_put_off(transfer: &Transfer) {
    metrics::counter!("rabta_payouts_without_funds_total", "rail" => transfer.rail.as_str()).increment(1);
}

fn rail_named(name: &str) -> Result<Rail, Fault> {
    let found = Rail::ALL.into_iter().find(|rail| rail.as_str() == name);
    found.ok_or_else(|| Fault::bad_row("stripe_transfers", "unknown rail"))
}

/// Was Stripe ever asked for this transfer?
pub(super) async fn was_asked(market: &Market, key: &str) -> Result<bool, Fault> {
    Ok(find(market, key).await?.is_some_and(|kept| kept.was_asked()))
}

/// A transfer that Stripe was asked for, where its rail was switched off since.
pub(super) fn switched_off() -> Fault {
    let why = "it was asked for this payout, and its rail was switched off since: set it up again, or have our people \
               settle the payout";
    Fault::Service { service: "stripe", why: why.to_owned() }
}

/// Where nothing of ours says no, that it did is a fault.
pub(super) fn fault_of(failure: Failure) -> Fault {
    match failure {
        Failure::Broken(fault) => fault,
        Failure::Refused(refusal) => Fault::bad_row("payouts", refusal),
    }
}

/// A transfer that the books don't have, as it would be kept, to look for what was forgotten.
async fn unknown(market: &Market, rail: Rail, key: &str) -> Result<Option<Kept>, Fault> {
    let named = Payout::named_by(key);
    let (payout, attempt) = named.ok_or_else(|| Fault::bad_row("payouts", "its key names no payout"))?;
    let select = sql("select method_id, requested_at from payouts where id = $1", [payout.uuid().into()]);
    let Some(Requested { method_id, requested_at }) = Requested::find_by_statement(select).one(market.db()).await?
    else {
        return Ok(None);
    };
    Ok(Some(Kept {
        key: key.to_owned(),
        payout_id: payout.uuid(),
        method_id,
        attempt: i32::try_from(attempt).map_err(|error| Fault::bad_row("payouts", error))?,
        rail: rail.as_str().to_owned(),
        idempotency_key: key.to_owned(),
        asked_at: requested_at,
        reference: None,
        onward: None,
        asks: 0,
        requested_at,
    }))
}

async fn find(market: &Market, key: &str) -> Result<Option<Kept>, Fault> {
    let select = format!("select {KEPT} from stripe_transfers where key = $1");
    Ok(Kept::find_by_statement(sql(&select, [key.into()])).one(market.db()).await?)
}

/// Since when a payout's attempt is handed over to its rail, by its key.
async fn handed_over_since(market: &Market, key: &str) -> Result<Option<Timestamp>, Fault> {
    let select =
        "select occurred_at from events where name = 'payout_sent' and body ->> 'payout' = split_part($1, ':', 1)
        and body ->> 'attempt' = split_part($1, ':', 2) order by sequence limit 1";
    let found = HandedOver::find_by_statement(sql(select, [key.into()])).one(market.db()).await?;
    Ok(found.map(|found| found.occurred_at))
}

/// Write down that a transfer is asked for now. Answers of the key to ask under.
pub(super) async fn asking(market: &Market, transfer: &Transfer) -> Result<String, Fault> {
    let payout = transfer.payout().ok_or_else(|| Fault::bad_row("payouts", "its key names no payout"))?;
    let keep = sql(
        "insert into stripe_transfers as known
            (key, payout_id, method_id, attempt, rail, idempotency_key, amount_minor, asked_at, asks)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 1)
         on conflict (key) do update set asks = known.asks + 1,
            asked_at = case when known.asks = 0 then excluded.asked_at else known.asked_at end
         returning idempotency_key",
        [
            transfer.key.clone().into(),
            payout.uuid().into(),
            transfer.method.uuid().into(),
            i32::try_from(transfer.attempt).map_err(|error| Fault::bad_row("payouts", error))?.into(),
            transfer.rail.as_str().into(),
            transfer.key.clone().into(),
            transfer.amount.minor().into(),
            market.clock().now().into(),
        ],
    );
    let kept = Key::find_by_statement(keep).one(market.db()).await?;
    Ok(kept.ok_or_else(|| Fault::bad_row("stripe_transfers", "one just kept is gone"))?.idempotency_key)
}

/// What is made of what was asked for. Where that was put off, nothing was made of it: it was not asked for.
pub(super) async fn answered(
    market: &Market,
    transfer: &Transfer,
    made: Result<Made, Trouble>,
) -> Result<Result<String, Trouble>, Fault> {
    if matches!(made, Err(Trouble::Later { .. })) {
        let put_off = "update stripe_transfers set asks = asks - 1 where key = $1 and asks > 0";
        market.db().execute_raw(sql(put_off, [transfer.key.clone().into()])).await?;
    }
    Ok(made.map(|made| made.id))
}

async fn note(market: &Market, key: &str, reference: &str) -> Result<(), Fault> {
    let note = sql("update stripe_transfers set reference = $2 where key = $1", [key.into(), reference.into()]);
    market.db().execute_raw(note).await?;
    Ok(())
}

/// What went on from the person's account to their bank is known by this name.
pub(super) async fn note_onward(market: &Market, key: &str, onward: &str) -> Result<(), Fault> {
    let note = sql("update stripe_transfers set onward = $2 where key = $1", [key.into(), onward.into()]);
    market.db().execute_raw(note).await?;
    Ok(())
}

/// Until when what was asked to go on to the bank may still be on its way there, if it may.
pub(super) async fn onward_on_its_way(market: &Market, key: &str) -> Result<Option<Timestamp>, Fault> {
    let select = "select onward_tries, onward_asked_at from stripe_transfers
        where key = $1 and onward_asked_at is not null";
    let trying = Trying::find_by_statement(sql(select, [key.into()])).one(market.db()).await?;
    let until = trying.map(|Trying { onward_asked_at, .. }| onward_asked_at + NEXT_KEY);
    Ok(until.filter(|until| *until > market.clock().now()))
}

/// The key under which what goes on to the bank is asked for now; none if its name is known by now. Whoever asks at the
/// same time asks under the same key, so it goes on once, even if more of the person's money lies there.
///
/// An error that is kept with a key stands in its way for some minutes: at `looked_at` nothing of it was to be seen, and
/// if by then nothing could be on its way any more, it is asked for under the next key.
pub(super) async fn onward_key(market: &Market, kept: &Kept, looked_at: Timestamp) -> Result<Option<String>, Fault> {
    let now = market.clock().now();
    let next = sql(
        "update stripe_transfers set onward_tries = onward_tries + 1, onward_asked_at = $2
         where key = $1 and onward is null and (onward_asked_at is null or onward_asked_at <= $3)",
        [kept.key.clone().into(), now.into(), (looked_at - NEXT_KEY).into()],
    );
    market.db().execute_raw(next).await?;
    let select = "select onward_tries, onward_asked_at from stripe_transfers
        where key = $1 and onward is null and onward_asked_at is not null";
    let trying = Trying::find_by_statement(sql(select, [kept.key.clone().into()])).one(market.db()).await?;
    let Some(Trying { onward_tries, onward_asked_at }) = trying else { return Ok(None) };
    if now >= onward_asked_at + ONE_KEY {
        let why = "what was asked to go on to the bank is not to be seen yet".to_owned();
        return Err(Fault::Later { service: "stripe", why, until: onward_asked_at + NEXT_KEY });
    }
    Ok(Some(format!("{}:onward:{onward_tries}", kept.idempotency_key)))
}

/// What a bank account is called at Stripe, on this rail.
pub(super) async fn payee(market: &Market, method: PayoutMethodId, rail: Rail) -> Result<Option<StripePayee>, Fault> {
    let select = sql(
        "select account, payout_method from stripe_payees where method_id = $1 and rail = $2",
        [method.uuid().into(), rail.as_str().into()],
    );
    Ok(StripePayee::find_by_statement(select).one(market.db()).await?)
}

/// The person's account that a transfer went to if it was asked for, as far as that is sure: one that was made since
/// its payout was asked for may be the second, where a restore made the books forget the first.
pub(super) async fn payee_before(market: &Market, kept: &Kept, rail: Rail) -> Result<Option<StripePayee>, Fault> {
    let select = sql(
        "select account, payout_method from stripe_payees where method_id = $1 and rail = $2 and created_at <= $3",
        [kept.method_id.into(), rail.as_str().into(), kept.requested_at.into()],
    );
    Ok(StripePayee::find_by_statement(select).one(market.db()).await?)
}

/// A transfer went to this account of the person's: it is the one to look in.
pub(super) async fn payee_found(market: &Market, kept: &Kept, rail: Rail, account: &str) -> Result<(), Fault> {
    let found = sql(
        "insert into stripe_payees as known (method_id, rail, account, created_at) values ($1, $2, $3, $4)
         on conflict (method_id, rail) do update set account = excluded.account, payout_method = null
         where known.account <> excluded.account",
        [kept.method_id.into(), rail.as_str().into(), account.into(), market.clock().now().into()],
    );
    if market.db().execute_raw(found).await?.rows_affected() > 0 {
        tracing::error!(payout = %kept.payout(), account, "a transfer went to an account that the books forgot: was \
            the database restored to an earlier moment?");
    }
    Ok(())
}

/// Keep what a bank account is called at Stripe. Whoever is quicker names it.
pub(super) async fn payee_keep(
    market: &Market,
    method: PayoutMethodId,
    rail: Rail,
    payee: &StripePayee,
) -> Result<(), Fault> {
    let keep = sql(
        "insert into stripe_payees as known (method_id, rail, account, payout_method, created_at)
         values ($1, $2, $3, $4, $5)
         on conflict (method_id, rail) do update
         set payout_method = coalesce(known.payout_method, excluded.payout_method)
         where known.account = excluded.account",
        [
            method.uuid().into(),
            rail.as_str().into(),
            payee.account.clone().into(),
            payee.payout_method.clone().into(),
            market.clock().now().into(),
        ],
    );
    market.db().execute_raw(keep).await?;
    Ok(())
}

/// First names, and the last one; a single name is the first.
pub(super) fn split_name(name: &str) -> (String, Option<String>) {
    match name.rsplit_once(' ') {
        Some((given, surname)) => (given.to_owned(), Some(surname.to_owned())),
        None => (name.to_owned(), None),
    }
}
