//! A marketplace in which everything has happened once: what the demo leaves behind, played through
//! the same public API as everything else.

use std::collections::BTreeMap;

use api::demo::{Door, Journey, play};
use serde_json::json;

use crate::{TestApp, Visitor};

/// Two people, their companies, and one of everything between them.
pub struct World<'a> {
    /// Where.
    pub app: &'a TestApp,
    /// Who they are, and what they left.
    pub journey: Journey,
}

impl TestApp {
    /// Play the whole journey, with a worker beside it.
    pub async fn world(&self) -> World<'_> {
        let mut steps = Vec::new();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let worker = tokio::spawn(infra::worker::run(self.market.clone(), stopped));
        let telling = self.stripe.as_ref().map(|stripe| tokio::spawn(stripe.tell_at_once(self.router())));
        let outcome = play(&Door::Here(self.router()), &mut |step: &str| steps.push(step.to_owned())).await;
        stop.send_replace(true);
        if let Some(telling) = telling {
            telling.abort();
        }
        worker.await.expect("the worker ends when it is asked to");
        match outcome {
            Ok(journey) => {
                let mut world = World { app: self, journey };
                world.they_fall_out().await;
                world.they_listen().await;
                world
            }
            Err(stumble) => panic!("the journey stumbled: {stumble}\nafter:\n{}", steps.join("\n")),
        }
    }
}

impl World<'_> {
    /// The ids of everything, by what it is.
    pub fn ids(&self) -> &BTreeMap<String, String> {
        &self.journey.ids
    }

    /// A second deal of theirs goes wrong: it is in dispute, and has been answered.
    async fn they_fall_out(&mut self) {
        let (client, freelancer) = (self.client(), self.freelancer());
        let offer = json!({
            "organizationId": self.ids()["organization"], "freelancerId": self.journey.freelancer.user,
            "title": "A second one", "milestones": [{ "title": "All of it", "amount": { "amount": "900.00" } }]
        });
        let offered = client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
        let (offer, milestone) = (offered.text("offer.id"), offered.text("offer.milestones.nodes.0.id"));
        let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
        client.does("milestoneFund", fund, "payment { id }").await.ok();
        self.app.settles().await;
        freelancer.does("offerAccept", json!({ "offerId": offer }), "contract { id }").await.ok();
        let claim = json!({ "milestoneId": milestone, "reason": "Nothing came" });
        let dispute = client.does("milestoneDispute", claim, "dispute { id }").await.text("dispute.id");
        let answer = json!({ "disputeId": dispute, "answer": "It is on its way" });
        freelancer.does("disputeAnswer", answer, "dispute { id }").await.ok();
        let piece = json!({ "disputeId": dispute, "text": "The schedule we agreed on" });
        let evidence = client.does("evidenceAdd", piece, "evidence { id }").await.text("evidence.id");
        self.app.settles().await;
        self.journey.ids.extend([("dispute".to_owned(), dispute), ("evidence".to_owned(), evidence)]);
    }

    /// A program of the client's is told when somebody tries it, and was once.
    async fn they_listen(&mut self) {
        let input = json!({ "organizationId": self.ids()["organization"], "url": "https://hooks.example/",
            "events": ["PING"] });
        let fields = "issued { webhookEndpoint { id } }";
        let endpoint = self.client().does("webhookEndpointCreate", input, fields).await;
        let endpoint = endpoint.text("issued.webhookEndpoint.id");
        let sent = "insert into webhook_deliveries (id, endpoint_id, organization_id, event, event_id, subject,
                occurred_at, created_at, status, attempts, due_at, last_tried_at, last_status)
            select gen_random_uuid(), id, organization_id, 'ping', gen_random_uuid(), public_id('whe', id),
                created_at, created_at, 'delivered', 1, created_at, created_at, 200
            from webhook_endpoints returning public_id('whd', id)";
        let delivery: String = sqlx::query_scalar(sent).fetch_one(self.app.pool()).await.expect("it was sent");
        self.journey.ids.extend([("webhookEndpoint".to_owned(), endpoint), ("webhookDelivery".to_owned(), delivery)]);
    }

    /// An offer is withdrawn after it was paid for, and some of the money goes back to the card: the
    /// refund's id.
    pub async fn money_goes_back(&self) -> String {
        let client = self.client();
        let offer = json!({
            "organizationId": self.ids()["organization"], "freelancerId": self.journey.freelancer.user,
            "title": "A third one", "milestones": [{ "title": "All of it", "amount": { "amount": "50.00" } }]
        });
        let offered = client.does("offerCreate", offer, "offer { id milestones { nodes { id } } }").await;
        let milestone = offered.text("offer.milestones.nodes.0.id");
        let fund = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
        let payment = client.does("milestoneFund", fund, "payment { id }").await.text("payment.id");
        self.app.settles().await;
        client.does("offerWithdraw", json!({ "offerId": offered.text("offer.id") }), "offer { id }").await.ok();
        self.app.settles().await;
        let back = json!({ "paymentId": payment, "amount": { "amount": "1.00" } });
        client.does("paymentRefund", back, "refund { id }").await.text("refund.id")
    }

    /// The owner of the client company.
    pub fn client(&self) -> Visitor<'_> {
        self.app.bearer(self.journey.client.token())
    }

    /// The freelancer.
    pub fn freelancer(&self) -> Visitor<'_> {
        self.app.bearer(self.journey.freelancer.token())
    }
}
