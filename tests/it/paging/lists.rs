//! Every list of the schema, and how rows get into it.

/// Who looks at a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The owner of the client's organization.
    Client,
    /// The freelancer.
    Freelancer,
    /// One of our people, who sees the books.
    Admin,
    /// One of our people, who judges.
    Mediator,
}

/// A list of the schema.
#[derive(Debug)]
pub struct List {
    /// Its type and field: `Contract.events`.
    pub field: &'static str,
    /// Arguments it is asked with, besides those of the page.
    pub with: &'static str,
    /// Who looks.
    pub who: Who,
    /// The object it hangs on, by its name among the world's ids; empty for `Query` and `Viewer`.
    pub on: &'static str,
    /// How many rows it is filled with.
    pub rows: u32,
    /// Where they come from; nothing for what ships with the program.
    pub copies: Option<Copies>,
}

/// Rows that are copies of one that is there. Names in braces stand for ids of the world.
#[derive(Debug)]
pub struct Copies {
    /// The table.
    pub table: &'static str,
    /// Which row.
    pub of: &'static str,
    /// What each copy has of its own: names and SQL over `n`, which counts up.
    pub own: &'static str,
    /// What a copy has to have in other tables.
    pub then: &'static str,
    /// The column that the last key of a cursor comes from.
    pub key: &'static str,
}

const fn list(field: &'static str, who: Who, on: &'static str, table: &'static str, of: &'static str) -> List {
    let copies = Copies { table, of, own: "'id', gen_random_uuid()", then: "", key: "id" };
    List { field, with: "", who, on, rows: 250, copies: Some(copies) }
}

impl List {
    const fn own(mut self, own: &'static str) -> Self {
        if let Some(copies) = &mut self.copies {
            copies.own = own;
        }
        self
    }

    const fn key(mut self, key: &'static str) -> Self {
        if let Some(copies) = &mut self.copies {
            copies.key = key;
        }
        self
    }

    const fn then(mut self, then: &'static str) -> Self {
        if let Some(copies) = &mut self.copies {
            copies.then = then;
        }
        self
    }

    const fn with(mut self, with: &'static str) -> Self {
        self.with = with;
        self
    }

    const fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }
}

/// What must be there to be copied, and what limits the length of a list in a way that no paging
/// can be seen.
pub const GROUND: &[&str] = &[
    // Nobody matches a gig that is closed.
    "update gigs set state = 'open', state_at = null where public_id('gig', id) = '{gig}'",
    "insert into outage_grants select gen_random_uuid(), id, 1, now(), now() + interval '1 hour', now()
     from milestones where public_id('mil', id) = '{milestone}'",
    "insert into outages values (gen_random_uuid(), '[\"Asia/Karachi\"]', now(), now(), 'Power', now(), 1, now())",
    "insert into saved_searches (id, user_id, name, criteria, created_at)
     select gen_random_uuid(), id, 'Ledgers', '{\"skills\": [], \"kind\": null, \"budget_at_least\": null, \"text\": \"ledger\"}', now()
     from users where public_id('usr', id) = '{freelancer}'",
    "insert into passkeys select gen_random_uuid(), id, 'Phone', 'a key', 'its public half', 0, false, false, '[]', now()
     from users where public_id('usr', id) = '{freelancer}'",
    "insert into wire_batches select gen_random_uuid(), now(), id, now()::date, 1, 100 from users
     where public_id('usr', id) = '{freelancer}'",
    "insert into screening_hits (id, organization_id, name, words, listed, found_at, status, state, version)
     select gen_random_uuid(), id, name, 'a', name, now(), 'open', '{\"status\": \"open\"}', 1 from organizations
     where public_id('org', id) = '{organization}'",
    "insert into corrections (id, from_account, to_account, currency, amount_minor, reason, entry_key, proposed_by, proposed_at,
         status, state, version)
     select gen_random_uuid(), 'losses', 'fee_revenue', 'USD', 100, 'Rounding', 'a', id, now(), 'expired',
         '{\"status\": \"expired\", \"at\": \"2026-06-01T00:00:00Z\"}', 2 from users where public_id('usr', id) = '{freelancer}'",
    "alter table evidence drop constraint evidence_number_check, drop constraint evidence_numbered",
];

const OPEN: &str = "'id', gen_random_uuid(), 'state', 'open', 'state_at', null,
    'published_at', now() - n * interval '1 second'";
const THEIR_SKILLS: &str = "insert into gig_skills (gig_id, skill_id, required, position)
    select g.id, s.skill_id, s.required, s.position from gigs g, gig_skills s
    where public_id('gig', s.gig_id) = '{gig}' and not exists (select 1 from gig_skills o where o.gig_id = g.id)";
/// The people of copied profiles, and what they can do.
const THEIR_USERS: &str = "with people as (
        insert into users (id, email, name, created_at)
        select p.user_id, p.user_id || '@example.com', 'Somebody', now() from freelancer_profiles p
        where not exists (select 1 from users u where u.id = p.user_id) returning id)
    insert into profile_skills (profile_id, skill_id, level, years, position)
    select p.id, s.skill_id, s.level, s.years, s.position
    from people join freelancer_profiles p on p.user_id = people.id, profile_skills s
    where public_id('fre', s.profile_id) = '{profile}'";
const THEIR_POSTINGS: &str = "insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor)
    select e.id, p.from_account, p.to_account, p.currency, p.amount_minor
    from ledger_entries e, ledger_entries t join ledger_postings p on p.entry_id = t.id
    where public_id('con', t.contract_id) = '{contract}' and t.number = 1 and e.contract_id = t.contract_id
      and not exists (select 1 from ledger_postings o where o.entry_id = e.id)";
const THEIR_MEMBERS: &str = "insert into members (id, organization_id, user_id, role, created_at)
    select gen_random_uuid(), o.id, m.user_id, 'owner', now() from organizations o, members m
    where public_id('org', m.organization_id) = '{organization}' and m.role = 'owner'
      and not exists (select 1 from members n where n.organization_id = o.id)";
/// When a grant began, as cursors write it.
const BEGAN: &str = "to_char(from_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
const PAYOUT: &str = "public_id('pyo', id) = '{payout}'";
const STOPPED: &str = "'id', gen_random_uuid(), 'status', 'blocked', 'waits_for_staff', true,
    'state', jsonb_build_object('status', 'blocked', 'since', now(), 'reason', 'a name')";
const WEEKS_BEFORE: &str = "'id', gen_random_uuid(), 'week', date '2020-01-06' - 7 * n::integer";
const BILLED: &str = "public_id('mil', id) = '{milestone}'";
const PAID: &str =
    "status = 'succeeded' and milestone_id = (select id from milestones where public_id('mil', id) = '{milestone}')";
const FUND: &str = "contract_id is not null and number = 1 and public_id('con', contract_id) = '{contract}'";
const WRITTEN: &str = "public_id('cnv', id) = '{conversation}'";
const HIS: &str = "public_id('usr', user_id) = '{freelancer}'";

/// Rankings come first, and with few rows: who is beyond the hundredth place of one is not shown.
pub const LISTS: &[List] = &[
    list("Viewer.recommendedGigs", Who::Freelancer, "", "gigs", "public_id('gig', id) = '{gig}'")
        .own(OPEN)
        .then(THEIR_SKILLS)
        .rows(60),
    list("Gig.matches", Who::Client, "gig", "freelancer_profiles", HIS)
        .own("'id', gen_random_uuid(), 'user_id', gen_random_uuid()")
        .then(THEIR_USERS)
        .key("user_id")
        .rows(60),
    list("Query.freelancers", Who::Client, "", "freelancer_profiles", HIS)
        .own("'id', gen_random_uuid(), 'user_id', gen_random_uuid()")
        .then(THEIR_USERS),
    list("Query.gigs", Who::Client, "", "gigs", "public_id('gig', id) = '{gig}'")
        .own("'id', gen_random_uuid(), 'published_at', now() - n * interval '1 second'")
        .with("filter: { states: [OPEN, FILLED] }"),
    list("Query.gigs", Who::Freelancer, "", "gigs", "public_id('gig', id) = '{gig}'")
        .own(OPEN)
        .with("orderBy: BEST_MATCH filter: { states: [OPEN, FILLED] }"),
    list("Organization.gigs", Who::Client, "organization", "gigs", "public_id('gig', id) = '{gig}'"),
    List { field: "Query.skills", with: "", who: Who::Client, on: "", rows: 250, copies: None },
    list("Query.wireBatches", Who::Admin, "", "wire_batches", "true"),
    list("Query.reconciliations", Who::Admin, "", "reconciliations", "true")
        .own("'id', gen_random_uuid(), 'daily', false, 'uncovered_minor', null"),
    list("Query.screeningHits", Who::Admin, "", "screening_hits", "true")
        .own("'id', gen_random_uuid(), 'words', 'copy ' || n"),
    list("Query.corrections", Who::Admin, "", "corrections", "true"),
    list("Query.auditLog", Who::Admin, "", "audit_log", "true").key("sequence"),
    list("Query.disputeQueue", Who::Mediator, "", "disputes", "public_id('dis', id) = '{dispute}'")
        .own("'id', gen_random_uuid(), 'milestone_id', gen_random_uuid()"),
    list("Query.outages", Who::Client, "", "outages", "true"),
    list("Query.payoutQueue", Who::Admin, "", "payouts", PAYOUT).own(STOPPED),
    list("Query.policies", Who::Client, "", "policy_versions", "number = 1")
        .own("'number', 1000 + n, 'effective_from', timestamptz '2025-01-01' + n % 50 * interval '1 hour'")
        .key("number"),
    list("User.reviews", Who::Client, "freelancer", "reviews", "side = 'client'")
        .own("'id', gen_random_uuid(), 'contract_id', gen_random_uuid()"),
    list("Organization.reviews", Who::Client, "organization", "reviews", "side = 'freelancer'")
        .own("'id', gen_random_uuid(), 'contract_id', gen_random_uuid()"),
    list("Organization.contracts", Who::Client, "organization", "contracts", "public_id('con', id) = '{contract}'")
        .own("'id', gen_random_uuid(), 'offer_id', gen_random_uuid()"),
    list("Organization.offers", Who::Client, "organization", "offers", "public_id('off', id) = '{offer}'")
        .own("'id', gen_random_uuid(), 'contract_id', gen_random_uuid()"),
    list("Organization.milestones", Who::Client, "organization", "milestones", BILLED),
    list(
        "Organization.timesheets",
        Who::Client,
        "organization",
        "timesheets",
        "public_id('tsh', id) = '{timesheet}'",
    )
    .own(WEEKS_BEFORE),
    list("WebhookEndpoint.deliveries", Who::Client, "webhookEndpoint", "webhook_deliveries", "true")
        .own("'id', gen_random_uuid(), 'event_id', gen_random_uuid()"),
    list("Organization.payments", Who::Client, "organization", "payments", PAID)
        .own("'id', gen_random_uuid(), 'invoice_number', null"),
    list("Organization.members", Who::Client, "organization", "members", "public_id('mem', id) = '{member}'")
        .own("'id', gen_random_uuid(), 'user_id', gen_random_uuid(), 'role', 'viewer'"),
    list("Organization.invitations", Who::Client, "organization", "member_invitations", "true")
        .own("'id', gen_random_uuid(), 'email', 'copy' || n || '@example.com'"),
    list("Organization.conversations", Who::Client, "organization", "conversations", WRITTEN)
        .own("'id', gen_random_uuid(), 'freelancer_id', gen_random_uuid()"),
    list("Conversation.messages", Who::Client, "conversation", "messages", "public_id('msg', id) = '{message}'")
        .own("'id', gen_random_uuid(), 'number', 1000 + n")
        .key("number"),
    list("Offer.milestones", Who::Client, "offer", "milestones", BILLED),
    list("Contract.milestones", Who::Freelancer, "contract", "milestones", BILLED),
    list("Contract.disputes", Who::Client, "contract", "disputes", "public_id('dis', id) = '{dispute}'").own(
        "'id', gen_random_uuid(), 'milestone_id', gen_random_uuid(),
         'contract_id', (select id from contracts where public_id('con', id) = '{contract}')",
    ),
    list(
        "Contract.events",
        Who::Client,
        "contract",
        "events",
        "contract_id is not null and for_client and public_id('con', contract_id) = '{contract}'",
    )
    .key("position"),
    list(
        "Contract.paymentMethods",
        Who::Client,
        "hourlyContract",
        "contract_payment_methods",
        "public_id('con', contract_id) = '{hourlyContract}'",
    )
    .own("'id', 0"),
    list("Contract.statement", Who::Freelancer, "contract", "ledger_entries", FUND)
        .own("'id', gen_random_uuid(), 'key', 'copy ' || n, 'number', 1000 + n")
        .then(THEIR_POSTINGS)
        .key("number"),
    list("Contract.timesheets", Who::Client, "hourlyContract", "timesheets", "public_id('tsh', id) = '{timesheet}'")
        .own(WEEKS_BEFORE),
    list("Timesheet.entries", Who::Client, "timesheet", "time_entries", "true"),
    list("Dispute.evidence", Who::Client, "dispute", "evidence", "true"),
    list("Gig.invitations", Who::Client, "gig", "invitations", "public_id('gig', gig_id) = '{gig}'")
        .own("'id', gen_random_uuid(), 'freelancer_id', gen_random_uuid()"),
    list("Gig.proposals", Who::Client, "gig", "proposals", "public_id('gig', gig_id) = '{gig}'")
        .own("'id', gen_random_uuid(), 'freelancer_id', gen_random_uuid()"),
    list("Gig.proposals", Who::Client, "gig", "proposals", "public_id('gig', gig_id) = '{gig}'")
        .own("'id', gen_random_uuid(), 'freelancer_id', gen_random_uuid()")
        .with("orderBy: FIT"),
    list("Proposal.revisions", Who::Freelancer, "proposal", "proposal_revisions", "true")
        .own("'number', 1000 + n")
        .key("number"),
    list("Milestone.outageGrants", Who::Freelancer, "milestone", "outage_grants", "true")
        .own("'outage_id', gen_random_uuid(), 'from_at', '2026-01-01'::timestamptz + n * interval '1 second'")
        .key(BEGAN),
    list("Timesheet.outageGrants", Who::Freelancer, "timesheet", "outage_grants", "true")
        .own(
            "'outage_id', gen_random_uuid(), 'from_at', '2026-01-01'::timestamptz + n * interval '1 second', 'milestone_id', null,
             'timesheet_id', (select id from timesheets where public_id('tsh', id) = '{timesheet}')",
        )
        .key(BEGAN),
    list(
        "Milestone.submissions",
        Who::Client,
        "milestone",
        "submissions",
        "public_id('mil', milestone_id) = '{milestone}'",
    ),
    list("Viewer.contracts", Who::Freelancer, "", "contracts", "public_id('con', id) = '{contract}'")
        .own("'id', gen_random_uuid(), 'offer_id', gen_random_uuid()"),
    list("Viewer.conversations", Who::Freelancer, "", "conversations", WRITTEN)
        .own("'id', gen_random_uuid(), 'client_id', gen_random_uuid()"),
    list("Viewer.disputes", Who::Freelancer, "", "disputes", "public_id('dis', id) = '{dispute}'")
        .own("'id', gen_random_uuid(), 'milestone_id', gen_random_uuid()"),
    list("Viewer.invitations", Who::Freelancer, "", "invitations", "public_id('gig', gig_id) = '{gig}'")
        .own("'id', gen_random_uuid(), 'gig_id', gen_random_uuid()"),
    list("Viewer.milestones", Who::Freelancer, "", "milestones", BILLED),
    list("Viewer.notifications", Who::Freelancer, "", "notifications", HIS)
        .own("'id', gen_random_uuid(), 'event_id', gen_random_uuid()"),
    list("Viewer.offers", Who::Freelancer, "", "offers", "public_id('off', id) = '{offer}'")
        .own("'id', gen_random_uuid(), 'contract_id', gen_random_uuid()"),
    list("Viewer.organizations", Who::Client, "", "organizations", "public_id('org', id) = '{organization}'")
        .then(THEIR_MEMBERS),
    list("Viewer.passkeys", Who::Freelancer, "", "passkeys", HIS)
        .own("'id', gen_random_uuid(), 'credential', '\\x' || md5(n::text)"),
    list("Viewer.payoutMethods", Who::Freelancer, "", "payout_methods", HIS)
        .own("'id', gen_random_uuid(), 'iban_lookup', '\\x' || md5(n::text)"),
    list("Viewer.payouts", Who::Freelancer, "", "payouts", HIS),
    list("Viewer.proposals", Who::Freelancer, "", "proposals", "public_id('gig', gig_id) = '{gig}'")
        .own("'id', gen_random_uuid(), 'gig_id', gen_random_uuid()"),
    list("Viewer.savedSearches", Who::Freelancer, "", "saved_searches", HIS),
    list(
        "Viewer.sessions",
        Who::Freelancer,
        "",
        "sessions",
        "ended_at is null and public_id('usr', user_id) = '{freelancer}'",
    ),
    list("Viewer.timesheets", Who::Freelancer, "", "timesheets", "public_id('con', contract_id) = '{hourlyContract}'")
        .own(WEEKS_BEFORE),
];

/// Lists without pages, and what keeps each short.
pub const SHORT: &[(&str, &str)] = &[
    ("CompliancePack.invoices", "one for each currency"),
    ("CompliancePack.placeAttestations", "a hundred a contract, by a limit"),
    ("CompliancePack.screening", "the latest hundred"),
    ("Contract.holdReasons", "an enum's members"),
    ("Contract.reviews", "one of each side"),
    ("Evidence.links", "20 by its input"),
    ("FeeCorrectionsApprovePayload.corrections", "200 by its input"),
    ("FeeCorrectionsProposePayload.corrections", "200 at most"),
    ("ExposureReport.versions", "the versions of the model"),
    ("FeePreview.parts", "one for each weight that was asked for, at most 100"),
    ("FreelancerMatch.factors", "the model's factors"),
    ("FreelancerMatch.improvements", "the best three"),
    ("FreelancerMatchConnection.leftOut", "the hard constraints"),
    ("FreelancerProfile.credentials", "20 by its input"),
    ("FreelancerProfile.languages", "20 by its input"),
    ("FreelancerProfile.portfolio", "20 by its input"),
    ("FreelancerProfile.skills", "50 by its input"),
    ("Gig.countries", "50 by its input"),
    ("Gig.languages", "5 by its input"),
    ("Gig.proposalsAlike", "of the first 500 proposals"),
    ("Gig.questions", "10 by its input"),
    ("Gig.skills", "20 by its input"),
    ("GigMatch.factors", "the model's factors"),
    ("GigMatch.improvements", "the best three"),
    ("GigMatchConnection.leftOut", "the hard constraints"),
    ("IdentityAssurance.proofs", "an enum's members"),
    ("MatchExplanation.barriers", "the hard constraints"),
    ("MatchExplanation.factors", "the model's factors"),
    ("MatchExplanation.improvements", "the best three"),
    ("Organization.paymentMethods", "the newest fifty, by the query"),
    ("Organization.webhookEndpoints", "five at most"),
    ("Outage.zones", "20 by its input"),
    ("PasswordResetPayload.passkeysLeft", "20 passkeys"),
    ("Payee.missing", "what a wire needs"),
    ("Payment.refunds", "a hundred a payment, by a limit"),
    ("Payout.approvals", "two people"),
    ("PolicyTerms.chargeRetryDays", "20 by its input"),
    ("PolicyTerms.dormancyNoticeDays", "20 by its input"),
    ("PolicyTerms.reviewNoticeDays", "20 by its input"),
    ("Proposal.answers", "one for each question of the gig, at most 10"),
    ("ProposalGroup.proposals", "of the first 500 proposals"),
    ("ProposedPrice.milestones", "20 by its input"),
    ("Query.bankCalendars", "one for each country"),
    ("Query.bankHolidays", "two countries' days of three years"),
    ("Query.blockedFreelancers", "200 by their limit"),
    ("Query.payeesByNumber", "at most a hundred who gave one number"),
    ("Query.payoutPurposes", "the codes in force"),
    ("Query.platformBalances", "the platform's kinds of account, in each currency"),
    ("Query.skillCategories", "ship with the program"),
    ("Query.skillSuggest", "what a text of 20,000 characters speaks of"),
    ("RecoveryCodesRenewPayload.recoveryCodes", "ten"),
    ("Review.workSkills", "those of a gig, 20 by its input"),
    ("SavedSearch.skills", "20 by its input"),
    ("SecondFactorConfirmPayload.recoveryCodes", "ten"),
    ("Skill.aliases", "ships with the program"),
    ("SkillGapReport.gaps", "the best twenty"),
    ("StatementEntry.postings", "the legs of one entry"),
    ("Submission.links", "20 by its input"),
    ("WebhookEndpoint.events", "an enum's members"),
    ("Viewer.blockedClients", "200 by their limit"),
];
