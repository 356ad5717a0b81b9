//! Erasing a person. What is theirs alone goes; what binds others (contracts, bids, messages,
//! reviews, the books) stays as it is, and knows them by their id only.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::MemberRole;
use domain::account::Ties;
use domain::id::{Id, OrganizationId, UserId};
use domain::ledger::LedgerAccount;
use domain::refusal::Refusal;
use domain::session::Ending;
use domain::wire::RETURN_WINDOW;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::market::Market;
use crate::session::once_is_enough;
use crate::sql::{ids, sql};
use crate::{Call, Failure, Tx, run};

#[derive(FromQueryResult)]
struct Membership {
    organization_id: Uuid,
    role: String,
}

#[derive(FromQueryResult)]
struct Counted {
    contracts: i64,
    disputes: i64,
    under_way: i64,
    dealings: i64,
    payouts: i64,
    last_paid: Option<Timestamp>,
    balances: i64,
    companies: i64,
}

/// What a person leaves behind, statement by statement; `$1` is the person, `$2` the time.
const FORGET: &[&str] = &[
    "delete from passwords where user_id = $1 and $2::timestamptz is not null",
    "delete from mail_codes where user_id = $1 and $2::timestamptz is not null",
    "delete from second_factors where user_id = $1 and $2::timestamptz is not null",
    "delete from recovery_codes where user_id = $1 and $2::timestamptz is not null",
    "delete from passkeys where user_id = $1 and $2::timestamptz is not null",
    "delete from passkey_ceremonies where user_id = $1 and $2::timestamptz is not null",
    "delete from refresh_tokens where session_id in (select id from sessions where user_id = $1) and $2::timestamptz is not null",
    "update sessions set agent = null, address = null where user_id = $1 and $2::timestamptz is not null",
    "delete from saved_searches where user_id = $1 and $2::timestamptz is not null",
    "delete from notifications where user_id = $1 and $2::timestamptz is not null",
    "delete from profile_skills where profile_id in (select id from freelancer_profiles where user_id = $1)
         and $2::timestamptz is not null",
    "delete from portfolio_items where profile_id in (select id from freelancer_profiles where user_id = $1)
         and $2::timestamptz is not null",
    "update freelancer_profiles set headline = 'Erased account', overview = '', rate_minor = null, least_rate_minor = null,
         least_price_minor = null, country = null, time_zone = 'UTC',
         work_starts = null, work_ends = null, weekly_hours = null, languages = '[]', credentials = '[]',
         visibility = 'hidden',
         version = version + 1, updated_at = $2
     where user_id = $1",
    "delete from conversation_reads where user_id = $1 and $2::timestamptz is not null",
    "delete from blocks where freelancer_id = $1 and $2::timestamptz is not null",
    "delete from payees where user_id = $1 and $2::timestamptz is not null",
    "delete from payout_beneficiaries where payout_id in (select id from payouts where user_id = $1)
         and $2::timestamptz is not null",
    // The number is gone for good; that there was an account, payouts go on referring to.
    "update payout_methods set iban_sealed = '', iban_lookup = uuid_send(id), iban_last4 = '....', account_title = 'Erased account',
         removed_at = coalesce(removed_at, $2)
     where user_id = $1",
    // The processor lets go of the cards of a company of one, too (`payment_methods_detach`).
    "update saved_payment_methods set removed_at = $2
     where removed_at is null
         and organization_id in (select organization_id from members where user_id = $1 and role = 'owner')",
    // Nobody is left whom the programs of a company of one would tell.
    "delete from webhook_endpoints
     where organization_id in (select organization_id from members where user_id = $1 and role = 'owner')
         and $2::timestamptz is not null",
    "update wire_lines set sealed = null where payout_id in (select id from payouts where user_id = $1)
         and $2::timestamptz is not null",
    // Who was invited to a company of theirs, or by them, has nobody to join any more; and who invited them
    // keeps no address of theirs.
    "update member_invitations set state = 'revoked', state_at = $2 where state = 'pending'
         and (invited_by = $1 or organization_id in (select organization_id from members where user_id = $1 and role = 'owner'))",
    "update member_invitations set email = id::text || '@erased.invalid', state_at = case state when 'pending' then $2 else state_at end,
         state = case state when 'pending' then 'revoked' else state end
     where email = (select email from users where id = $1)",
    // Answers to others that were kept: they go on being the answers, and no longer say who it was.
    "update idempotency set answer = answer || jsonb_build_object('email', (answer ->> 'id') || '@erased.invalid')
         || case when answer ? 'name' then jsonb_build_object('name', 'Erased account') else '{}' end
     where answer ->> 'email' is not null
         and (answer ->> 'email' = (select email from users where id = $1) or answer ->> 'id' = public_id('usr', $1))
         and $2::timestamptz is not null",
    // What they certified stays with the contracts that it was for; nobody is left to be reminded of it.
    "delete from timers where kind = 'remind_tax_form' and subject = $1 and $2::timestamptz is not null",
    "delete from known_networks where user_id = $1 and $2::timestamptz is not null",
    "delete from freelancer_screenings where freelancer_id = $1 and $2::timestamptz is not null",
    // A company of one has nobody else to belong to, and goes on belonging to the id.
    "delete from members where user_id = $1 and role <> 'owner' and $2::timestamptz is not null",
];

/// For how long a bank may still give back what it took, at most: what it gives back has to find its owner.
const CONTESTABLE: TimeDelta = TimeDelta::days(120);

impl Market {
    /// Erase the person, if nothing binds them any more; when that was.
    pub async fn account_erase(&self, call: &Call, confirmation: &str) -> Result<Timestamp, Failure> {
        let id = call.actor.person()?.user;
        let call = &once_is_enough(call);
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let change = user.erase(tx.actor(), tx.ties(id).await?, confirmation, tx.now())?;
            tx.must_be_proved(call).await?;
            let ended = tx.sessions_end(id, None, Ending::Revoked).await?;
            for forget in FORGET {
                tx.conn().execute_raw(sql(forget, [id.uuid().into(), tx.now().into()])).await?;
            }
            for (organization, had) in tx.actor().person()?.memberships.clone() {
                tx.webhook_endpoints_outlive(organization, had).await?;
            }
            // Answers to them that were kept may say who they were; they have nobody to be repeated to.
            let answers = sql("delete from idempotency where caller = $1", [id.to_string().into()]);
            tx.conn().execute_raw(answers).await?;
            tx.audit("account_erase", id, serde_json::json!({ "sessions_ended": ended })).await?;
            tx.user_save(change).await?;
            Ok(tx.now())
        })
    }
}

impl Tx {
    /// What still binds a person, whose row is locked. Their memberships are locked here, so that no company is passed on
    /// to them afterwards, and the companies that they own, so that nobody joins one meanwhile.
    async fn ties(&self, user: UserId) -> Result<Ties, Failure> {
        let companies = sql(
            "select from organizations
             where id in (select organization_id from members where user_id = $1 and role = 'owner')
             order by id for update",
            [user.uuid().into()],
        );
        self.conn().execute_raw(companies).await?;
        let memberships = Membership::find_by_statement(sql(
            "select organization_id, role from members where user_id = $1 order by id for update",
            [user.uuid().into()],
        ));
        let memberships = memberships.all(self.conn()).await?;
        let owned: Vec<OrganizationId> = memberships
            .into_iter()
            .filter(|membership| membership.role == MemberRole::Owner.as_str())
            .map(|membership| Id::from_uuid(membership.organization_id))
            .collect();
        let accounts = [LedgerAccount::Available(user), LedgerAccount::Pending(user)];
        let accounts = accounts.into_iter().chain(owned.iter().map(|of| LedgerAccount::ClientCredit(*of)));
        let accounts: Vec<String> = accounts.map(|account| account.to_string()).collect();
        let count = Counted::find_by_statement(sql(
            "select
                 (select count(*) from contracts where status <> 'ended'
                     and (freelancer_id = $1 or organization_id = any($2))) as contracts,
                 (select count(*) from disputes where status not in ('executed', 'withdrawn', 'closed')
                     and (freelancer_id = $1 or organization_id = any($2))) as disputes,
                 (select count(*) from milestones
                     where (freelancer_id = $1 or organization_id = any($2))
                         and (held_minor > 0 or status in ('funding', 'approved')))
                 + (select count(*) from payments where organization_id = any($2)
                     and status not in ('succeeded', 'failed'))
                 + (select count(*) from payment_refunds where organization_id = any($2)
                     and status in ('started', 'pending'))
                 + (select count(*) from milestones m
                     where (m.freelancer_id = $1 or m.organization_id = any($2)) and m.chargebacks @> jsonb_build_array(jsonb_build_object('won', false))
                         and exists (select 1 from ledger_entries e where e.milestone_id = m.id
                             and e.reason = 'chargeback' and e.posted_at > $4))
                 + (select count(*) from timesheets t
                     where (t.freelancer_id = $1 or t.organization_id = any($2)) and t.chargebacks @> jsonb_build_array(jsonb_build_object('won', false))
                         and exists (select 1 from ledger_entries e where e.contract_id = t.contract_id
                             and e.reason = 'chargeback' and e.posted_at > $4)) as under_way,
                 (select count(*) from proposals where freelancer_id = $1 and status in
                     ('draft', 'submitted', 'viewed', 'shortlisted', 'interviewing', 'countered', 'offered'))
                 + (select count(*) from offers where status in ('draft', 'pending_funding', 'sent')
                     and (freelancer_id = $1 or organization_id = any($2)))
                 + (select count(*) from gigs where state in ('open', 'paused') and client_id = any($2)) as dealings,
                 (select count(*) from payouts where user_id = $1
                     and status not in ('paid', 'returned', 'cancelled')) as payouts,
                 (select max((state ->> 'at')::timestamptz) from payouts where user_id = $1 and status = 'paid')
                     as last_paid,
                 (select count(*) from ledger_balances where balance_minor > 0 and account = any($3)) as balances,
                 (select count(distinct organization_id) from members
                     where organization_id = any($2) and user_id <> $1) as companies",
            [user.uuid().into(), ids(&owned), accounts.into(), (self.now() - CONTESTABLE).into()],
        ));
        let Some(found) = count.one(self.conn()).await? else { return Ok(Ties::default()) };
        let Counted { contracts, disputes, under_way, dealings, payouts, last_paid, balances, companies } = found;
        let returnable_until = last_paid.map(|at| at + RETURN_WINDOW).filter(|until| *until > self.now());
        Ok(Ties { contracts, disputes, under_way, dealings, payouts, returnable_until, balances, companies })
    }
}
