//! The database schema: an ordered list of SQL files.
//!
//! A migration is a file in `sql/` and a line here. Files that have been released are never
//! changed; what they got wrong, a later file mends.

use sea_orm_migration::prelude::*;
use sha2::{Digest, Sha256};

/// Every migration, oldest first.
pub const ALL: &[Migration] = &[
    Migration { name: "0001_foundation", sql: include_str!("../sql/0001_foundation.sql") },
    Migration { name: "0002_skills", sql: include_str!("../sql/0002_skills.sql") },
    Migration { name: "0003_accounts", sql: include_str!("../sql/0003_accounts.sql") },
    Migration { name: "0004_trade", sql: include_str!("../sql/0004_trade.sql") },
    Migration { name: "0005_ledger", sql: include_str!("../sql/0005_ledger.sql") },
    Migration { name: "0006_deals", sql: include_str!("../sql/0006_deals.sql") },
    Migration { name: "0007_profiles", sql: include_str!("../sql/0007_profiles.sql") },
    Migration { name: "0008_payouts", sql: include_str!("../sql/0008_payouts.sql") },
    Migration { name: "0009_matching", sql: include_str!("../sql/0009_matching.sql") },
    Migration { name: "0010_sandbox", sql: include_str!("../sql/0010_sandbox.sql") },
    Migration { name: "0011_members", sql: include_str!("../sql/0011_members.sql") },
    Migration { name: "0012_disputes", sql: include_str!("../sql/0012_disputes.sql") },
    Migration { name: "0013_dealings", sql: include_str!("../sql/0013_dealings.sql") },
    Migration { name: "0014_timesheets", sql: include_str!("../sql/0014_timesheets.sql") },
    Migration { name: "0015_disputed_weeks", sql: include_str!("../sql/0015_disputed_weeks.sql") },
    Migration { name: "0016_staff", sql: include_str!("../sql/0016_staff.sql") },
    Migration { name: "0017_policies", sql: include_str!("../sql/0017_policies.sql") },
    Migration { name: "0018_outages", sql: include_str!("../sql/0018_outages.sql") },
    Migration { name: "0019_open_ledger", sql: include_str!("../sql/0019_open_ledger.sql") },
    Migration { name: "0020_settle", sql: include_str!("../sql/0020_settle.sql") },
    Migration { name: "0021_roles", sql: include_str!("../sql/0021_roles.sql") },
    Migration { name: "0023_history", sql: include_str!("../sql/0023_history.sql") },
    Migration { name: "0026_grace_of_weeks", sql: include_str!("../sql/0026_grace_of_weeks.sql") },
    Migration { name: "0027_sources", sql: include_str!("../sql/0027_sources.sql") },
    Migration { name: "0028_reminders", sql: include_str!("../sql/0028_reminders.sql") },
    Migration { name: "0029_sweeps", sql: include_str!("../sql/0029_sweeps.sql") },
    Migration { name: "0035_matching_changes", sql: include_str!("../sql/0035_matching_changes.sql") },
    Migration { name: "0036_matching_use", sql: include_str!("../sql/0036_matching_use.sql") },
    Migration { name: "0037_saved_searches", sql: include_str!("../sql/0037_saved_searches.sql") },
    Migration { name: "0038_stripe_rails", sql: include_str!("../sql/0038_stripe_rails.sql") },
    Migration { name: "0040_processor", sql: include_str!("../sql/0040_processor.sql") },
    Migration { name: "0041_refunds", sql: include_str!("../sql/0041_refunds.sql") },
    Migration { name: "0042_saved_methods", sql: include_str!("../sql/0042_saved_methods.sql") },
    Migration { name: "0043_refund_cap", sql: include_str!("../sql/0043_refund_cap.sql") },
    Migration { name: "0044_payout_words", sql: include_str!("../sql/0044_payout_words.sql") },
    Migration { name: "0045_reconciliation", sql: include_str!("../sql/0045_reconciliation.sql") },
    Migration { name: "0046_papers", sql: include_str!("../sql/0046_papers.sql") },
    Migration { name: "0047_wires", sql: include_str!("../sql/0047_wires.sql") },
    Migration { name: "0048_retention", sql: include_str!("../sql/0048_retention.sql") },
    Migration { name: "0050_accounts_safety", sql: include_str!("../sql/0050_accounts_safety.sql") },
    Migration { name: "0052_wire_takes", sql: include_str!("../sql/0052_wire_takes.sql") },
    Migration { name: "0055_passkeys", sql: include_str!("../sql/0055_passkeys.sql") },
    Migration { name: "0056_model_versions", sql: include_str!("../sql/0056_model_versions.sql") },
    Migration { name: "0057_wire_slips", sql: include_str!("../sql/0057_wire_slips.sql") },
    Migration { name: "0058_bank_holidays", sql: include_str!("../sql/0058_bank_holidays.sql") },
    Migration { name: "0059_invoice_numbers", sql: include_str!("../sql/0059_invoice_numbers.sql") },
    Migration { name: "0060_guard", sql: include_str!("../sql/0060_guard.sql") },
    Migration { name: "0061_refresh_again", sql: include_str!("../sql/0061_refresh_again.sql") },
    Migration { name: "0062_refund_looks", sql: include_str!("../sql/0062_refund_looks.sql") },
    Migration { name: "0063_more_skills", sql: include_str!("../sql/0063_more_skills.sql") },
    Migration { name: "0064_credit_by_payment", sql: include_str!("../sql/0064_credit_by_payment.sql") },
    Migration { name: "0065_idle_money", sql: include_str!("../sql/0065_idle_money.sql") },
    Migration { name: "0067_bids", sql: include_str!("../sql/0067_bids.sql") },
    Migration { name: "0070_saved_search_turns", sql: include_str!("../sql/0070_saved_search_turns.sql") },
    Migration { name: "0071_set_ups", sql: include_str!("../sql/0071_set_ups.sql") },
    Migration { name: "0077_wire_return_words", sql: include_str!("../sql/0077_wire_return_words.sql") },
    Migration { name: "0078_no_credited", sql: include_str!("../sql/0078_no_credited.sql") },
    Migration { name: "0079_payout_sent", sql: include_str!("../sql/0079_payout_sent.sql") },
    Migration { name: "0080_standstill", sql: include_str!("../sql/0080_standstill.sql") },
    Migration { name: "0081_escrow_agrees", sql: include_str!("../sql/0081_escrow_agrees.sql") },
    Migration { name: "0082_escrow_account_lookup", sql: include_str!("../sql/0082_escrow_account_lookup.sql") },
    Migration { name: "0085_wire_holders", sql: include_str!("../sql/0085_wire_holders.sql") },
    Migration { name: "0086_offers_per_day", sql: include_str!("../sql/0086_offers_per_day.sql") },
    Migration { name: "0087_payment_methods", sql: include_str!("../sql/0087_payment_methods.sql") },
    Migration { name: "0089_corrections", sql: include_str!("../sql/0089_corrections.sql") },
    Migration { name: "0090_client_screening", sql: include_str!("../sql/0090_client_screening.sql") },
    Migration { name: "0095_matching_screened", sql: include_str!("../sql/0095_matching_screened.sql") },
    Migration { name: "0096_floors_and_countries", sql: include_str!("../sql/0096_floors_and_countries.sql") },
    Migration { name: "0097_blocks", sql: include_str!("../sql/0097_blocks.sql") },
    Migration { name: "0098_answers_with_addresses", sql: include_str!("../sql/0098_answers_with_addresses.sql") },
    Migration { name: "0099_security_hold_by_risk", sql: include_str!("../sql/0099_security_hold_by_risk.sql") },
    Migration { name: "0110_payout_rails", sql: include_str!("../sql/0110_payout_rails.sql") },
    Migration { name: "0111_uncovered", sql: include_str!("../sql/0111_uncovered.sql") },
    Migration { name: "0112_largest_charge", sql: include_str!("../sql/0112_largest_charge.sql") },
    Migration { name: "0115_milestones_stand_still", sql: include_str!("../sql/0115_milestones_stand_still.sql") },
    Migration { name: "0118_screening_of_freelancers", sql: include_str!("../sql/0118_screening_of_freelancers.sql") },
    Migration { name: "0119_terms_as_written", sql: include_str!("../sql/0119_terms_as_written.sql") },
    Migration { name: "0120_planned_once", sql: include_str!("../sql/0120_planned_once.sql") },
    Migration { name: "0130_compliance", sql: include_str!("../sql/0130_compliance.sql") },
    Migration { name: "0140_onward_keys", sql: include_str!("../sql/0140_onward_keys.sql") },
    Migration { name: "0141_transfers_not_asked_for", sql: include_str!("../sql/0141_transfers_not_asked_for.sql") },
    Migration { name: "0150_payment_mandates", sql: include_str!("../sql/0150_payment_mandates.sql") },
    Migration { name: "0151_recipient_acceptances", sql: include_str!("../sql/0151_recipient_acceptances.sql") },
    Migration { name: "0152_stripe_makings", sql: include_str!("../sql/0152_stripe_makings.sql") },
    Migration { name: "0160_sandbox_rail_news", sql: include_str!("../sql/0160_sandbox_rail_news.sql") },
    Migration { name: "0170_webhooks_put_off", sql: include_str!("../sql/0170_webhooks_put_off.sql") },
    Migration { name: "0171_books_in_dollars", sql: include_str!("../sql/0171_books_in_dollars.sql") },
    Migration { name: "0172_books_were_in_dollars", sql: include_str!("../sql/0172_books_were_in_dollars.sql") },
    Migration { name: "0190_grants_by_clock", sql: include_str!("../sql/0190_grants_by_clock.sql") },
    Migration { name: "0191_weeks_that_were_split", sql: include_str!("../sql/0191_weeks_that_were_split.sql") },
    Migration { name: "0192_who_acted", sql: include_str!("../sql/0192_who_acted.sql") },
    Migration { name: "0200_matching_clients", sql: include_str!("../sql/0200_matching_clients.sql") },
    Migration { name: "0210_whose_money", sql: include_str!("../sql/0210_whose_money.sql") },
    Migration { name: "0211_whose_work", sql: include_str!("../sql/0211_whose_work.sql") },
    Migration { name: "0220_reviews_by_clients", sql: include_str!("../sql/0220_reviews_by_clients.sql") },
    Migration { name: "0225_tried_as", sql: include_str!("../sql/0225_tried_as.sql") },
    Migration { name: "0230_credentials", sql: include_str!("../sql/0230_credentials.sql") },
    Migration { name: "0231_bids_given_back", sql: include_str!("../sql/0231_bids_given_back.sql") },
    Migration { name: "0240_tokens_of_ended_sessions", sql: include_str!("../sql/0240_tokens_of_ended_sessions.sql") },
    Migration { name: "0241_payouts_open", sql: include_str!("../sql/0241_payouts_open.sql") },
    Migration {
        name: "0242_matching_changes_by_heaps",
        sql: include_str!("../sql/0242_matching_changes_by_heaps.sql"),
    },
    Migration {
        name: "0243_guards_that_can_be_restored",
        sql: include_str!("../sql/0243_guards_that_can_be_restored.sql"),
    },
    Migration { name: "0245_work_over_all_contracts", sql: include_str!("../sql/0245_work_over_all_contracts.sql") },
    Migration { name: "0250_matching_bounded", sql: include_str!("../sql/0250_matching_bounded.sql") },
    Migration { name: "0251_matching_known", sql: include_str!("../sql/0251_matching_known.sql") },
    Migration { name: "0255_corrections_by_admins", sql: include_str!("../sql/0255_corrections_by_admins.sql") },
    Migration { name: "0260_names_on_papers", sql: include_str!("../sql/0260_names_on_papers.sql") },
    Migration { name: "0261_credit_notes", sql: include_str!("../sql/0261_credit_notes.sql") },
    Migration { name: "0262_paper_issuers", sql: include_str!("../sql/0262_paper_issuers.sql") },
    Migration { name: "0269_mail_codes_of_a_user", sql: include_str!("../sql/0269_mail_codes_of_a_user.sql") },
    Migration { name: "0270_offers_that_wait", sql: include_str!("../sql/0270_offers_that_wait.sql") },
    Migration { name: "0271_whose_account", sql: include_str!("../sql/0271_whose_account.sql") },
    Migration { name: "0280_conversations", sql: include_str!("../sql/0280_conversations.sql") },
    Migration { name: "0285_webhook_endpoints", sql: include_str!("../sql/0285_webhook_endpoints.sql") },
    Migration { name: "0290_messages_by_side", sql: include_str!("../sql/0290_messages_by_side.sql") },
    Migration {
        name: "0295_notifications_unread_about",
        sql: include_str!("../sql/0295_notifications_unread_about.sql"),
    },
    Migration { name: "0300_tax_forms_that_lapse", sql: include_str!("../sql/0300_tax_forms_that_lapse.sql") },
    Migration {
        name: "0310_notifications_unread_of_contract",
        sql: include_str!("../sql/0310_notifications_unread_of_contract.sql"),
    },
    Migration { name: "0311_conversation_reads_kept", sql: include_str!("../sql/0311_conversation_reads_kept.sql") },
    Migration { name: "0312_webhook_endpoints_slow", sql: include_str!("../sql/0312_webhook_endpoints_slow.sql") },
    Migration {
        name: "0313_webhook_endpoints_answered",
        sql: include_str!("../sql/0313_webhook_endpoints_answered.sql"),
    },
    Migration { name: "0314_offers_of_proposal", sql: include_str!("../sql/0314_offers_of_proposal.sql") },
    Migration { name: "0315_bids_with_less", sql: include_str!("../sql/0315_bids_with_less.sql") },
    Migration { name: "0330_webhook_endpoints_nobody", sql: include_str!("../sql/0330_webhook_endpoints_nobody.sql") },
    Migration { name: "0331_known_networks_by_age", sql: include_str!("../sql/0331_known_networks_by_age.sql") },
    Migration { name: "0375_corrections_of_one", sql: include_str!("../sql/0375_corrections_of_one.sql") },
    Migration { name: "0376_webhook_endpoints_silent", sql: include_str!("../sql/0376_webhook_endpoints_silent.sql") },
    Migration { name: "0385_written_together", sql: include_str!("../sql/0385_written_together.sql") },
];

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number and what it is about.
    pub name: &'static str,
    /// What it does.
    pub sql: &'static str,
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(self.sql).await.map(|_| ())
    }
}

/// Applies the list. Takes no lock of its own: whoever calls it holds one.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        ALL.iter().map(|&migration| Box::new(migration) as Box<dyn MigrationTrait>).collect()
    }
}

/// A short name for exactly this schema: it changes when any file does.
pub fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for migration in ALL {
        hash.update(migration.name);
        hash.update(migration.sql);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_in_order_and_each_is_a_file() {
        let names: Vec<&str> = ALL.iter().map(|migration| migration.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sql"))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort_unstable();
        assert_eq!(files, names.iter().map(|name| format!("{name}.sql")).collect::<Vec<_>>());
    }
}
