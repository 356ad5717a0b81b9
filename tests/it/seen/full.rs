//! What the journey does not leave by itself, so that nearly every field has something in it. What people do in one step
//! they do; what takes them weeks is copied from what they left.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tests::world::World;
use tests::{Person, TestApp, Visitor};

/// Who does it, and what there is by its name.
pub struct Story<'a> {
    pub app: &'a TestApp,
    pub owner: Visitor<'a>,
    pub freelancer: Visitor<'a>,
    pub staff: &'a Person<'a>,
    pub mediator: &'a Person<'a>,
    pub rival: &'a Person<'a>,
    pub stranger: &'a Person<'a>,
    pub ids: BTreeMap<String, String>,
}

/// A card whose bank does not take anything back.
const NO_WAY_BACK: &str = "pm_sandbox_refund_fails";

pub fn usd(amount: &str) -> Value {
    json!({ "amount": amount })
}

impl Story<'_> {
    pub fn id(&self, name: &str) -> String {
        self.ids.get(name).unwrap_or_else(|| panic!("there is no {name}")).clone()
    }

    pub fn keeps(&mut self, name: &str, id: String) -> String {
        self.ids.insert(name.to_owned(), id.clone());
        id
    }

    fn user(&self) -> String {
        self.id("freelancerUser")
    }

    /// A gig that is open, with what is said of it beside.
    pub async fn gig(&self, title: &str, more: Value) -> String {
        let id = self.draft(title, more).await;
        self.owner.does("gigPublish", json!({ "gigId": id }), "gig { id }").await.ok();
        id
    }

    /// A gig that is not published.
    pub async fn draft(&self, title: &str, more: Value) -> String {
        let mut gig = json!({
            "clientId": self.id("organization"), "title": title, "kind": "FIXED",
            "description": "Something to be done by somebody, soon.",
            "budget": { "low": usd("100.00"), "high": usd("900.00") }, "requiredSkills": [self.id("skill")]
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            gig[name] = value.clone();
        }
        self.owner.does("gigCreate", gig, "gig { id }").await.text("gig.id")
    }

    /// An offer to the freelancer; its id, and those of its milestones.
    pub async fn offers(&self, title: &str, more: Value) -> (String, Vec<String>) {
        let mut offer =
            json!({ "organizationId": self.id("organization"), "freelancerId": self.user(), "title": title });
        for (name, value) in more.as_object().into_iter().flatten() {
            offer[name] = value.clone();
        }
        let offered =
            self.owner.does("offerCreate", offer, "offer { id milestones(first: 20) { nodes { id } } }").await;
        let nodes = offered.ok()["offer"]["milestones"]["nodes"].as_array().cloned().unwrap_or_default();
        (offered.text("offer.id"), nodes.iter().map(|node| super::text(&node["id"])).collect())
    }

    pub async fn pays(&self, milestone: &str, card: &str) -> String {
        let fund = json!({ "milestoneId": milestone, "paymentMethod": card });
        let payment = self.owner.does("milestoneFund", fund, "payment { id }").await.text("payment.id");
        self.app.settles().await;
        payment
    }

    /// A contract of these milestones, all of them paid for.
    pub async fn hires(&self, title: &str, milestones: Value) -> (String, Vec<String>) {
        let (offer, milestones) = self.offers(title, json!({ "milestones": milestones })).await;
        for milestone in &milestones {
            self.pays(milestone, "pm_sandbox_visa").await;
        }
        let accept = json!({ "offerId": offer });
        let contract = self.freelancer.does("offerAccept", accept, "contract { id }").await.text("contract.id");
        (contract, milestones)
    }

    /// Copies of a row, each with its own changes; their ids.
    pub async fn copies(&self, table: &str, of: &str, changes: &[&str]) -> Vec<String> {
        copies(self.app, table, of, changes).await
    }

    pub async fn execute(&self, sql: &str) {
        let mut writing = self.app.pool().begin().await.unwrap();
        sqlx::query("set local session_replication_role = replica").execute(&mut *writing).await.unwrap();
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *writing).await;
        let rows = done.unwrap_or_else(|error| panic!("{error}: {sql}")).rows_affected();
        assert!(rows > 0, "nothing was written: {sql}");
        writing.commit().await.unwrap();
    }

    /// Everything that is empty otherwise.
    pub async fn fills(&mut self, world: &World<'_>) {
        self.they_say_who_they_are().await;
        self.gigs_ask_for_all_there_is_to_ask().await;
        self.bids_are_answered().await;
        self.offers_stand_and_fall().await;
        self.payments_go_wrong(world).await;
        self.work_is_at_every_stage().await;
        self.they_quarrel().await;
        self.weeks_pass().await;
        self.payouts_go_their_ways().await;
        self.our_people_are_at_work().await;
    }

    async fn they_say_who_they_are(&mut self) {
        let payee = json!({ "latinName": "Ayesha Malik", "urduName": "عائشہ ملک", "address": "12 Mall Road, Lahore",
            "phone": "+923001234567", "cnic": "35202-1234567-1", "ntn": "1234567-8" });
        self.freelancer.does("payeeUpdate", payee, "payee { version }").await.ok();
        let profile = json!({ "country": "PK", "workHours": { "starts": "10:00", "ends": "22:00" },
            "leastHourlyRate": usd("20.00"), "leastFixedPrice": usd("50.00"),
            "credentials": [{ "title": "Chartered accountant", "issuer": "The institute", "issuedOn": "2024-07-01",
                "expiresOn": "2029-06-30", "link": "https://institute.example/" }] });
        self.freelancer.does("profileUpdate", profile, "profile { id }").await.ok();
        let name = self.freelancer.asks("{ viewer { user { name } } }", json!({})).await;
        let form = json!({ "country": "PK", "wording": 1, "signature": name.data()["viewer"]["user"]["name"] });
        self.freelancer.does("taxFormCertify", form, "taxForm { status }").await.ok();
        // Fields of a form that holds no more are fields, too.
        self.execute("insert into tax_form_withdrawals select user_id, number, certified_at from tax_forms").await;
        let place = json!({ "contractId": self.id("contract"), "country": "PK", "wording": 1 });
        self.freelancer.does("contractPlaceAttest", place, "contract { id }").await.ok();
        let item = json!({ "title": "A ledger", "link": "https://ledger.example/" });
        let item = self.freelancer.does("portfolioItemAdd", item, "profile { portfolio { id title } }").await;
        let items = item.ok()["profile"]["portfolio"].as_array().cloned().unwrap_or_default();
        let item = items.iter().find(|item| item["title"] == "A ledger").expect("it was added");
        self.keeps("portfolioItemWithLink", super::text(&item["id"]));
        let search = json!({ "name": "All", "text": "rust", "kind": "FIXED", "skillIds": [self.id("skill")],
            "budgetAtLeast": usd("100.00"), "budgetAtMost": usd("900.00"), "experience": "SENIOR", "country": "PK",
            "weeklyHoursAtMost": 40 });
        let search = self.freelancer.does("savedSearchCreate", search, "savedSearch { id }").await;
        self.keeps("savedSearchOfAll", search.text("savedSearch.id"));
        let failing = ["'failing_since', now()"];
        let failing = self.copies("webhook_endpoints", &self.id("webhookEndpoint"), &failing).await.remove(0);
        self.keeps("webhookEndpointFailing", failing);
        let failed =
            ["'event_id', gen_random_uuid(), 'status', 'waiting', 'last_status', null, 'last_trouble', 'timeout'"];
        let failed = self.copies("webhook_deliveries", &self.id("webhookDelivery"), &failed).await.remove(0);
        self.keeps("webhookDeliveryFailed", failed);
        let read = json!({ "ids": [self.id("notification")] });
        self.freelancer.does("notificationsRead", read, "readCount").await.ok();
        let reply = json!({ "reviewId": self.id("review"), "text": "It was a pleasure." });
        self.freelancer.does("reviewReply", reply, "review { id }").await.ok();
        self.execute("update sessions set agent = 'Firefox'").await;
        self.execute(
            "insert into saved_payment_methods (organization_id, method, kind, label, last4, saved_at, expires_month,
                 expires_year, preferred_at)
             select id, 'pm_sandbox_visa', 'card', 'Visa', '4242', now(), 12, 2030, now() from organizations
             on conflict (organization_id, method) do update set preferred_at = excluded.preferred_at",
        )
        .await;
    }

    async fn gigs_ask_for_all_there_is_to_ask(&mut self) {
        let all = json!({
            "experience": "SENIOR", "requiredOverlapMinutes": 60, "workDayStarts": "08:00", "workDayEnds": "18:00",
            "timeZone": "Asia/Karachi", "languages": [{ "code": "en", "fluency": "FLUENT" }], "countries": ["PK"],
            "weeklyHours": 20
        });
        let gig = self.gig("All there is to ask", all).await;
        self.keeps("gigOfAll", gig);
        let asked = self.gig("Somebody is asked", json!({})).await;
        let invite = json!({ "gigId": asked, "freelancerId": self.user() });
        let waits = self.owner.does("invitationSend", invite, "invitation { id }").await.text("invitation.id");
        self.keeps("invitationWaiting", waits);
        let called_off = self.gig("Called off", json!({})).await;
        self.owner.does("gigCancel", json!({ "gigId": called_off }), "gig { id }").await.ok();
        self.keeps("gigCalledOff", called_off);
        // Something that many gigs ask for and the rival has not learned, and something that the rival has.
        let postgres = "{ skills(query: \"postgresql\", first: 1) { nodes { id } } }";
        let postgres = self.owner.asks(postgres, json!({})).await.data()["skills"]["nodes"][0]["id"].clone();
        let knows = |skill: &Value| json!({ "headline": "Builds things", "skills": [{ "skillId": skill, "level": "EXPERT", "years": 5 }] });
        self.rival.does("profileUpdate", knows(&postgres), "profile { id }").await.ok();
        self.gig("Of a kind", json!({ "requiredSkills": [postgres] })).await;
        for n in 0..5 {
            let gig = self.gig(&format!("Another one {n}"), json!({})).await;
            self.keeps("gigOpen", gig);
        }
        // The stranger has no gig any more by which the rival knew the company.
        let block = format!(
            "insert into blocks (client_id, freelancer_id, set_by, set_at)
             select o.id, u.id, 'freelancer', now() from organizations o, users u
             where public_id('org', o.id) = '{}' and public_id('usr', u.id) = '{}'",
            self.stranger.organization, self.rival.id
        );
        self.execute(&block).await;
        // Two say the same.
        for name in ["lin", "omar"] {
            let person = self.app.freelancer(name).await;
            person.does("profileUpdate", knows(&json!(self.id("skill"))), "profile { id }").await.ok();
            let bid = bid(&self.id("gigOfAll"), "the two of us");
            person.does("proposalSubmit", bid, "proposal { id }").await.ok();
        }
    }

    async fn bids_are_answered(&mut self) {
        let due = |amount: &str| json!([{ "title": "All of it", "amount": usd(amount), "dueOn": "2026-12-01" }]);
        let mut fixed = bid(&self.id("gigOfAll"), "the freelancer of the journey");
        fixed["milestones"] = due("500.00");
        let fixed = self.freelancer.does("proposalSubmit", fixed, "proposal { id }").await.text("proposal.id");
        let counter = json!({ "proposalId": fixed, "milestones": due("400.00"), "message": "A little less?" });
        self.owner.does("proposalCounter", counter, "proposal { id }").await.ok();
        self.keeps("proposalCountered", fixed);

        let budget = json!({ "kind": "HOURLY", "budget": { "low": usd("20.00"), "high": usd("60.00") } });
        let gig = self.gig("By the hour", budget).await;
        let mut hourly = bid(&gig, "the freelancer, by the hour");
        hourly["milestones"] = json!([]);
        hourly["hourlyRate"] = usd("45.00");
        let hourly = self.freelancer.does("proposalSubmit", hourly, "proposal { id }").await.text("proposal.id");
        let counter = json!({ "proposalId": hourly, "hourlyRate": usd("40.00") });
        self.owner.does("proposalCounter", counter, "proposal { id }").await.ok();
        self.keeps("proposalByTheHour", hourly);

        let gig = self.gig("For somebody else", json!({})).await;
        let bid = bid(&gig, "the freelancer, in vain");
        let bid = self.freelancer.does("proposalSubmit", bid, "proposal { id }").await.text("proposal.id");
        let decline = json!({ "proposalId": bid, "reason": "PRICE", "note": "The budget was cut." });
        self.owner.does("proposalDecline", decline, "proposal { id }").await.ok();
        self.keeps("proposalDeclined", bid);
    }

    async fn offers_stand_and_fall(&mut self) {
        let hourly = json!({ "hourlyRate": usd("45.00"), "weeklyLimitMinutes": 600 });
        let (standing, _) = self.offers("Upkeep of another", hourly.clone()).await;
        self.keeps("offerStanding", standing);
        let (declined, _) = self.offers("Upkeep of a third", hourly).await;
        let decline = json!({ "offerId": declined, "reason": "No time" });
        self.freelancer.does("offerDecline", decline, "offer { id }").await.ok();
        self.keeps("offerDeclined", declined);
    }

    async fn payments_go_wrong(&mut self, world: &World<'_>) {
        let part = json!([{ "title": "All of it", "amount": usd("100.00") }]);
        for (name, card) in [("paymentSeen", "pm_sandbox_3ds"), ("paymentDeclined", "pm_sandbox_declined")] {
            let (_, milestones) = self.offers(name, json!({ "milestones": part })).await;
            let payment = self.pays(&milestones[0], card).await;
            self.keeps(name, payment);
        }
        let (offer, milestones) = self.offers("Nothing comes back", json!({ "milestones": part })).await;
        let payment = self.pays(&milestones[0], NO_WAY_BACK).await;
        self.owner.does("offerWithdraw", json!({ "offerId": offer }), "offer { id }").await.ok();
        let back = json!({ "paymentId": payment, "amount": usd("1.00") });
        let refund = self.owner.does("paymentRefund", back, "refund { id }").await.text("refund.id");
        self.app.settles().await;
        self.keeps("paymentRefundFailed", refund);
        self.keeps("paymentRefunded", payment);
        world.money_goes_back().await;
    }

    async fn work_is_at_every_stage(&mut self) {
        let part = |title: &str| json!({ "title": title, "amount": usd("100.00"), "dueAt": "2026-12-01T00:00:00Z" });
        let parts = json!([part("Handed in"), part("Approved"), part("Not yet"), part("Not at all")]);
        let (contract, milestones) = self.hires("At every stage", parts).await;
        for milestone in &milestones[..3] {
            let work = json!({ "milestoneId": milestone, "message": "Here it is", "links": ["https://work.example/"] });
            let fields = "milestone { submissions(first: 1) { nodes { id } } }";
            let handed = self.freelancer.does("milestoneSubmit", work, fields).await;
            self.keeps("submissionWithLink", handed.text("milestone.submissions.nodes.0.id"));
        }
        let approve = json!({ "milestoneId": milestones[1] });
        self.owner.does("milestoneApprove", approve, "milestone { id }").await.ok();
        let again = json!({ "milestoneId": milestones[2], "note": "Not yet" });
        self.owner.does("milestoneRequestChanges", again, "milestone { id }").await.ok();
        let back = json!({ "milestoneId": milestones[3], "amount": usd("50.00") });
        self.owner.does("milestoneRequestRefund", back, "milestone { id }").await.ok();
        let uuid_of = |id: &str| format!("(select id from milestones where public_id('mil', id) = '{id}')");
        self.execute(&format!(
            "insert into outage_grants (outage_id, milestone_id, hours, from_at, until_at, granted_at)
             select id, {}, 1, from_at, until_at, from_at from outages limit 1",
            uuid_of(&milestones[0])
        ))
        .await;
        let (_, forgotten) = self.hires("Forgotten", json!([part("All of it")])).await;
        let at = "'2026-06-01T00:00:00Z'";
        self.execute(&format!(
            "update milestones set status = 'dormant',
                 state = jsonb_build_object('status', 'dormant', 'since', {at}, 'refunds_at', {at}) where id = {}",
            uuid_of(&forgotten[0])
        ))
        .await;
        for (n, milestone) in milestones.into_iter().chain(forgotten).enumerate() {
            self.keeps(&format!("milestoneAtStage{n}"), milestone);
        }
        self.keeps("contractAtEveryStage", contract);
        let (held, _) = self.hires("Looked into", json!([part("All of it")])).await;
        let hold = json!({ "contractId": held, "reason": "COMPLIANCE_REVIEW", "note": "Who are they?" });
        self.staff.does("contractHold", hold, "contract { id }").await.ok();
        self.keeps("contractOnHold", held);
    }

    async fn they_quarrel(&mut self) {
        let part = |title: &str, amount: &str| json!({ "title": title, "amount": usd(amount) });
        let parts = [part("Bargained", "900.00"), part("Judged", "900.00"), part("Fought", "900.00")];
        let parts = parts.into_iter().chain([part("Small", "300.00"), part("Not answered", "100.00")]);
        let (contract, milestones) = self.hires("All of it wrong", parts.collect()).await;
        self.keeps("contractInDispute", contract);
        let mut disputes = Vec::new();
        for milestone in &milestones {
            let claim = json!({ "milestoneId": milestone, "reason": "It does not work" });
            disputes.push(self.owner.does("milestoneDispute", claim, "dispute { id }").await.text("dispute.id"));
        }
        for dispute in &disputes[..4] {
            let answer = json!({ "disputeId": dispute, "answer": "It does on mine" });
            self.freelancer.does("disputeAnswer", answer, "dispute { id }").await.ok();
        }
        let proof = json!({ "disputeId": disputes[0], "text": "Look", "links": ["https://proof.example/"] });
        let proof = self.owner.does("evidenceAdd", proof, "evidence { id }").await.text("evidence.id");
        self.keeps("evidenceWithLink", proof);
        for (who, amount) in [(&self.owner, "100.00"), (&self.freelancer, "700.00")] {
            let offer = json!({ "disputeId": disputes[0], "amount": usd(amount) });
            who.does("disputeOffer", offer, "dispute { id }").await.ok();
        }
        let verdict = |dispute: &str, amount: &str| json!({ "disputeId": dispute, "amount": usd(amount), "reason": "Half of it works" });
        for dispute in &disputes[1..4] {
            self.mediator.does("disputeRecommend", verdict(dispute, "150.00"), "dispute { id }").await.ok();
        }
        self.owner.does("disputeAccept", json!({ "disputeId": disputes[1] }), "dispute { id }").await.ok();
        for dispute in &disputes[2..4] {
            self.freelancer.does("disputeRefuse", json!({ "disputeId": dispute }), "dispute { id }").await.ok();
        }
        // There is credit to pay a fee with.
        let (offer, more) = self.offers("Thought better", json!({ "milestones": [part("All of it", "400.00")] })).await;
        self.pays(&more[0], "pm_sandbox_visa").await;
        self.owner.does("offerWithdraw", json!({ "offerId": offer }), "offer { id }").await.ok();
        let version = "query($id: ID!) { dispute(id: $id) { version } }";
        let version = self.owner.asks(version, json!({ "id": disputes[2] })).await.data()["dispute"]["version"].clone();
        let fee = json!({ "disputeId": disputes[2], "expectedVersion": version });
        self.owner.does("disputePayFee", fee, "dispute { id }").await.ok();
        let arbiter = self.app.mediator("rumi").await;
        arbiter.does("disputeAward", verdict(&disputes[3], "200.00"), "dispute { id }").await.ok();
        self.app.settles().await;
        for (n, dispute) in disputes.into_iter().enumerate() {
            self.keeps(&format!("dispute{n}"), dispute);
        }
        self.keeps("milestoneInDispute", milestones[0].clone());
    }

    async fn weeks_pass(&mut self) {
        let (week, payment) = (self.id("timesheet"), self.id("payment"));
        let later = |weeks: u32, more: &str| {
            format!(
                "'week', t.week + 7 * {weeks}, 'escrow_account', 'escrow:copy:' || gen_random_uuid(), 'status', {more}"
            )
        };
        let at = "'2026-06-01T00:00:00Z'";
        let attempt = format!(
            "(select jsonb_build_object('payment', '{payment}', 'quote', quote) from payments
              where public_id('pay', id) = '{payment}')"
        );
        let state =
            |name: &str, more: &str| format!("'{name}', 'state', jsonb_build_object('status', '{name}', {more})");
        let changes = [
            later(1, &state("submitted", &format!("'submitted_at', {at}, 'approves_at', {at}"))),
            later(2, &state("approved", &format!("'charge_at', {at}, 'failures', 0, 'last_attempt', null"))),
            later(3, &state("unpaid", &format!("'last_attempt', {attempt}, 'written_off_at', {at}"))),
            later(4, &state("held", &format!("'charged_at', {at}, 'pays_at', {at}"))),
            later(5, &state("paid", &format!("'paid_at', {at}"))),
        ];
        let weeks = self.copies("timesheets", &week, &changes.each_ref().map(String::as_str)).await;
        for (n, week) in weeks.iter().enumerate() {
            self.keeps(&format!("week{n}"), week.clone());
        }
        let dispute = self.id("dispute");
        let uuid = |table: &str, id: &str| {
            let (prefix, _) = id.split_once('_').unwrap_or_default();
            format!("(select x.id from {table} x where public_id('{prefix}', x.id) = '{id}')")
        };
        let apart = format!(
            "'split_from', {}, 'escrow_account', 'escrow:copy:' || gen_random_uuid(), 'status', 'disputed', 'state',
             jsonb_build_object('status', 'disputed', 'dispute', '{dispute}')",
            uuid("timesheets", &week)
        );
        let apart = self.copies("timesheets", &week, &[&apart]).await.remove(0);
        let of_week = format!(
            "'milestone_id', null, 'timesheet_id', {}, 'contract_id', {}",
            uuid("timesheets", &apart),
            uuid("contracts", &self.id("hourlyContract"))
        );
        let of_week = self.copies("disputes", &dispute, &[&of_week]).await.remove(0);
        self.execute(&format!(
            "update timesheets set state = jsonb_build_object('status', 'disputed', 'dispute', '{of_week}')
             where id = {}",
            uuid("timesheets", &apart)
        ))
        .await;
        let paid = format!(
            "'milestone_id', null, 'timesheet_id', {}, 'invoice_number', null, 'invoice_year', null",
            uuid("timesheets", &weeks[4])
        );
        let paid = self.copies("payments", &payment, &[&paid]).await.remove(0);
        self.keeps("weekApart", apart);
        self.keeps("disputeOfWeek", of_week);
        self.keeps("paymentOfWeek", paid);
    }

    async fn payouts_go_their_ways(&mut self) {
        let payout = self.id("payout");
        let attach = json!({ "payoutId": payout, "number": "EPRC-2026/17" });
        self.freelancer.does("payoutEPrcAttach", attach, "payout { id }").await.ok();
        let staff = &self.staff.id;
        let at = "'2026-06-01T00:00:00Z'";
        let word = format!("jsonb_build_object('by', '{staff}', 'at', {at}, 'attempt', t.attempt, 'outcome', 'paid')");
        let state = |name: &str, waits: bool, more: &str| {
            format!(
                "'status', '{name}', 'waits_for_staff', {waits}, 'e_prc', null,
                 'state', jsonb_build_object('status', '{name}', {more})"
            )
        };
        let by_hand = format!("'rail', 'manual', 'at', {at}, 'reference', 'W1', 'poll_at', {at}");
        let queued = format!("'rail', 'manual', 'since', {at}, 'approvals', jsonb_build_array('{staff}')");
        let changes = [
            state("blocked", true, &format!("'since', {at}, 'reason', 'A name on a list'")),
            state("queued", true, &queued) + ", 'retention_minor', 1, 'retention_method_id', t.method_id",
            state("in_transit", false, &by_hand) + &format!(", 'word', {word}"),
            state("returned", false, &format!("'at', {at}, 'reason', 'Account closed'")),
        ];
        let payouts = self.copies("payouts", &payout, &changes.each_ref().map(String::as_str)).await;
        for (n, payout) in payouts.into_iter().enumerate() {
            self.keeps(&format!("payout{n}"), payout);
        }
    }

    async fn our_people_are_at_work(&mut self) {
        let correction = self.id("correction");
        let reconciliation = self.id("reconciliations");
        let settled = format!(
            "'entry_key', 'copy', 'class', 'dispute', 'chargeback', 'dp_1', 'about', '{}', 'status', 'declined', 'reconciliation_id',
             (select id from reconciliations where public_id('{}', id) = '{reconciliation}'), 'state', jsonb_build_object(
                 'status', 'declined', 'at', '2026-06-01T00:00:00Z', 'by', '{}', 'reason', 'It was told after all')",
            self.id("payment"),
            reconciliation.split('_').next().unwrap_or_default(),
            self.staff.id
        );
        let settled = self.copies("corrections", &correction, &[&settled]).await.remove(0);
        self.keeps("correctionDeclined", settled);
        self.execute("update wire_batches set taken_at = made_at, taken_by = made_by").await;
        let open = format!(
            "'organization_id', (select id from organizations where public_id('org', id) = '{}'), 'words', 'b',
             'status', 'open', 'cleared_by', null, 'state', jsonb_build_object('status', 'open')",
            self.stranger.organization
        );
        let open = self.copies("screening_hits", &self.id("screeningHits"), &[&open]).await.remove(0);
        self.keeps("screeningHitOpen", open);
        let of_freelancer = format!(
            "'organization_id', null, 'freelancer_id', (select id from users where public_id('usr', id) = '{}')",
            self.stranger.id
        );
        let of_freelancer = self.copies("screening_hits", &self.id("screeningHits"), &[&of_freelancer]).await.remove(0);
        self.keeps("screeningHitOfFreelancer", of_freelancer);
    }
}

/// Copies of the row with this id, each with its own changes; their ids. Nobody acts on them any more, so the guards of the
/// books are not asked.
pub async fn copies(app: &TestApp, table: &str, of: &str, changes: &[&str]) -> Vec<String> {
    let (prefix, _) = of.split_once('_').unwrap_or_else(|| panic!("{of} is no id"));
    let mut copying = app.pool().begin().await.unwrap();
    sqlx::query("set local session_replication_role = replica").execute(&mut *copying).await.unwrap();
    let mut ids = Vec::new();
    for change in changes {
        let copy = format!(
            "insert into {table} select copy.* from {table} t, lateral jsonb_populate_record(t,
                 jsonb_build_object('id', gen_random_uuid(), {change})) copy
             where public_id('{prefix}', t.id) = '{of}' returning public_id('{prefix}', id)"
        );
        let id: String = sqlx::query_scalar(AssertSqlSafe(copy.clone()))
            .fetch_one(&mut *copying)
            .await
            .unwrap_or_else(|error| panic!("{error}: {copy}"));
        ids.push(id);
    }
    copying.commit().await.unwrap();
    ids
}

/// A bid at a fixed price.
pub fn bid(gig: &str, who: &str) -> Value {
    let letter = "I have done such work three times this year, and would begin on Monday with the hardest part of it.";
    json!({
        "gigId": gig, "coverLetter": format!("{letter} Yours, {who}"),
        "milestones": [{ "title": "All of it", "amount": usd("500.00") }]
    })
}
