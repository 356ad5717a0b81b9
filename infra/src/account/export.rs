//! All that is kept of a person, for the person: one document, a part for each kind of thing.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::id::{
    AuditEntryId, ContractId, ConversationId, DisputeId, EntryId, EvidenceId, FreelancerProfileId, GigId, Id,
    InvitationId, MemberId, MessageId, MilestoneId, NotificationId, OfferId, OrganizationId, PasskeyId, PaymentId,
    PayoutId, PayoutMethodId, PortfolioItemId, ProposalId, ReviewId, SavedSearchId, SessionId, SkillId, SubmissionId,
    TimesheetId, UserId,
};
use domain::ledger::LedgerAccount;
use domain::refusal::{Invalid, Refusal};
use sea_orm::FromQueryResult;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::market::Market;
use crate::offer::SENT;
use crate::sql::sql;
use crate::throttle::Allowance;
use crate::{Call, Failure, Fault, run};

/// The most rows of one kind: the newest. A part that is longer says so.
const ROWS: usize = 10_000;
/// The most of one kind in bytes, as JSON: the newest. A part that is longer says so.
const BYTES: usize = 2 << 20;
/// Exports for one person: each reads all there is.
const EXPORTS: Allowance = Allowance { attempts: 10, within: chrono::TimeDelta::hours(1) };
/// Exports that are made at once: each is held in memory as a whole.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// A part: its name, how its rows are found (`$1` is the person, `$2` their id as text, `$3` and `$4`
/// the names of their accounts), and what an `id` in it names.
struct Part {
    name: &'static str,
    sql: &'static str,
    named: fn(Uuid) -> String,
}

fn text<I: Id>(uuid: Uuid) -> String {
    I::from_uuid(uuid).to_string()
}

/// Each column is named: what is not, because the API hides it or because it proves something, stays
/// here. So do what a screening found, why a contract is on hold, and what the client pays with.
const PARTS: &[Part] = &[
    Part {
        name: "account",
        sql: "select id, email, name, time_zone, locale, email_verified_at, staff, suspended_at, reinstated_at, version,
         created_at from users t where id = $1",
        named: text::<UserId>,
    },
    Part {
        name: "sessions",
        sql: "select id, user_id, agent, address, created_at, refreshed_at, proved_at, expires_at, ended_at, ending
         from sessions t where user_id = $1 order by id desc",
        named: text::<SessionId>,
    },
    Part {
        name: "networks",
        sql: "select network, known_at from known_networks where user_id = $1 order by known_at desc, network",
        named: text::<UserId>,
    },
    Part {
        name: "secondFactor",
        sql: "select enrolled_at, confirmed_at,
             (select count(*) from recovery_codes c where c.user_id = $1 and c.used_at is null) as recovery_codes_left
         from second_factors where user_id = $1",
        named: text::<UserId>,
    },
    Part {
        name: "passkeys",
        sql: "select id, user_id, name, backup_eligible, backed_up, transports, created_at, last_used_at
         from passkeys t where user_id = $1 order by id desc",
        named: text::<PasskeyId>,
    },
    Part {
        name: "memberships",
        sql: "select id, organization_id, user_id, role, created_at
         from members t where user_id = $1 order by id desc",
        named: text::<MemberId>,
    },
    Part {
        name: "membershipsEver",
        sql: "select organization_id from memberships_ever where user_id = $1 order by organization_id",
        named: text::<OrganizationId>,
    },
    Part {
        name: "profile",
        sql: "select id, user_id, headline, overview, rate_minor, least_rate_minor, least_price_minor, country, currency,
         time_zone, work_starts, work_ends, weekly_hours,
         languages, credentials, visibility, version, created_at, updated_at
         from freelancer_profiles t where user_id = $1",
        named: text::<FreelancerProfileId>,
    },
    Part {
        name: "profileSkills",
        sql: "select profile_id, skill_id, level, years, position
         from profile_skills t
     where profile_id in (select p.id from freelancer_profiles p where p.user_id = $1) order by t.position",
        named: text::<SkillId>,
    },
    Part {
        name: "portfolio",
        sql: "select id, profile_id, title, description, link, position
         from portfolio_items t
     where profile_id in (select p.id from freelancer_profiles p where p.user_id = $1) order by t.position",
        named: text::<PortfolioItemId>,
    },
    Part {
        name: "savedSearches",
        sql: "select id, user_id, name, criteria, created_at
         from saved_searches t where user_id = $1 order by id desc",
        named: text::<SavedSearchId>,
    },
    Part {
        name: "savedSearchHits",
        sql: "select search_id, gig_id, found_at from saved_search_hits where user_id = $1 order by found_at desc, gig_id",
        named: text::<SavedSearchId>,
    },
    // The gigs they were shown; and when and where they were, to whom is those others' own.
    Part {
        name: "looks",
        sql: "select shown_at, gig_id, position, placement, model_version
         from exposures where viewer_id = $1 and direction = 'gigs' order by id desc",
        named: text::<GigId>,
    },
    Part {
        name: "shown",
        sql: "select shown_at, position, placement, model_version
         from exposures where freelancer_id = $1 and direction = 'people' order by id desc",
        named: text::<UserId>,
    },
    Part {
        name: "blockedClients",
        sql: "select client_id, set_at
         from blocks t where freelancer_id = $1 and set_by = 'freelancer' order by set_at desc, client_id",
        named: text::<OrganizationId>,
    },
    Part {
        name: "gigs",
        sql: "select id, client_id, created_by, title, description, kind, low_minor, high_minor, currency, questions, experience,
         time_zone, work_starts, work_ends, overlap_minutes, languages, countries, weekly_hours, visibility, state, state_at,
         reopen_until, removed_reason, published_at, version, created_at
         from gigs t where created_by = $1
         and exists (select 1 from members m where m.organization_id = t.client_id and m.user_id = $1) order by id desc",
        named: text::<GigId>,
    },
    Part {
        name: "proposals",
        sql: "select id, gig_id, client_id, freelancer_id, terms, status, state, revision, submitted_at, viewed_at, version,
         created_at, updated_at,
         (select jsonb_agg(jsonb_build_object('number', r.number, 'side', r.side, 'body', r.body, 'created_at', r.created_at) order by r.number)
          from proposal_revisions r where r.proposal_id = t.id) as revisions
         from proposals t where freelancer_id = $1 order by id desc",
        named: text::<ProposalId>,
    },
    Part {
        name: "invitations",
        sql: "select id, gig_id, client_id, freelancer_id, message, status, answered_at, created_at
         from invitations t where freelancer_id = $1 or (invited_by = $1
         and exists (select 1 from members m where m.organization_id = t.client_id and m.user_id = $1)) order by id desc",
        named: text::<InvitationId>,
    },
    Part {
        name: "conversations",
        sql: "select id, client_id, freelancer_id, last_number, last_at, opened_at
         from conversations t where freelancer_id = $1 order by id desc",
        named: text::<ConversationId>,
    },
    // What others wrote to them is those others' own.
    Part {
        name: "messages",
        sql: "select id, conversation_id, client_id, freelancer_id, number, body, sent_at
         from messages t where sender_id = $1 and (side = 'freelancer'
         or exists (select 1 from members m where m.organization_id = t.client_id and m.user_id = $1)) order by id desc",
        named: text::<MessageId>,
    },
    Part {
        name: "conversationReads",
        sql: "select conversation_id, up_to, read_at
         from conversation_reads where user_id = $1 order by read_at desc, conversation_id",
        named: text::<ConversationId>,
    },
    Part {
        name: "offers",
        sql: "select id, contract_id, gig_id, proposal_id, organization_id, freelancer_id, title, message, engagement, policy,
         terms, version, status, created_at
         from offers t where freelancer_id = $1 and ({sent}) order by id desc",
        named: text::<OfferId>,
    },
    Part {
        name: "contracts",
        sql: "select id, offer_id, gig_id, proposal_id, organization_id, freelancer_id, title, engagement, policy, terms, version,
         status, created_at
         from contracts t where freelancer_id = $1 order by id desc",
        named: text::<ContractId>,
    },
    Part {
        name: "milestones",
        sql: "select id, contract_id, offer_id, organization_id, freelancer_id, kind, title, description, due_at, currency,
         amount_minor, version, status, held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor
         from milestones t where freelancer_id = $1 and contract_id is not null order by id desc",
        named: text::<MilestoneId>,
    },
    Part {
        name: "submissions",
        sql: "select id, milestone_id, author_id, message, links, created_at
         from submissions t where author_id = $1 order by id desc",
        named: text::<SubmissionId>,
    },
    Part {
        name: "timesheets",
        sql: "select id, contract_id, organization_id, freelancer_id, week, split_from, currency, hourly_rate_minor, limit_minutes,
         version, status, held_minor, released_net_minor, fee_minor, refunded_minor, charged_back_minor,
         (select jsonb_agg(jsonb_build_object('date', e.date, 'minutes', e.minutes, 'note', e.note, 'manual', e.manual) order by e.id)
          from time_entries e where e.timesheet_id = t.id) as entries
         from timesheets t where freelancer_id = $1 order by id desc",
        named: text::<TimesheetId>,
    },
    Part {
        name: "disputes",
        sql: "select id, milestone_id, timesheet_id, contract_id, organization_id, freelancer_id, claimant, reason, answer,
         currency, total_minor, claim_minor, client_offer_minor, freelancer_offer_minor, findings, opened_at, version,
         status
         from disputes t where freelancer_id = $1 order by id desc",
        named: text::<DisputeId>,
    },
    Part {
        name: "evidence",
        sql: "select id, dispute_id, author_id, side, number, text, links, created_at
         from evidence t where author_id = $1 order by id desc",
        named: text::<EvidenceId>,
    },
    Part {
        name: "reviews",
        sql: "select id, contract_id, organization_id, freelancer_id, side, rating, text, written_at, published_at, reply,
         replied_at
         from reviews t where author_id = $1
         or (freelancer_id = $1 and side = 'client' and published_at is not null) order by id desc",
        named: text::<ReviewId>,
    },
    Part {
        name: "payee",
        sql: "select user_id, latin_name, urdu_name, address, phone, cnic_last4, ntn_last4, version, updated_at
         from payees t where user_id = $1",
        named: text::<UserId>,
    },
    Part {
        name: "taxForms",
        sql: "select form.user_id, form.country, form.wording, form.certified_at, form.lapses_on, gone.withdrawn_at
         from tax_forms form left join tax_form_withdrawals gone on gone.user_id = form.user_id and gone.number = form.number
         where form.user_id = $1 order by form.number desc",
        named: text::<UserId>,
    },
    Part {
        name: "paymentMandates",
        sql: "select payment_id, given_at, address, agent from payment_mandates t
         where given_by = $1 order by given_at desc, payment_id desc",
        named: text::<PaymentId>,
    },
    Part {
        name: "recipientAcceptances",
        sql: "select user_id, accepted_at, address, agent from recipient_acceptances t
         where user_id = $1 order by accepted_at desc",
        named: text::<UserId>,
    },
    Part {
        name: "placeAttestations",
        sql: "select contract_id, country, wording, attested_at from place_attestations t
         where contract_id in (select c.id from contracts c where c.freelancer_id = $1) order by attested_at desc",
        named: text::<ContractId>,
    },
    Part {
        name: "payoutMethods",
        sql: "select id, user_id, currency, iban_last4, bank, account_title, added_at, usable_from, removed_at
         from payout_methods t where user_id = $1 order by id desc",
        named: text::<PayoutMethodId>,
    },
    Part {
        name: "payouts",
        sql: "select id, user_id, method_id, currency, amount_minor, retention_method_id, retention_minor, purpose_code, purpose,
         written_purpose, quote, e_prc, version, requested_at, status
         from payouts t where user_id = $1 order by id desc",
        named: text::<PayoutId>,
    },
    Part {
        name: "payoutBeneficiaries",
        sql: "select payout.id, kept.name, kept.latin_name, kept.urdu_name, kept.address, kept.phone, kept.cnic_last4,
             kept.ntn_last4
         from payout_beneficiaries kept join payouts payout on payout.id = kept.payout_id
         where payout.user_id = $1 order by payout.id desc",
        named: text::<PayoutId>,
    },
    Part {
        name: "money",
        sql: "select e.id, e.reason, e.contract_id, e.milestone_id, e.posted_at, p.from_account as \"from\", p.to_account as \"to\",
             p.currency, p.amount_minor
         from ledger_postings p join ledger_entries e on e.id = p.entry_id
         where p.from_account in ($3, $4) or p.to_account in ($3, $4) order by p.id desc",
        named: text::<EntryId>,
    },
    Part {
        name: "notifications",
        sql: "select id, user_id, kind, contract_id, milestone_id, created_at, read_at
         from notifications t where user_id = $1 order by id desc",
        named: text::<NotificationId>,
    },
    Part {
        name: "acts",
        sql: "select id, at, act, subject from audit_log where actor = $2 order by sequence desc",
        named: text::<AuditEntryId>,
    },
];

#[derive(FromQueryResult)]
struct Row {
    row: Value,
    total: i64,
}

impl Market {
    /// All that is kept of the person, or the parts of these names.
    pub async fn account_export(&self, call: &Call, wanted: Option<&[String]>) -> Result<Value, Failure> {
        let id = call.actor.person()?.user;
        let parts = chosen(wanted)?;
        self.throttle(&format!("export:{id}"), EXPORTS).await?;
        let call = &Call { once: None, ..call.clone() };
        // Waited for without a connection, which others could use.
        let _turn = AT_ONCE.acquire().await.map_err(|error| Fault::Io(std::io::Error::other(error)))?;
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            domain::access::check(tx.actor(), domain::access::Verb::AccountExport, &user.subject())?;
            tx.must_be_proved(call).await?;
            let mut export = Map::new();
            export.insert("exportedAt".to_owned(), serde_json::to_value::<Timestamp>(tx.now())?);
            let (available, pending) = (LedgerAccount::Available(id), LedgerAccount::Pending(id));
            for part in &parts {
                // Each statement takes what it needs of the four.
                let select = format!(
                    "with who as (select $1::uuid, $2::text, $3::text, $4::text),
                          found as ({} limit {}),
                          told as (select to_jsonb(found) as row, count(*) over () as total,
                                       sum(octet_length(to_jsonb(found)::text)) over (rows unbounded preceding) as bytes
                                   from found)
                     select row, total from told where bytes <= {BYTES}",
                    part.sql.replace("{sent}", SENT),
                    ROWS + 1
                );
                let values = [id.uuid().into(), id.to_string().into(), available.to_string().into(), pending.to_string().into()];
                let found = Row::find_by_statement(sql(&select, values)).all(tx.conn()).await?;
                let total = found.first().map_or(0, |found| usize::try_from(found.total).unwrap_or(usize::MAX));
                let is_longer = total > found.len().min(ROWS);
                let rows = found.into_iter().take(ROWS).map(|found| readable(found.row, part.named));
                export.insert(part.name.to_owned(), rows.collect());
                if is_longer {
                    export.insert(format!("{}AreCutOff", part.name), Value::Bool(true));
                }
            }
            tx.audit("account_export", id, serde_json::json!({})).await?;
            Ok(Value::Object(export))
        })
    }
}

fn chosen(wanted: Option<&[String]>) -> Result<Vec<&'static Part>, Refusal> {
    let Some(wanted) = wanted else { return Ok(PARTS.iter().collect()) };
    let mut invalid = Invalid::default();
    let mut parts = BTreeMap::new();
    for (place, name) in wanted.iter().take(PARTS.len() + 1).enumerate() {
        match PARTS.iter().enumerate().find(|(_, part)| part.name == name) {
            Some((nth, part)) => {
                parts.insert(nth, part);
            }
            None => {
                let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
                let message = format!("is none of the parts there are: {}", names.join(", "));
                invalid.add(&format!("parts.{place}"), "UNKNOWN", message);
            }
        }
    }
    if parts.is_empty() && invalid.is_empty() {
        invalid.add("parts", "REQUIRED", "can't be empty; leave it out for all parts");
    }
    invalid.finish()?;
    Ok(parts.into_values().collect())
}

/// A row with its ids as the API writes them.
fn readable(row: Value, named: fn(Uuid) -> String) -> Value {
    let Value::Object(fields) = row else { return row };
    let shown = fields.into_iter().map(|(name, value)| {
        let uuid = value.as_str().and_then(|text| text.parse::<Uuid>().ok());
        let id = uuid.and_then(|uuid| {
            let write: fn(Uuid) -> String = match name.as_str() {
                "id" => named,
                "user_id" | "freelancer_id" | "author_id" | "created_by" | "invited_by" => text::<UserId>,
                "organization_id" | "client_id" => text::<OrganizationId>,
                "gig_id" => text::<GigId>,
                "proposal_id" => text::<ProposalId>,
                "offer_id" => text::<OfferId>,
                "contract_id" => text::<ContractId>,
                "conversation_id" => text::<ConversationId>,
                "milestone_id" => text::<MilestoneId>,
                "timesheet_id" | "split_from" => text::<TimesheetId>,
                "dispute_id" => text::<DisputeId>,
                "profile_id" => text::<FreelancerProfileId>,
                "search_id" => text::<SavedSearchId>,
                "skill_id" => text::<SkillId>,
                "payment_id" => text::<PaymentId>,
                "method_id" | "retention_method_id" => text::<PayoutMethodId>,
                _ => return None,
            };
            Some(Value::String(write(uuid)))
        });
        (name, id.unwrap_or(value))
    });
    Value::Object(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_chosen_by_name_and_come_in_their_order() {
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            chosen(Some(&wanted)).map(|parts| parts.iter().map(|part| part.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["payouts", "account", "payouts"]), Ok(vec!["account", "payouts"]));
        assert!(names(&[]).is_err() && names(&["account", "passwords"]).is_err());
        assert_eq!(chosen(None).map(|parts| parts.len()), Ok(PARTS.len()));
    }

    #[test]
    fn ids_are_written_as_the_api_writes_them() {
        let row = serde_json::json!({ "id": Uuid::nil(), "gig_id": Uuid::nil(), "trace": Uuid::nil(), "gone": null });
        let shown = readable(row, text::<ContractId>);
        assert_eq!(shown["id"], "con_00000000000000000000000000");
        assert_eq!(shown["gig_id"], "gig_00000000000000000000000000");
        assert_eq!(shown["trace"], Uuid::nil().to_string());
    }
}
