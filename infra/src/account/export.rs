//! All that is kept of a person, for the person: one document, a part for each kind of thing.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::id::{
    AuditEntryId, ContractId, DisputeId, EntryId, EvidenceId, FreelancerProfileId, GigId, Id, InvitationId, MemberId,
    MilestoneId, NotificationId, OfferId, OrganizationId, PasskeyId, PayoutId, PayoutMethodId, PortfolioItemId,
    ProposalId, ReviewId, SavedSearchId, SessionId, SkillId, SubmissionId, TimesheetId, UserId,
};
use domain::ledger::LedgerAccount;
use domain::refusal::{Invalid, Refusal};
use sea_orm::FromQueryResult;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::market::Market;
use crate::sql::sql;
use crate::throttle::Allowance;
use crate::{Call, Failure, run};

/// The most rows of one kind: the newest. A part that is longer says so.
const ROWS: usize = 10_000;
/// Exports for one person: each reads all there is.
const EXPORTS: Allowance = Allowance { attempts: 10, within: chrono::TimeDelta::hours(1) };

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

/// Secrets are left out: they prove things, and tell nothing.
const PARTS: &[Part] = &[
    Part {
        name: "account",
        sql: "select to_jsonb(t) as row from users t where id = $1",
        named: text::<UserId>,
    },
    Part {
        name: "sessions",
        sql: "select to_jsonb(t) as row from sessions t where user_id = $1 order by id desc",
        named: text::<SessionId>,
    },
    Part {
        name: "passkeys",
        sql: "select to_jsonb(t) - 'credential' - 'public_key' as row from passkeys t where user_id = $1 order by id desc",
        named: text::<PasskeyId>,
    },
    Part {
        name: "memberships",
        sql: "select to_jsonb(t) as row from members t where user_id = $1 order by id desc",
        named: text::<MemberId>,
    },
    Part {
        name: "profile",
        sql: "select to_jsonb(t) - 'search' as row from freelancer_profiles t where user_id = $1",
        named: text::<FreelancerProfileId>,
    },
    Part {
        name: "profileSkills",
        sql: "select to_jsonb(t) as row from profile_skills t join freelancer_profiles p on p.id = t.profile_id
              where p.user_id = $1 order by t.position",
        named: text::<SkillId>,
    },
    Part {
        name: "portfolio",
        sql: "select to_jsonb(t) as row from portfolio_items t join freelancer_profiles p on p.id = t.profile_id
              where p.user_id = $1 order by t.position",
        named: text::<PortfolioItemId>,
    },
    Part {
        name: "savedSearches",
        sql: "select to_jsonb(t) as row from saved_searches t where user_id = $1 order by id desc",
        named: text::<SavedSearchId>,
    },
    Part {
        name: "gigs",
        sql: "select to_jsonb(t) - 'search' as row from gigs t where created_by = $1 order by id desc",
        named: text::<GigId>,
    },
    Part {
        name: "proposals",
        sql: "select to_jsonb(t) || jsonb_build_object('revisions', (
                  select jsonb_agg(to_jsonb(r) - 'proposal_id' order by r.number) from proposal_revisions r
                  where r.proposal_id = t.id)) as row
              from proposals t where freelancer_id = $1 order by id desc",
        named: text::<ProposalId>,
    },
    Part {
        name: "invitations",
        sql: "select to_jsonb(t) as row from invitations t where freelancer_id = $1 or invited_by = $1 order by id desc",
        named: text::<InvitationId>,
    },
    Part {
        name: "offers",
        sql: "select to_jsonb(t) as row from offers t where freelancer_id = $1 and status <> 'draft' order by id desc",
        named: text::<OfferId>,
    },
    Part {
        name: "contracts",
        sql: "select to_jsonb(t) as row from contracts t where freelancer_id = $1 order by id desc",
        named: text::<ContractId>,
    },
    Part {
        name: "milestones",
        sql: "select to_jsonb(t) as row from milestones t join contracts c on c.id = t.contract_id
              where c.freelancer_id = $1 order by t.id desc",
        named: text::<MilestoneId>,
    },
    Part {
        name: "submissions",
        sql: "select to_jsonb(t) as row from submissions t where author_id = $1 order by id desc",
        named: text::<SubmissionId>,
    },
    Part {
        name: "timesheets",
        sql: "select to_jsonb(t) || jsonb_build_object('entries', (
                  select jsonb_agg(to_jsonb(e) - 'timesheet_id' - 'id' order by e.id) from time_entries e
                  where e.timesheet_id = t.id)) as row
              from timesheets t where freelancer_id = $1 order by id desc",
        named: text::<TimesheetId>,
    },
    Part {
        name: "disputes",
        sql: "select to_jsonb(t) as row from disputes t where freelancer_id = $1 order by id desc",
        named: text::<DisputeId>,
    },
    Part {
        name: "evidence",
        sql: "select to_jsonb(t) as row from evidence t where author_id = $1 order by id desc",
        named: text::<EvidenceId>,
    },
    Part {
        name: "reviews",
        sql: "select to_jsonb(t) as row from reviews t where author_id = $1
                  or (freelancer_id = $1 and side = 'client' and published_at is not null) order by id desc",
        named: text::<ReviewId>,
    },
    Part {
        name: "payee",
        sql: "select to_jsonb(t) - 'cnic_sealed' - 'cnic_lookup' - 'ntn_sealed' - 'ntn_lookup' as row
              from payees t where user_id = $1",
        named: text::<UserId>,
    },
    Part {
        name: "payoutMethods",
        sql: "select to_jsonb(t) - 'iban_sealed' - 'iban_lookup' as row from payout_methods t where user_id = $1
              order by id desc",
        named: text::<PayoutMethodId>,
    },
    Part {
        name: "payouts",
        // What a screening found, or why our people look at it, is not for the person to read.
        sql: "select to_jsonb(t) - 'state' as row from payouts t where user_id = $1 order by id desc",
        named: text::<PayoutId>,
    },
    Part {
        name: "money",
        sql: "select jsonb_build_object('id', e.id, 'reason', e.reason, 'contract_id', e.contract_id, 'milestone_id',
                  e.milestone_id, 'posted_at', e.posted_at, 'from', p.from_account, 'to', p.to_account, 'currency', p.currency,
                  'amount_minor', p.amount_minor) as row
              from ledger_postings p join ledger_entries e on e.id = p.entry_id
              where p.from_account in ($3, $4) or p.to_account in ($3, $4) order by p.id desc",
        named: text::<EntryId>,
    },
    Part {
        name: "notifications",
        sql: "select to_jsonb(t) as row from notifications t where user_id = $1 order by id desc",
        named: text::<NotificationId>,
    },
    Part {
        name: "acts",
        sql: "select jsonb_build_object('id', id, 'at', at, 'act', act, 'subject', subject) as row
              from audit_log where actor = $2 order by sequence desc",
        named: text::<AuditEntryId>,
    },
];

#[derive(FromQueryResult)]
struct Row {
    row: Value,
}

impl Market {
    /// All that is kept of the person, or the parts of these names.
    pub async fn account_export(&self, call: &Call, wanted: Option<&[String]>) -> Result<Value, Failure> {
        let id = call.actor.person()?.user;
        let parts = chosen(wanted)?;
        self.throttle(&format!("export:{id}"), EXPORTS).await?;
        let call = &Call { once: None, ..call.clone() };
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
                    "with who as (select $1::uuid, $2::text, $3::text, $4::text) {} limit {}",
                    part.sql,
                    ROWS + 1
                );
                let values = [id.uuid().into(), id.to_string().into(), available.to_string().into(), pending.to_string().into()];
                let found = Row::find_by_statement(sql(&select, values)).all(tx.conn()).await?;
                let is_longer = found.len() > ROWS;
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
                "milestone_id" => text::<MilestoneId>,
                "timesheet_id" | "split_from" => text::<TimesheetId>,
                "dispute_id" => text::<DisputeId>,
                "profile_id" => text::<FreelancerProfileId>,
                "skill_id" => text::<SkillId>,
                "method_id" => text::<PayoutMethodId>,
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
