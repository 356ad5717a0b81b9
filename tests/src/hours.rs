//! Work by the hour in the tests: a contract, brought as far as a story needs it.

use serde_json::{Value, json};

use crate::{Person, Reply, TestApp};

/// A contract by the hour.
pub struct Hours<'a> {
    /// The client, who owns the organization.
    pub client: Person<'a>,
    /// The freelancer.
    pub freelancer: Person<'a>,
    /// The contract.
    pub contract: String,
}

/// What is looked at of a week.
const WEEK: &str = "id week status version minutes limitMinutes failedCharges approvesAt chargesAt paysAt
    amount { minorUnits }
    money { funded { minorUnits } held { minorUnits } released { minorUnits } fee { minorUnits }
            refunded { minorUnits } chargedBack { minorUnits } }";

impl TestApp {
    /// A contract at 33.33 an hour, 40 hours a week at most, without a card.
    pub async fn hourly(&self) -> Hours<'_> {
        self.hourly_of("33.33", 2_400).await
    }

    /// A contract at `rate` an hour, `limit` minutes a week at most, without a card.
    pub async fn hourly_of(&self, rate: &str, limit: u32) -> Hours<'_> {
        let (client, freelancer) = (self.client("clara").await, self.freelancer("faisal").await);
        let input = json!({
            "organizationId": client.organization, "freelancerId": freelancer.id, "title": "Upkeep of a website",
            "hourlyRate": { "amount": rate }, "weeklyLimitMinutes": limit
        });
        let offer = client.does("offerCreate", input, "offer { id status }").await.text("offer.id");
        let accepted = freelancer.does("offerAccept", json!({ "offerId": offer }), "contract { id engagement }").await;
        assert_eq!(accepted.text("contract.engagement"), "HOURLY");
        Hours { contract: accepted.text("contract.id"), client, freelancer }
    }

    /// A contract at a fixed price between the same two; its id.
    pub async fn fixed_beside(&self, hours: &Hours<'_>) -> String {
        let input = json!({
            "organizationId": hours.client.organization, "freelancerId": hours.freelancer.id, "title": "A website",
            "milestones": [{ "title": "All of it", "amount": { "amount": "1000.00" } }]
        });
        let reply = hours.client.does("offerCreate", input, "offer { id milestones { nodes { id } } }").await;
        let input =
            json!({ "milestoneId": reply.text("offer.milestones.nodes.0.id"), "paymentMethod": "pm_sandbox_visa" });
        hours.client.does("milestoneFund", input, "payment { id }").await.ok();
        self.settles().await;
        let input = json!({ "offerId": reply.text("offer.id") });
        hours.freelancer.does("offerAccept", input, "contract { id }").await.text("contract.id")
    }
}

impl Hours<'_> {
    /// The client names the card that weeks are charged to.
    pub async fn names_card(&self, token: &str) {
        let input = json!({ "contractId": self.contract, "paymentMethod": token });
        self.client.does("contractPaymentMethodSet", input, "contract { hasPaymentMethod }").await.ok();
    }

    /// The freelancer writes down some work.
    pub async fn adds(&self, date: &str, minutes: i64) -> Reply {
        let input = json!({ "contractId": self.contract, "date": date, "minutes": minutes, "note": "Header" });
        self.freelancer.does("timeEntryAdd", input, "timesheet { id version minutes } timeEntry { id }").await
    }

    /// The freelancer has written down some work; the week it is in.
    pub async fn worked(&self, date: &str, minutes: i64) -> String {
        let reply = self.adds(date, minutes).await;
        reply.ok();
        reply.text("timesheet.id")
    }

    /// A week, as the client sees it.
    pub async fn week(&self, id: &str) -> Value {
        let query = format!("query($id: ID!) {{ timesheet(id: $id) {{ {WEEK} }} }}");
        self.client.asks(&query, json!({ "id": id })).await.data()["timesheet"].clone()
    }

    /// Where a week stands.
    pub async fn status(&self, id: &str) -> String {
        self.week(id).await["status"].as_str().expect("a week has a status").to_owned()
    }

    /// A week's money in cents: funded, held, released, fee, refunded, charged back.
    pub async fn money(&self, id: &str) -> [i64; 6] {
        let money = &self.week(id).await["money"];
        ["funded", "held", "released", "fee", "refunded", "chargedBack"]
            .map(|part| money[part]["minorUnits"].as_i64().expect("money has minor units"))
    }

    /// All weeks of the contract, newest first, as they stand.
    pub async fn weeks(&self) -> Vec<Value> {
        let query = format!("query($id: ID!) {{ contract(id: $id) {{ timesheets {{ nodes {{ {WEEK} }} }} }} }}");
        let reply = self.freelancer.asks(&query, json!({ "id": self.contract })).await;
        reply.data()["contract"]["timesheets"]["nodes"].as_array().expect("a list of weeks").clone()
    }

    /// Where the contract stands.
    pub async fn contract_status(&self) -> String {
        let query = "query($id: ID!) { contract(id: $id) { status } }";
        self.client.asks(query, json!({ "id": self.contract })).await.text("status")
    }

    /// Why money moved, entry by entry; and that the statement adds up: what is in escrow after each
    /// entry is what went in less what went out, and in the end what the weeks hold.
    pub async fn statement(&self) -> Vec<String> {
        let query = "query($id: ID!) { contract(id: $id) { statement(first: 100) { nodes { reason
            inEscrow { minorUnits } postings { from to amount { minorUnits } } } } } }";
        let reply = self.freelancer.asks(query, json!({ "id": self.contract })).await;
        let entries = reply.data()["contract"]["statement"]["nodes"].as_array().expect("a statement").clone();
        let mut in_escrow = 0;
        for entry in &entries {
            for posting in entry["postings"].as_array().into_iter().flatten() {
                let cents = posting["amount"]["minorUnits"].as_i64().expect("cents");
                let is_escrow =
                    |side: &str| posting[side].as_str().is_some_and(|of| of.starts_with("timesheet_escrow:"));
                in_escrow += i64::from(is_escrow("to")) * cents - i64::from(is_escrow("from")) * cents;
            }
            assert_eq!(entry["inEscrow"]["minorUnits"], json!(in_escrow), "{entry:#}");
        }
        let mut held = 0;
        for week in self.weeks().await {
            let part = |part: &str| week["money"][part]["minorUnits"].as_i64().expect("cents");
            let parts = part("held") + part("released") + part("fee") + part("refunded") + part("chargedBack");
            assert_eq!(part("funded"), parts, "{week:#}");
            held += part("held");
        }
        assert_eq!(in_escrow, held, "the books and the weeks agree");
        assert_eq!(self.balances().await[0], held, "and so do the balances");
        entries.iter().map(|entry| entry["reason"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The freelancer's balances in cents: in escrow, pending, available.
    pub async fn balances(&self) -> [i64; 3] {
        let query =
            "{ viewer { balances { inEscrow { minorUnits } pending { minorUnits } available { minorUnits } } } }";
        let reply = self.freelancer.asks(query, json!({})).await;
        let balances = &reply.data()["viewer"]["balances"];
        ["inEscrow", "pending", "available"].map(|part| balances[part]["minorUnits"].as_i64().expect("cents"))
    }

    /// The client's balances in cents: in escrow, credit.
    pub async fn client_balances(&self) -> [i64; 2] {
        let query = "query($id: ID!) { node(id: $id) { ... on Organization { balances {
            inEscrow { minorUnits } credit { minorUnits } } } } }";
        let reply = self.client.asks(query, json!({ "id": self.client.organization })).await;
        let balances = &reply.data()["node"]["balances"];
        ["inEscrow", "credit"].map(|part| balances[part]["minorUnits"].as_i64().expect("cents"))
    }
}
