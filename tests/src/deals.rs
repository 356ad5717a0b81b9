//! Deals of the tests: a client and a freelancer, brought as far as a story needs them.

use serde_json::{Value, json};

use crate::{Person, TestApp};

/// A contract with one funded milestone of 1,000.00 USD.
pub struct Deal<'a> {
    /// The client, who owns the organization.
    pub client: Person<'a>,
    /// The freelancer.
    pub freelancer: Person<'a>,
    /// The offer.
    pub offer: String,
    /// The milestone.
    pub milestone: String,
    /// The contract; empty while the offer is not accepted.
    pub contract: String,
}

impl TestApp {
    /// An offer of one milestone that waits for its money.
    pub async fn offered(&self) -> Deal<'_> {
        let client = self.client("clara").await;
        let freelancer = self.freelancer("faisal").await;
        let reply = client
            .does(
                "offerCreate",
                json!({
                    "organizationId": client.organization, "freelancerId": freelancer.id, "title": "A website",
                    "milestones": [{ "title": "All of it", "amount": { "amount": "1000.00" } }]
                }),
                "offer { id status milestones { nodes { id } } }",
            )
            .await;
        reply.ok();
        let (offer, milestone) = (reply.text("offer.id"), reply.text("offer.milestones.nodes.0.id"));
        Deal { client, freelancer, offer, milestone, contract: String::new() }
    }

    /// An offer whose milestone is funded, so that the freelancer has it.
    pub async fn sent(&self) -> Deal<'_> {
        let deal = self.offered().await;
        deal.fund(&deal.milestone, "pm_sandbox_visa").await;
        deal
    }

    /// A contract with its funded milestone.
    pub async fn contracted(&self) -> Deal<'_> {
        let deal = self.sent().await;
        let reply =
            deal.freelancer.does("offerAccept", json!({ "offerId": deal.offer }), "contract { id status }").await;
        reply.ok();
        Deal { contract: reply.text("contract.id"), ..deal }
    }

    /// A contract whose work was submitted.
    pub async fn submitted(&self) -> Deal<'_> {
        let deal = self.contracted().await;
        let input = json!({ "milestoneId": deal.milestone, "message": "Here it is" });
        deal.freelancer.does("milestoneSubmit", input, "milestone { status }").await.ok();
        deal
    }

    /// A contract whose work was approved, its money available.
    pub async fn released(&self) -> Deal<'_> {
        let deal = self.submitted().await;
        deal.client
            .does("milestoneApprove", json!({ "milestoneId": deal.milestone }), "milestone { status }")
            .await
            .ok();
        self.passes(chrono::TimeDelta::days(5)).await;
        assert_eq!(deal.status().await, "RELEASED");
        deal
    }
}

impl Deal<'_> {
    /// The client pays for a milestone with this token, and the processor has its say.
    pub async fn fund(&self, milestone: &str, method: &str) {
        let input = json!({ "milestoneId": milestone, "paymentMethod": method });
        self.client.does("milestoneFund", input, "payment { status }").await.ok();
        self.client.app.settles().await;
    }

    /// Where the milestone stands.
    pub async fn status(&self) -> String {
        let query = "query($id: ID!) { milestone(id: $id) { status } }";
        self.client.asks(query, json!({ "id": self.milestone })).await.text("status")
    }

    /// The milestone's money in cents: funded, held, released, fee, refunded, charged back.
    pub async fn money(&self) -> [i64; 6] {
        let query = "query($id: ID!) { milestone(id: $id) { money { funded { minorUnits } held { minorUnits }
            released { minorUnits } fee { minorUnits } refunded { minorUnits } chargedBack { minorUnits } } } }";
        let reply = self.client.asks(query, json!({ "id": self.milestone })).await;
        let money = &reply.data()["milestone"]["money"];
        ["funded", "held", "released", "fee", "refunded", "chargedBack"].map(|part| cents(&money[part]))
    }

    /// The freelancer's balances in cents: in escrow, pending, available.
    pub async fn balances(&self) -> [i64; 3] {
        let query =
            "{ viewer { balances { inEscrow { minorUnits } pending { minorUnits } available { minorUnits } } } }";
        let reply = self.freelancer.asks(query, json!({})).await;
        let balances = &reply.data()["viewer"]["balances"];
        ["inEscrow", "pending", "available"].map(|part| cents(&balances[part]))
    }

    /// The client's credit in cents.
    pub async fn credit(&self) -> i64 {
        let query = "query($id: ID!) { node(id: $id) { ... on Organization { balances { credit { minorUnits } } } } }";
        let reply = self.client.asks(query, json!({ "id": self.client.organization })).await;
        cents(&reply.data()["node"]["balances"]["credit"])
    }
}

fn cents(money: &Value) -> i64 {
    money["minorUnits"].as_i64().unwrap_or_else(|| panic!("no money: {money}"))
}
