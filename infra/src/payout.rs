//! Payouts: bank accounts under lock and key, and money on its way to them. Screening and rails are
//! asked outside of transactions; what they say is a verb again.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Actor, Subject, Verb};
use domain::change::Change;
use domain::id::{Id, PayoutId, PayoutMethodId, UserId};
use domain::ledger::LedgerAccount;
use domain::money::{Currency, Money};
use domain::payee::Payee;
use domain::payout::{
    Carried, Known, Lack, Payout, PayoutMethod, PayoutRequest, PayoutState, Rail, Recent, Retention, SUSPENDED,
    Screened,
};
use domain::refusal::Refusal;
use domain::user::given_reason;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::doc::Doc;
use crate::market::Market;
use crate::page::{Key, Keyset, PageRequest, Slice};
use crate::rails::{RailEvent, Transfer};
use crate::save::save_row;
use crate::screening::Particulars;
use crate::sql::{rows_with, sql};
use crate::vault::Vault;
use crate::{Call, Failure, Fault, Tx, run};

mod row;
mod settle;

pub(crate) use row::reseal;

/// Why a payout stops whose account belongs to another person than its money.
const ANOTHERS_ACCOUNT: &str = "its account is not that of the person who is paid";

/// A bank account, as far as it is shown: never the whole number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodShown {
    /// Its id.
    pub id: PayoutMethodId,
    /// Whose it is.
    pub user: UserId,
    /// The last four characters of the account number.
    pub last4: String,
    /// The four letters of the bank.
    pub bank: String,
    /// Is it an account in dollars?
    #[serde(default)]
    pub in_dollars: bool,
    /// The name the bank knows the account by.
    pub account_title: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// From when on it can be used.
    pub usable_from: Timestamp,
    /// Since when it can't be used any more.
    pub removed_at: Option<Timestamp>,
}

/// What a freelancer types to be paid out.
#[derive(Debug, Clone)]
pub struct PayoutAsk {
    /// Where to.
    pub method: PayoutMethodId,
    /// How much.
    pub amount: Money,
    /// The purpose code for the bank.
    pub purpose_code: String,
    /// What for, in words.
    pub written_purpose: Option<String>,
    /// What of it is kept in dollars, and where.
    pub retention: Option<(PayoutMethodId, Money)>,
    /// The password, again. Without it, the session must have been proved a short while ago.
    pub password: Option<String>,
}

#[derive(FromQueryResult)]
struct RecentRow {
    day_count: i64,
    day: i64,
    month: i64,
    retained: i64,
}

#[derive(FromQueryResult)]
struct Looked {
    countries: Vec<String>,
    cleared: Vec<String>,
}

/// What a payout can be for, as banks report it.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct PayoutPurpose {
    /// The four digits.
    pub code: String,
    /// What they stand for.
    pub title: String,
}

impl Market {
    /// The payout, if the caller may see it.
    pub async fn payout_find(&self, call: &Call, id: PayoutId) -> Result<Option<Payout>, Failure> {
        Ok(self.payouts_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Payouts by their ids; those that don't exist, or that the caller may not see, are missing.
    pub async fn payouts_by_id(&self, call: &Call, wanted: &[PayoutId]) -> Result<Vec<Payout>, Failure> {
        let rows = rows_with::<row::Entity, _>(self.db(), row::Column::Id, wanted).await?;
        let found = rows.into_iter().map(Payout::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(found
            .into_iter()
            .filter(|payout| access::allows(&call.actor, Verb::PayoutRead, &payout.subject()))
            .collect())
    }

    /// The caller's payouts, newest first.
    pub async fn payouts_of_viewer(&self, call: &Call, page: &PageRequest) -> Result<Slice<Payout>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(Slice::empty()) };
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::UserId.eq(user.uuid()));
        let order = Keyset::<row::Entity> {
            list: "payouts",
            columns: vec![row::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(order.page(self.db(), select, page).await?.try_map(Payout::try_from)?)
    }

    /// The payouts that wait for our people, who alone see this list, oldest first: those that
    /// screening or a suspension has stopped, and those that two have to approve.
    pub async fn payout_queue(&self, call: &Call, page: &PageRequest) -> Result<Slice<Payout>, Failure> {
        access::check(&call.actor, Verb::PayoutQueueRead, &Subject::OURS)?;
        let select = page.narrow(row::Entity::find(), row::Column::Status);
        let select = select.filter(row::Column::WaitsForStaff.eq(true));
        let order = Keyset::<row::Entity> {
            list: "payout_queue",
            columns: vec![row::Column::Id],
            descending: false,
            key: |row| vec![Key::Uuid(row.id)],
        };
        Ok(order.page(self.db(), select, page).await?.try_map(Payout::try_from)?)
    }

    /// The payout method, if the caller may see the payouts to it.
    pub async fn payout_method_find(&self, call: &Call, id: PayoutMethodId) -> Result<Option<MethodShown>, Failure> {
        Ok(self.payout_methods_by_id(call, &[id]).await?.into_iter().next())
    }

    /// Payout methods by their ids; those that the caller may not see the payouts to are missing.
    pub async fn payout_methods_by_id(
        &self,
        call: &Call,
        wanted: &[PayoutMethodId],
    ) -> Result<Vec<MethodShown>, Failure> {
        let rows = rows_with::<row::method::Entity, _>(self.db(), row::method::Column::Id, wanted).await?;
        let seen =
            |method: &MethodShown| access::allows(&call.actor, Verb::PayoutRead, &Subject::of_person(method.user));
        Ok(rows.into_iter().map(MethodShown::from).filter(seen).collect())
    }

    /// The caller's payout methods that can be used, newest first.
    pub async fn payout_methods_of_viewer(
        &self,
        call: &Call,
        page: &PageRequest,
    ) -> Result<Slice<MethodShown>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(Slice::empty()) };
        let select = row::method::Entity::find()
            .filter(row::method::Column::UserId.eq(user.uuid()))
            .filter(row::method::Column::RemovedAt.is_null());
        let order = Keyset::<row::method::Entity> {
            list: "payout_methods",
            columns: vec![row::method::Column::Id],
            descending: true,
            key: |row| vec![Key::Uuid(row.id)],
        };
        order.page(self.db(), select, page).await?.try_map(|row| Ok(MethodShown::from(row)))
    }

    /// A freelancer adds a bank account. It can be used after the cooling time.
    pub async fn payout_method_add(
        &self,
        call: &Call,
        iban: &str,
        account_title: &str,
        in_dollars: bool,
    ) -> Result<MethodShown, Failure> {
        run!(self, call, tx => {
            let user = tx.actor().person()?.user;
            let terms = tx.policy_in_force().await?.terms;
            let change = PayoutMethod::add(tx.actor(), tx.now(), tx.id(), user, iban, account_title, &terms)?;
            let change = if in_dollars { change.map(PayoutMethod::in_dollars) } else { change };
            let person = tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            tx.must_be_proved(call).await?;
            person.must_read_mail()?;
            let row = row::method_model(self.vault(), &change.next)?;
            if tx.has_payout_method(user, &self.vault().lookups(iban_of(&change.next))).await? {
                return Err(already_added().into());
            }
            let shown = MethodShown::from(row.clone());
            save_row(tx.conn(), row).await.map_err(|failure| {
                failure.when_violated("payout_methods_once", already_added)
            })?;
            tx.settle(change).await?;
            tx.recipient_agreement_accept(self, user, &call.device).await?;
            tx.audit("payout_method_add", shown.id, serde_json::json!({ "last4": shown.last4 })).await?;
            Ok(shown)
        })
    }

    /// A freelancer removes a bank account.
    pub async fn payout_method_remove(&self, call: &Call, id: PayoutMethodId) -> Result<MethodShown, Failure> {
        run!(self, call, tx => {
            let method = tx.payout_method_for_update(self.vault(), id).await?.ok_or(Refusal::HIDDEN)?;
            let change = method.remove(tx.actor(), tx.now())?;
            let row = row::method_model(self.vault(), &change.next)?;
            let shown = MethodShown::from(row.clone());
            save_row(tx.conn(), row).await?;
            tx.settle(change).await?;
            tx.audit("payout_method_remove", id, serde_json::json!({})).await?;
            Ok(shown)
        })
    }

    /// A freelancer asks for money. It leaves the available balance at once.
    pub async fn payout_request(&self, call: &Call, ask: PayoutAsk) -> Result<Payout, Failure> {
        let proof = match &ask.password {
            Some(password) => Some(self.password_prove(call, password).await?),
            None => None,
        };
        let quote = self.fx().quote(self.clock().now()).await;
        run!(self, call, tx => {
            // With a second factor the password alone is half a proof.
            let is_enough = proof.is_some() && !tx.has_second_factor(call.actor.person()?.user).await?;
            let reauthenticated = match &proof {
                Some(proof) => proof.is_some() && is_enough,
                None => tx.is_proved(call).await?,
            };
            // What a person asks for at once, by several accounts, counts together: they queue up here.
            if let Some(user) = tx.actor().user() {
                tx.user_for_update(user).await?;
            }
            let method =
                tx.shown(tx.payout_method_for_update(self.vault(), ask.method).await?, PayoutMethod::subject)?;
            let terms = tx.policy_in_force().await?.terms;
            let account = LedgerAccount::Available(method.user);
            let available = tx.balance(account, terms.payout_min.currency()).await?;
            let request = PayoutRequest {
                amount: ask.amount,
                purpose_code: ask.purpose_code.clone(),
                purpose: tx.purpose_in_force(&ask.purpose_code).await?,
                written_purpose: ask.written_purpose.clone(),
                quote: quote.clone(),
                retention: match ask.retention {
                    Some((kept_at, amount)) => {
                        let kept_at = tx.payout_method_for_update(self.vault(), kept_at).await?;
                        Some((tx.shown(kept_at, PayoutMethod::subject)?, amount))
                    }
                    None => None,
                },
                recent: tx.payouts_recent(method.user).await?,
                failed_rails: tx.rails_that_failed(&method).await?,
                reauthenticated,
            };
            let change = Payout::request(tx.actor(), tx.now(), tx.id(), &method, request, available, terms);
            // Whoever mistyped it is told that, and not to prove who they are in some other way.
            let change = change.map_err(|refusal| match refusal {
                Refusal::Reauthenticate { .. } if is_enough => {
                    Refusal::field("password", "WRONG", "is not your password")
                }
                other => other,
            })?;
            let payout = tx.payout_save(change).await?;
            tx.audit("payout_request", payout.id, serde_json::json!({ "amount": payout.amount, "method": method.id })).await?;
            Ok(payout)
        })
    }

    /// The freelancer calls a payout off before it is handed to a rail.
    pub async fn payout_cancel(&self, call: &Call, id: PayoutId, expected: Option<i64>) -> Result<Payout, Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let payout = tx.payout_save(payout.cancel(tx.actor(), tx.now(), expected)?).await?;
            tx.audit("payout_cancel", id, serde_json::json!({})).await?;
            Ok(payout)
        })
    }

    /// One of our people finds that what stopped a payout is nothing: it goes on its way.
    pub async fn payout_unblock(
        &self,
        call: &Call,
        id: PayoutId,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Payout, Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let stopped = match &payout.state {
                PayoutState::Blocked { reason, .. } => Some(reason.clone()),
                _ => None,
            };
            let change = payout.unblock(tx.actor(), tx.now(), expected)?;
            let by = tx.actor().person()?.user;
            // What was found to be nothing stops it no more, when it is screened once again on its way.
            let clear = sql(
                "insert into payout_clearances (payout_id, reason, cleared_at, cleared_by)
                 select $1, $2, $3, $4 where $2::text is not null on conflict do nothing",
                [id.uuid().into(), stopped.into(), tx.now().into(), by.uuid().into()],
            );
            tx.conn().execute_raw(clear).await?;
            tx.audit("payout_unblock", id, serde_json::json!({ "reason": given_reason(reason)? })).await?;
            tx.payout_save(change).await
        })
    }

    /// One of our people finds that a payout can't be made: its money is available again.
    pub async fn payout_reject(
        &self,
        call: &Call,
        id: PayoutId,
        expected: Option<i64>,
        reason: &str,
    ) -> Result<Payout, Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = payout.reject(tx.actor(), tx.now(), expected, reason)?;
            tx.audit("payout_reject", id, serde_json::json!({ "reason": given_reason(reason)? })).await?;
            tx.payout_save(change).await
        })
    }

    /// One of our people approves a payout that is sent by hand; it takes two.
    pub async fn payout_approve(&self, call: &Call, id: PayoutId, expected: Option<i64>) -> Result<Payout, Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = payout.approve(tx.actor(), tx.now(), expected)?;
            let approvals = change.next.approvals().len();
            tx.audit("payout_approve", id, serde_json::json!({ "approvals": approvals })).await?;
            tx.payout_save(change).await
        })
    }

    /// The freelancer notes the number of the bank's certificate of proceeds.
    pub async fn payout_e_prc_attach(
        &self,
        call: &Call,
        id: PayoutId,
        expected: Option<i64>,
        number: &str,
    ) -> Result<Payout, Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = payout.attach_e_prc(tx.actor(), expected, number)?;
            tx.must_be_proved_unless_own(call, change.next.user).await?;
            if change.changed {
                tx.audit("payout_e_prc_attach", id, serde_json::json!({ "number": change.next.e_prc })).await?;
            }
            tx.payout_save(change).await
        })
    }

    /// What payouts can be for, as banks report it now.
    pub async fn payout_purposes(&self) -> Result<Vec<PayoutPurpose>, Failure> {
        let select = sql(
            "select code, title from purpose_codes
             where valid_from <= $1 and (valid_to is null or valid_to > $1) order by code",
            [self.clock().now().into()],
        );
        Ok(PayoutPurpose::find_by_statement(select).all(self.db()).await?)
    }

    /// The next step of a payout is due.
    pub(crate) async fn payout_advance(&self, call: &Call, id: PayoutId) -> Result<(), Failure> {
        let payout = self.payout_load(id).await?.ok_or(Refusal::HIDDEN)?;
        match &payout.state {
            // Nothing of a suspended person's leaves. Suspending holds what waits then; this, what
            // slipped in beside it.
            PayoutState::Requested { .. } | PayoutState::Screening { .. } | PayoutState::Queued { .. }
                if self.is_suspended(payout.user).await? =>
            {
                self.payout_step(call, id, |payout, tx| payout.withhold(tx.actor(), tx.now())).await
            }
            PayoutState::Requested { .. } => {
                self.payout_step(call, id, |payout, tx| payout.screen(tx.actor(), tx.now())).await
            }
            PayoutState::Screening { .. } => self.payout_screen(call, id).await,
            PayoutState::Queued { .. } => {
                let quote = self.fx().quote(self.clock().now()).await;
                let send = |payout: Payout, tx: &Tx| {
                    let payout = payout.requote(tx.actor(), tx.now(), quote.clone())?;
                    payout.then(|payout| payout.send(tx.actor(), tx.now()))
                };
                self.payout_step(call, id, send).await
            }
            PayoutState::Sent { rail, .. }
            | PayoutState::InTransit { rail, .. }
            | PayoutState::Unknown { rail, .. } => {
                let attempt = payout.attempt;
                let known = self.rails().ask(self, *rail, &payout.rail_key()).await;
                let known = known.unwrap_or_else(|fault| Known::Told(unanswered(id, &fault)));
                let (against, was_asked) = match &known {
                    Known::Absent | Known::Forgotten => {
                        let against = self.payout_stands_against(&payout).await?;
                        (against, self.rails().was_asked(self, &payout.rail_key()).await?)
                    }
                    Known::Told(_) => (None, true),
                };
                let hears = |payout: Payout, tx: &Tx| match &against {
                    Some(why) => payout.asked_and_held_back(tx.actor(), tx.now(), attempt, (&known, was_asked), why),
                    None => payout.asked(tx.actor(), tx.now(), attempt, &known),
                };
                self.payout_step(call, id, hears).await
            }
            // Banks send back what they had, and the news of that may have been lost.
            PayoutState::Paid { rail, look_at: Some(_), .. } => {
                let attempt = payout.attempt;
                let known = self.rails().ask(self, *rail, &payout.rail_key()).await;
                let known = known.unwrap_or_else(|fault| Known::Told(unanswered(id, &fault)));
                self.payout_step(call, id, |payout, tx| payout.looked_after(tx.actor(), tx.now(), attempt, &known))
                    .await
            }
            PayoutState::Blocked { .. }
            | PayoutState::Paid { look_at: None, .. }
            | PayoutState::Returned { .. }
            | PayoutState::Cancelled { .. } => Ok(()),
        }
    }

    /// Screen the name of a payout's account.
    pub(crate) async fn payout_screen(&self, call: &Call, id: PayoutId) -> Result<(), Failure> {
        let Some(payout) = self.payout_load(id).await? else { return Ok(()) };
        let outcome = self.payout_screened(&payout).await?;
        self.payout_step(call, id, |payout, tx| payout.screened(tx.actor(), tx.now(), outcome.clone())).await
    }

    /// What the list says of every name of who is paid, of whatever a bank may be told as one, and of where they live,
    /// but for what our people found to be nothing, of this payout or of the person. An account that
    /// is not theirs is stopped before that, and nobody can find that to be nothing.
    async fn payout_screened(&self, payout: &Payout) -> Result<Screened, Failure> {
        let row = row::method::Entity::find_by_id(payout.method.uuid()).one(self.db()).await?;
        let method = row.ok_or_else(|| Fault::bad_row("payouts", "its method is gone"))?;
        let (latin, urdu) = match self.payee_load(payout.user).await? {
            Some(payee) => (payee.latin_name, payee.urdu_name),
            None => (None, None),
        };
        let kept_at = match payout.retention {
            Some(Retention { method, .. }) => Some(self.payout_account(method).await?),
            None => None,
        };
        let others = |user: UserId| user != payout.user;
        if others(Id::from_uuid(method.user_id)) || kept_at.as_ref().is_some_and(|kept_at| others(kept_at.user)) {
            return Ok(Screened::Hit(ANOTHERS_ACCOUNT.to_owned()));
        }
        let kept_at = kept_at.map(|kept_at| kept_at.account_title);
        let names = [Some(method.account_title), kept_at, latin, urdu, self.name_of(payout.user).await?];
        let names: Vec<String> = names.into_iter().flatten().collect();
        let select = sql(
            "select array(select country from freelancer_profiles where user_id = $1 and country is not null) as countries,
                array(select cleared_of($2, $1)) as cleared",
            [payout.user.uuid().into(), payout.id.uuid().into()],
        );
        let Looked { countries, cleared } = Looked::find_by_statement(select)
            .one(self.db())
            .await?
            .ok_or_else(|| Fault::bad_row("payouts", "nothing was read, not even that nothing was cleared"))?;
        let list = self.screening().list().await?;
        Ok(list.screen(Particulars { names: &names, countries: &countries, cleared: &cleared }))
    }

    /// Why a payout must not be handed over now, whatever was found before: who is paid is suspended by now, or on a list.
    async fn payout_stands_against(&self, payout: &Payout) -> Result<Option<String>, Failure> {
        if self.is_suspended(payout.user).await? {
            return Ok(Some(SUSPENDED.to_owned()));
        }
        Ok(match self.payout_screened(payout).await? {
            Screened::Clear => None,
            Screened::Hit(why) => Some(why),
        })
    }

    /// Why what a rail has of a payout must not go on to the bank now, if anything stands against it: it was settled
    /// meanwhile, or who is paid is suspended by now, or on a list.
    pub(crate) async fn payout_stays_where_it_is(&self, id: PayoutId, attempt: u32) -> Result<Option<String>, Failure> {
        let payout = self.payout_load(id).await?.ok_or(Refusal::HIDDEN)?;
        match &payout.state {
            PayoutState::Sent { .. }
            | PayoutState::InTransit { .. }
            | PayoutState::Unknown { .. }
            | PayoutState::Paid { .. }
                if payout.attempt == attempt =>
            {
                self.payout_stands_against(&payout).await
            }
            state => Ok(Some(format!("the payout is {}", state.as_str()))),
        }
    }

    /// Is it over with this attempt of a payout? What a rail still has of it, and has not sent on, is ours.
    pub(crate) async fn payout_is_over(&self, id: PayoutId, attempt: u32) -> Result<bool, Failure> {
        let payout = self.payout_load(id).await?.ok_or(Refusal::HIDDEN)?;
        let given_back = matches!(payout.state, PayoutState::Returned { .. } | PayoutState::Cancelled { .. });
        Ok(given_back || payout.attempt != attempt)
    }

    /// A payout came back. If it is our people who say so, what of it rests in the person's own account is fetched.
    pub(crate) async fn payout_fetch_back(&self, id: PayoutId) -> Result<(), Failure> {
        let Some(payout) = self.payout_load(id).await? else { return Ok(()) };
        match payout.written_off_to(payout.attempt) {
            Some(Rail::RecipientAccount) => self.stripe_transfer_fetch_back(&payout.rail_key()).await,
            Some(Rail::GlobalPayouts | Rail::BankWire | Rail::Manual) | None => Ok(()),
        }
    }

    /// Hand a payout to its rail, if this attempt still waits for that.
    pub(crate) async fn payout_hand_over(&self, call: &Call, id: PayoutId, attempt: u32) -> Result<(), Failure> {
        let Some(payout) = self.payout_load(id).await? else { return Ok(()) };
        let rail = match &payout.state {
            PayoutState::Sent { rail, .. } if payout.attempt == attempt => *rail,
            _ => return Ok(()),
        };
        if let Some(why) = self.payout_stands_against(&payout).await? {
            // What was handed over before is asked about, and stopped once its rail surely has nothing of it.
            if self.rails().was_asked(self, &payout.rail_key()).await? {
                return self.payout_hears(call, id, attempt, &Carried::Silent).await;
            }
            return self
                .payout_step(call, id, |payout, tx| payout.hold_back(tx.actor(), tx.now(), attempt, &why))
                .await;
        }
        let (payout, method, name, payee) = self.payout_for_wire(payout.id).await?;
        let missing = payee.missing_for_wire(&name);
        let transfer = Transfer {
            key: payout.rail_key(),
            rail,
            iban: method.iban,
            amount: payout.amount,
            missing,
            attempt,
            method: method.id,
            account_title: method.account_title,
            name: payee.wire_name(&name).map(str::to_owned),
        };
        let said = self.rails().send(self, &transfer).await.unwrap_or_else(|fault| unanswered(id, &fault));
        self.payout_hears(call, id, attempt, &said).await
    }

    /// The door by which a rail's own news of a transfer comes in: late, twice and out of order, as
    /// of everybody outside.
    pub async fn rail_event(&self, event: &RailEvent) -> Result<(), Failure> {
        let call = Call::system(format!("rail:{}:{}", event.payout, event.attempt));
        self.payout_hears(&call, event.payout, event.attempt, &event.said).await
    }

    async fn payout_hears(&self, call: &Call, id: PayoutId, attempt: u32, said: &Carried) -> Result<(), Failure> {
        let seen = self.payout_load(id).await?;
        if *said == Carried::Paid && seen.is_some_and(|payout| payout.written_off_to(attempt).is_some()) {
            return run!(self, call, tx => {
                let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
                let available = LedgerAccount::Available(payout.user);
                let available = tx.balance(available, payout.amount.currency()).await?;
                let change = payout.turned_up(tx.actor(), tx.now(), attempt, available)?;
                if change.changed {
                    let lost = change.next.amount.minus_or_zero(available)?;
                    tracing::error!(payout = %id, %lost, "a payout that was said to have come back is with the bank");
                    tx.audit("payout_turned_up", id, serde_json::json!({ "lost": lost })).await?;
                }
                tx.payout_save(change).await.map(drop)
            });
        }
        self.payout_step(call, id, |payout, tx| payout.heard(tx.actor(), tx.now(), attempt, said)).await
    }

    async fn payout_step(
        &self,
        call: &Call,
        id: PayoutId,
        verb: impl Fn(Payout, &Tx) -> Result<Change<Payout>, Refusal> + Send + Sync,
    ) -> Result<(), Failure> {
        run!(self, call, tx => {
            let payout = tx.payout_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let was = payout.state.as_str();
            let change = verb(payout, tx)?;
            let to = change.next.state.as_str();
            // That it was asked about once more is nothing to remember.
            if change.changed && to != was {
                tx.audit("payout_advance", id, serde_json::json!({ "to": to })).await?;
            }
            tx.payout_save(change).await?;
            Ok(())
        })
    }

    /// A payout with all that a bank is told of it.
    pub(crate) async fn payout_for_wire(&self, id: PayoutId) -> Result<(Payout, PayoutMethod, String, Payee), Failure> {
        let payout = self.payout_load(id).await?.ok_or(Refusal::HIDDEN)?;
        let method = self.payout_account(payout.method).await?;
        if method.user != payout.user {
            return Err(Fault::bad_row("payouts", ANOTHERS_ACCOUNT).into());
        }
        let name = self.name_of(payout.user).await?.unwrap_or_default();
        let payee = self.payee_load(payout.user).await?;
        let payee = payee.unwrap_or_else(|| Payee::blank(payout.user, self.clock().now()));
        Ok((payout, method, name, payee))
    }

    /// An account that a payout goes to, or a part of one.
    pub(crate) async fn payout_account(&self, id: PayoutMethodId) -> Result<PayoutMethod, Failure> {
        let row = row::method::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row::open(self.vault(), row.ok_or_else(|| Fault::bad_row("payouts", "its method is gone"))?)?)
    }

    async fn payout_load(&self, id: PayoutId) -> Result<Option<Payout>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).one(self.db()).await?;
        Ok(row.map(Payout::try_from).transpose()?)
    }
}

/// An error is no answer: the payout is out of sight, and asked about under the same key.
fn unanswered(payout: PayoutId, fault: &Fault) -> Carried {
    tracing::warn!(%payout, error = %fault, "a rail did not answer");
    Carried::Silent
}

fn already_added() -> Refusal {
    Refusal::rule("PAYOUT_METHOD_EXISTS", "you have added this account already")
}

fn iban_of(method: &PayoutMethod) -> &str {
    method.iban.reveal()
}

impl Tx {
    /// Nobody is paid any more at the accounts that a person has added; how many there were.
    pub(crate) async fn payout_methods_drop(&self, user: UserId) -> Result<u64, Failure> {
        let remove = sql(
            "update payout_methods set removed_at = $2 where user_id = $1 and removed_at is null",
            [user.uuid().into(), self.now().into()],
        );
        Ok(self.conn().execute_raw(remove).await?.rows_affected())
    }

    /// Does the person have this account already, found by any of the vault's keys?
    async fn has_payout_method(&self, user: UserId, lookups: &[Vec<u8>]) -> Result<bool, Failure> {
        let found = row::method::Entity::find()
            .filter(row::method::Column::UserId.eq(user.uuid()))
            .filter(row::method::Column::IbanLookup.is_in(lookups.iter().cloned()))
            .filter(row::method::Column::RemovedAt.is_null())
            .one(self.conn())
            .await?;
        Ok(found.is_some())
    }

    /// What a person has paid out lately.
    async fn payouts_recent(&self, user: UserId) -> Result<Recent, Failure> {
        let month = self.now().with_timezone(&chrono_tz::Asia::Karachi).format("%Y-%m").to_string();
        let select = sql(
            "select count(*) filter (where requested_at > $2) as day_count,
                    coalesce(sum(amount_minor) filter (where requested_at > $2), 0)::bigint as day,
                    coalesce(sum(amount_minor) filter (where of_month and
                        status in ('sent', 'in_transit', 'unknown', 'paid')), 0)::bigint as month,
                    coalesce(sum(retention_minor) filter (where of_month), 0)::bigint as retained
             from (select *, to_char(requested_at at time zone 'Asia/Karachi', 'YYYY-MM') = $3 as of_month
                   from payouts where user_id = $1 and requested_at > $4
                     and status not in ('returned', 'cancelled')) recent",
            [
                user.uuid().into(),
                (self.now() - TimeDelta::days(1)).into(),
                month.into(),
                (self.now() - TimeDelta::days(32)).into(),
            ],
        );
        let Some(row) = RecentRow::find_by_statement(select).one(self.conn()).await? else {
            return Ok(Recent::NOTHING);
        };
        let usd = |minor| Money::new(minor, Currency::Usd);
        Ok(Recent {
            day_count: u16::try_from(row.day_count).unwrap_or(u16::MAX),
            day: usd(row.day)?,
            month: usd(row.month)?,
            month_retained: usd(row.retained)?,
        })
    }

    /// The rails by which payouts to an account came back lately.
    async fn rails_that_failed(&self, method: &PayoutMethod) -> Result<Vec<Rail>, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::UserId.eq(method.user.uuid()))
            .filter(row::Column::MethodId.eq(method.id.uuid()))
            .filter(row::Column::Status.eq("returned"))
            .all(self.conn())
            .await?;
        let earlier = rows.into_iter().map(Payout::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Rail::that_failed(&earlier, self.now()))
    }

    /// What a purpose code stands for, if it is in force.
    async fn purpose_in_force(&self, code: &str) -> Result<Option<String>, Failure> {
        let code = code.trim();
        if !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        let select = sql(
            "select code, title from purpose_codes
             where code = $1 and valid_from <= $2 and (valid_to is null or valid_to > $2)
             order by valid_from desc limit 1",
            [code.into(), self.now().into()],
        );
        let found = PayoutPurpose::find_by_statement(select).one(self.conn()).await?;
        Ok(found.map(|purpose| purpose.title))
    }

    pub(crate) async fn payout_for_update(&self, id: PayoutId) -> Result<Option<Payout>, Failure> {
        let row = row::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(Payout::try_from).transpose()?)
    }

    /// Hold what has not left yet of a person's payouts, and what our bank was not told of; how many there were.
    pub(crate) async fn payouts_withhold(&self, user: UserId) -> Result<usize, Failure> {
        let rows = row::Entity::find()
            .filter(row::Column::UserId.eq(user.uuid()))
            .filter(row::Column::Status.is_in(["requested", "screening", "queued", "in_transit"]))
            .order_by_asc(row::Column::Id)
            .lock_exclusive()
            .all(self.conn())
            .await?;
        let mut count = 0;
        for row in rows {
            let payout = Payout::try_from(row)?;
            if matches!(payout.state, PayoutState::InTransit { .. }) {
                count += usize::from(self.wire_recall(payout, SUSPENDED).await?);
                continue;
            }
            self.payout_save(payout.withhold(&Actor::System, self.now())?).await?;
            count += 1;
        }
        Ok(count)
    }

    pub(crate) async fn payout_save(&self, change: Change<Payout>) -> Result<Payout, Failure> {
        if change.changed {
            save_row(self.conn(), row::Model::try_from(&change.next)?).await?;
        }
        self.settle(change).await
    }

    async fn payout_method_for_update(
        &self,
        vault: &Vault,
        id: PayoutMethodId,
    ) -> Result<Option<PayoutMethod>, Failure> {
        let row = row::method::Entity::find_by_id(id.uuid()).lock_exclusive().one(self.conn()).await?;
        Ok(row.map(|row| row::open(vault, row)).transpose()?)
    }
}

impl From<row::method::Model> for MethodShown {
    fn from(row: row::method::Model) -> Self {
        Self {
            id: Id::from_uuid(row.id),
            user: Id::from_uuid(row.user_id),
            last4: row.iban_last4,
            bank: row.bank,
            in_dollars: row.currency == Currency::Usd.code(),
            account_title: row.account_title,
            added_at: row.added_at,
            usable_from: row.usable_from,
            removed_at: row.removed_at,
        }
    }
}

impl TryFrom<row::Model> for Payout {
    type Error = Fault;
    fn try_from(row: row::Model) -> Result<Self, Fault> {
        let state: PayoutState = row.state.0;
        if state.as_str() != row.status {
            return Err(Fault::bad_row("payouts", "its state is not the one it is listed under"));
        }
        let currency =
            Currency::from_code(&row.currency).ok_or_else(|| Fault::bad_row("payouts", "unknown currency"))?;
        Ok(Self {
            id: Id::from_uuid(row.id),
            user: Id::from_uuid(row.user_id),
            method: Id::from_uuid(row.method_id),
            amount: Money::new(row.amount_minor, currency).map_err(|error| Fault::bad_row("payouts", error))?,
            purpose_code: row.purpose_code,
            purpose: row.purpose,
            written_purpose: row.written_purpose,
            quote: row.quote.map(|quote| quote.0),
            e_prc: row.e_prc,
            retention: match row.retention_method_id.zip(row.retention_minor) {
                Some((method, minor)) => {
                    let amount = Money::new(minor, currency).map_err(|error| Fault::bad_row("payouts", error))?;
                    Some(Retention { method: Id::from_uuid(method), amount })
                }
                None => None,
            },
            failed_rails: row.failed_rails.0,
            terms: row.terms.0,
            version: row.version,
            attempt: u32::try_from(row.attempt).map_err(|error| Fault::bad_row("payouts", error))?,
            requested_at: row.requested_at,
            word: row.word.map(|word| word.0),
            lacks: match row.lacks {
                Some(lack) => {
                    Some(Lack::named(&lack).ok_or_else(|| Fault::bad_row("payouts", "it lacks what nobody knows"))?)
                }
                None => None,
            },
            state,
        })
    }
}

impl TryFrom<&Payout> for row::Model {
    type Error = Fault;
    fn try_from(payout: &Payout) -> Result<Self, Fault> {
        Ok(Self {
            id: payout.id.uuid(),
            user_id: payout.user.uuid(),
            method_id: payout.method.uuid(),
            currency: payout.amount.currency().code().to_owned(),
            amount_minor: payout.amount.minor(),
            purpose_code: payout.purpose_code.clone(),
            purpose: payout.purpose.clone(),
            written_purpose: payout.written_purpose.clone(),
            quote: payout.quote.clone().map(Doc::from),
            e_prc: payout.e_prc.clone(),
            retention_method_id: payout.retention.map(|kept| kept.method.uuid()),
            retention_minor: payout.retention.map(|kept| kept.amount.minor()),
            failed_rails: payout.failed_rails.clone().into(),
            terms: payout.terms.clone().into(),
            version: payout.version,
            attempt: i32::try_from(payout.attempt).map_err(|error| Fault::bad_row("payouts", error))?,
            requested_at: payout.requested_at,
            status: payout.state.as_str().to_owned(),
            waits_for_staff: payout.waits_for_staff(),
            word: payout.word.clone().map(Doc::from),
            lacks: payout.lacks.map(|lack| lack.as_str().to_owned()),
            state: payout.state.clone().into(),
        })
    }
}
