//! Disputes of the tests: a deal gone wrong, brought as far as a story needs it.

use serde_json::{Value, json};

use crate::{Deal, Person, Reply, TestApp};

/// What is selected of a dispute.
pub const DISPUTE: &str = "dispute { id status version deadline allowed outcome { how toFreelancer { minorUnits } } }";

/// A deal in dispute.
pub struct Quarrel<'a> {
    /// What it was.
    pub deal: Deal<'a>,
    /// The dispute.
    pub dispute: String,
}

impl TestApp {
    /// Work of 1,000.00 USD was submitted, and the client claims part of the money back.
    pub async fn disputed(&self, claimed: &str) -> Quarrel<'_> {
        self.submitted().await.disputed(claimed).await
    }

    /// The same, and the freelancer has answered.
    pub async fn answered(&self, claimed: &str) -> Quarrel<'_> {
        let quarrel = self.disputed(claimed).await;
        quarrel.answers().await;
        quarrel
    }

    /// Every account has what was posted to it, and nothing else.
    pub async fn books_agree(&self) {
        let off: i64 = sqlx::query_scalar(
            "select count(*) from ledger_balances b where balance_minor <>
                (select coalesce(sum(case when to_account = b.account then amount_minor else -amount_minor end), 0)
                 from ledger_postings p where b.account in (p.to_account, p.from_account) and p.currency = b.currency)",
        )
        .fetch_one(self.pool())
        .await
        .expect("the books can be read");
        assert_eq!(off, 0, "balances are the sums of their postings");
    }
}

impl<'a> Deal<'a> {
    /// The client disputes the milestone, and wants so much of it back.
    pub async fn disputed(self, claimed: &str) -> Quarrel<'a> {
        let input = json!({
            "milestoneId": self.milestone, "reason": "It does not work on a phone", "amount": { "amount": claimed }
        });
        let reply = self.client.does("milestoneDispute", input, &format!("milestone {{ status }} {DISPUTE}")).await;
        reply.ok();
        assert_eq!(reply.text("milestone.status"), "DISPUTED");
        assert_eq!(reply.text("dispute.status"), "OPENED");
        Quarrel { dispute: reply.text("dispute.id"), deal: self }
    }

    /// Both sides have money with us: the freelancer some that is available, the client some credit.
    pub async fn fills_purses(&self) {
        let earned = self.another("200.00").await;
        let app = self.client.app;
        let work = json!({ "milestoneId": earned, "message": "Done" });
        self.freelancer.does("milestoneSubmit", work, "milestone { status }").await.ok();
        self.client.does("milestoneApprove", json!({ "milestoneId": earned }), "milestone { status }").await.ok();
        app.passes(chrono::TimeDelta::days(5)).await;
        let returned = json!({ "milestoneId": self.another("200.00").await });
        self.client.does("milestoneRequestRefund", returned.clone(), "milestone { status }").await.ok();
        self.freelancer.does("milestoneAgreeRefund", returned, "milestone { status }").await.ok();
        assert_eq!((self.balances().await[2], self.credit().await), (19_000, 20_600));
    }

    /// Another funded milestone of the contract.
    pub async fn another(&self, amount: &str) -> String {
        let more = json!({ "contractId": self.contract, "title": "More", "amount": { "amount": amount } });
        let proposed = self.client.does("milestonePropose", more, "milestone { id }").await.text("milestone.id");
        let agree = json!({ "milestoneId": proposed });
        self.freelancer.does("milestoneAgree", agree, "milestone { status }").await.ok();
        self.fund(&proposed, "pm_sandbox_visa").await;
        proposed
    }
}

impl Quarrel<'_> {
    /// Somebody does something to the dispute: `more` is the input beside its id.
    pub async fn does(&self, who: &Person<'_>, mutation: &str, more: Value) -> Reply {
        let mut input = more;
        input["disputeId"] = json!(self.dispute);
        who.does(mutation, input, DISPUTE).await
    }

    /// The client does something to the dispute, and is not refused; its status then.
    pub async fn client_does(&self, mutation: &str, more: Value) -> String {
        let reply = self.does(&self.deal.client, mutation, more).await;
        reply.ok();
        reply.text("dispute.status")
    }

    /// The freelancer does something to the dispute, and is not refused; its status then.
    pub async fn freelancer_does(&self, mutation: &str, more: Value) -> String {
        let reply = self.does(&self.deal.freelancer, mutation, more).await;
        reply.ok();
        reply.text("dispute.status")
    }

    /// The freelancer answers the claim.
    pub async fn answers(&self) {
        assert_eq!(self.freelancer_does("disputeAnswer", json!({ "answer": "It does on mine" })).await, "ANSWERED");
    }

    /// A mediator recommends that the freelancer gets so much.
    pub async fn is_recommended(&self, mediator: &Person<'_>, amount: &str) {
        let verdict = json!({ "amount": { "amount": amount }, "reason": "Half of the pages work" });
        let reply = self.does(mediator, "disputeRecommend", verdict).await;
        reply.ok();
        assert_eq!(reply.text("dispute.status"), "RECOMMENDED");
    }

    /// A side pays for arbitration, on the version it sees.
    pub async fn pays(&self, who: &Person<'_>) -> Reply {
        let version = self.shown(who).await["version"].clone();
        self.does(who, "disputePayFee", json!({ "expectedVersion": version })).await
    }

    /// What somebody sees of the dispute.
    pub async fn shown(&self, who: &Person<'_>) -> Value {
        let query = "query($id: ID!) { dispute(id: $id) { status version reason answer deadline claimant viewerSide
            total { minorUnits } claim { minorUnits } isSmallClaim arbitrationFee { minorUnits }
            offers { client { minorUnits } freelancer { minorUnits } } accepted { client freelancer } feePaid { client freelancer }
            recommendation { toFreelancer { minorUnits } reason by { id } } award { toFreelancer { minorUnits } reason by { id } }
            outcome { how toFreelancer { minorUnits } } allowed viewerCanRecommend viewerCanAward
            milestone { id } contract { id } client { id } freelancer { id } } }";
        who.asks(query, json!({ "id": self.dispute })).await.data()["dispute"].clone()
    }

    /// Where the dispute stands.
    pub async fn status(&self) -> String {
        self.shown(&self.deal.client).await["status"].as_str().unwrap_or_default().to_owned()
    }

    /// How it was decided, and what the freelancer got before our fee, in cents.
    pub async fn outcome(&self) -> (String, i64) {
        let shown = self.shown(&self.deal.freelancer).await;
        let how = shown["outcome"]["how"].as_str().unwrap_or_else(|| panic!("not decided: {shown}"));
        (how.to_owned(), shown["outcome"]["toFreelancer"]["minorUnits"].as_i64().unwrap_or(-1))
    }

    /// The milestone's money, which adds up, in books that agree: held, released, fee, refunded,
    /// charged back.
    pub async fn adds_up(&self) -> [i64; 5] {
        self.deal.client.app.books_agree().await;
        let [funded, held, released, fee, refunded, charged_back] = self.deal.money().await;
        assert_eq!(funded, held + released + fee + refunded + charged_back);
        [held, released, fee, refunded, charged_back]
    }
}
