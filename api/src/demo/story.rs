//! What the players do, step by step.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::player::PASSWORD;
use super::{Door, Journey, Player, Stumble, at, expect, text};

/// Play the whole journey at `door`, telling each step to `say`.
///
/// # Errors
/// The first check that did not hold, or the first refusal.
pub async fn play(door: &Door, say: &mut (dyn FnMut(&str) + Send)) -> Result<Journey, Stumble> {
    let mut story = Story::begin(door, say).await?;
    story.the_freelancer_fills_a_profile().await?;
    story.the_client_posts_a_gig().await?;
    story.they_find_each_other().await?;
    story.the_freelancer_bids_and_wins().await?;
    story.the_first_milestone_is_funded().await?;
    story.work_is_delivered_and_approved().await?;
    story.the_money_goes_home().await?;
    story.the_books_add_up().await?;
    story.they_go_on_by_the_hour().await?;
    story.both_say_how_it_was().await?;
    Ok(Journey { client: story.client, freelancer: story.freelancer, ids: story.ids })
}

struct Story<'a> {
    say: &'a mut (dyn FnMut(&str) + Send),
    client: Player,
    freelancer: Player,
    ids: BTreeMap<String, String>,
}

impl<'a> Story<'a> {
    async fn begin(door: &Door, say: &'a mut (dyn FnMut(&str) + Send)) -> Result<Self, Stumble> {
        // Fresh addresses each time, so that the journey can be played on one server again and again.
        let run = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Stumble::new)?.as_nanos();
        let freelancer =
            Player::new(door, &format!("ayesha.{run}@example.com"), "Ayesha Malik", "Asia/Karachi").await?;
        say(&format!("Ayesha signs up in Lahore: {}", freelancer.user));
        let client = Player::new(door, &format!("sam.{run}@example.com"), "Sam Carter", "America/New_York").await?;
        say(&format!("Sam signs up in New York: {}", client.user));
        let input = json!({ "name": "Ledgerline", "about": "Payments between small businesses.", "website": "https://ledgerline.example" });
        let payload = client.does("organizationCreate", input, "organization { id }").await?;
        let organization = text(&payload, "organization.id")?;
        let query = "query($id: ID!) { node(id: $id) { ... on Organization { members(first: 5) { edges { node { id role } } } } } }";
        let members = client.asks(query, json!({ "id": organization })).await?;
        expect(&members, "node.members.edges.0.node.role", "OWNER")?;
        say(&format!("Sam creates the organization Ledgerline and owns it: {organization}"));
        let ids = BTreeMap::from([
            ("user".to_owned(), freelancer.user.clone()),
            ("freelancer".to_owned(), freelancer.user.clone()),
            ("member".to_owned(), text(&members, "node.members.edges.0.node.id")?),
            ("client".to_owned(), organization.clone()),
            ("organization".to_owned(), organization),
        ]);
        Ok(Self { say, client, freelancer, ids })
    }

    fn id(&self, name: &str) -> Result<String, Stumble> {
        self.ids.get(name).cloned().ok_or_else(|| Stumble::new(format!("there is no {name} yet")))
    }

    fn keep(&mut self, name: &str, value: &Value, path: &str) -> Result<String, Stumble> {
        let id = text(value, path)?;
        self.ids.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    async fn skill(&self, words: &str) -> Result<String, Stumble> {
        let query = "query($words: String!) { skills(query: $words, first: 1) { edges { node { id name } } } }";
        let found = self.client.asks(query, json!({ "words": words })).await?;
        text(&found, "skills.edges.0.node.id")
    }

    async fn the_freelancer_fills_a_profile(&mut self) -> Result<(), Stumble> {
        let mut skills = Vec::new();
        for (words, years) in [("rust", 6), ("postgres", 8), ("k8s", 3), ("graphql", 4)] {
            skills.push(json!({ "skillId": self.skill(words).await?, "level": "EXPERT", "years": years }));
        }
        self.ids.insert("skill".to_owned(), self.skill("rust").await?);
        let input = json!({
            "headline": "Rust and PostgreSQL engineer for payments",
            "overview": "Eight years of ledgers and queues, tested against races.",
            "skills": skills,
            "hourlyRate": { "amount": "45.00" },
            "weeklyHours": 40,
            "languages": [{ "code": "en", "fluency": "FLUENT" }, { "code": "ur", "fluency": "NATIVE" }],
        });
        let payload = self
            .freelancer
            .does("profileUpdate", input, "profile { id headline skills { skill { name } years } }")
            .await?;
        expect(&payload, "profile.skills.2.skill.name", "Kubernetes")?;
        let id = self.keep("profile", &payload, "profile.id")?;
        (self.say)(&format!("Ayesha fills her profile; \"k8s\" is understood as Kubernetes: {id}"));
        Ok(())
    }

    async fn the_client_posts_a_gig(&mut self) -> Result<(), Stumble> {
        let input = json!({
            "clientId": self.id("client")?,
            "title": "Rust engineer for a payments ledger",
            "description": "We are rewriting our ledger in Rust on PostgreSQL: double entry, idempotent, tested against races.",
            "kind": "FIXED",
            "budget": { "low": { "amount": "1000.00" }, "high": { "amount": "3000.00" } },
            "requiredSkills": [self.skill("rust").await?, self.skill("postgresql").await?],
            "niceSkills": [self.skill("graphql").await?],
            "questions": [{ "text": "How do you make a transfer safe to repeat?", "required": true }],
            "timeZone": "America/New_York",
        });
        let payload = self.client.does("gigCreate", input, "gig { id state version questions { id } }").await?;
        expect(&payload, "gig.state", "DRAFT")?;
        let gig = self.keep("gig", &payload, "gig.id")?;
        self.keep("question", &payload, "gig.questions.0.id")?;
        self.client.does("gigPublish", json!({ "gigId": gig }), "gig { state }").await?;
        (self.say)(&format!("Sam posts a gig: {gig}"));
        Ok(())
    }

    async fn they_find_each_other(&mut self) -> Result<(), Stumble> {
        let gig = self.id("gig")?;
        let query = "query($gig: ID!) { gig(id: $gig) { matches(first: 50) { edges { node {
            score sentence freelancer { id name } factors { kind contribution } } } } } }";
        let ayesha = ("node.freelancer.id", self.freelancer.user.as_str());
        let ours = look_for(&self.client, query, json!({ "gig": gig }), "gig.matches.edges", ayesha).await?;
        (self.say)(&format!("Rabta shows Sam why Ayesha fits: {}", at(&ours, "node.sentence")));

        let query = "{ viewer { recommendedGigs(first: 50) { edges { node { score sentence gig { id title } } } } } }";
        let found = ("node.gig.id", gig.as_str());
        let ours = look_for(&self.freelancer, query, json!({}), "viewer.recommendedGigs.edges", found).await?;
        (self.say)(&format!("Rabta recommends the gig to Ayesha: {}", at(&ours, "node.sentence")));

        let input = json!({ "gigId": gig, "freelancerId": self.freelancer.user, "message": "Your ledger work is what we need." });
        let payload = self.client.does("invitationSend", input, "invitation { id state }").await?;
        let invitation = self.keep("invitation", &payload, "invitation.id")?;
        (self.say)(&format!("Sam invites her: {invitation}"));

        let (client, freelancer) = (self.id("client")?, self.freelancer.user.clone());
        let said = |body: &str| json!({ "clientId": client, "freelancerId": freelancer, "body": body });
        let asked = said("Would Monday do for the first milestone?");
        let payload = self.client.does("messageSend", asked, "message { conversation { id unreadCount } }").await?;
        let conversation = self.keep("conversation", &payload, "message.conversation.id")?;
        let answered = said("It would. I have a question about the old ledger before I bid.");
        let payload = self.freelancer.does("messageSend", answered, "message { id number }").await?;
        expect(&payload, "message.number", 2)?;
        self.keep("message", &payload, "message.id")?;
        let read = json!({ "conversationId": conversation, "upTo": 2 });
        let payload = self.client.does("conversationMarkRead", read, "conversation { unreadCount }").await?;
        expect(&payload, "conversation.unreadCount", 0)?;
        (self.say)(&format!("Sam writes to her, she answers, and Sam has read it: {conversation}"));
        Ok(())
    }

    async fn the_freelancer_bids_and_wins(&mut self) -> Result<(), Stumble> {
        let gig = self.id("gig")?;
        let input = json!({
            "gigId": gig,
            "coverLetter": "I have built two of these. The first milestone is the posting engine, with its tests.",
            "answers": [{ "questionId": self.id("question")?, "text": "A key of the caller's, unique in the database, inserted in the same transaction." }],
            "milestones": [{ "title": "Posting engine", "amount": { "amount": "1200.00" } }],
            "idempotencyKey": format!("bid-{gig}"),
        });
        let fields = "proposal { id state }";
        let payload = self.freelancer.does("proposalSubmit", input.clone(), fields).await?;
        let proposal = self.keep("proposal", &payload, "proposal.id")?;
        // The network broke before the answer arrived, so the phone sends it again.
        let again = self.freelancer.does("proposalSubmit", input, fields).await?;
        expect(&again, "proposal.id", proposal.clone())?;
        (self.say)(&format!("Ayesha bids, twice over a bad network, and it counts once: {proposal}"));

        self.client.does("proposalShortlist", json!({ "proposalId": proposal }), "proposal { state }").await?;
        let input = json!({
            "proposalId": proposal,
            "title": "Payments ledger in Rust",
            "message": "We would like to work with you.",
            "milestones": [{ "title": "Posting engine", "description": "Double entry, idempotent.", "amount": { "amount": "1200.00" } }],
        });
        let payload = self
            .client
            .does(
                "offerCreate",
                input,
                "offer { id status milestones(first: 5) { edges { node { id status version } } } }",
            )
            .await?;
        expect(&payload, "offer.status", "PENDING_FUNDING")?;
        let offer = self.keep("offer", &payload, "offer.id")?;
        self.keep("milestone", &payload, "offer.milestones.edges.0.node.id")?;
        (self.say)(&format!("Sam makes an offer, to be sent once its first milestone is funded: {offer}"));
        Ok(())
    }

    async fn the_first_milestone_is_funded(&mut self) -> Result<(), Stumble> {
        let query =
            "{ feePreview(amount: { amount: \"1200.00\" }) { clientPays { amount } freelancerGets { amount } } }";
        let preview = self.client.asks(query, json!({})).await?;
        expect(&preview, "feePreview.clientPays.amount", "1236.00")?;
        expect(&preview, "feePreview.freelancerGets.amount", "1140.00")?;
        (self.say)("The preview says: Sam pays 1236.00, Ayesha gets 1140.00");

        let milestone = self.id("milestone")?;
        let input = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_declined" });
        let payload = self.client.does("milestoneFund", input, "milestone { status } payment { id status }").await?;
        expect(&payload, "milestone.status", "FUNDING")?;
        self.wait_for_milestone("AGREED").await?;
        (self.say)("Sam's first card is declined: the milestone is as it was");

        let input = json!({ "milestoneId": milestone, "paymentMethod": "pm_sandbox_visa" });
        let payload = self.client.does("milestoneFund", input, "payment { id status }").await?;
        let payment = self.keep("payment", &payload, "payment.id")?;
        self.wait_for_milestone("FUNDED").await?;
        (self.say)(&format!("The second one works: 1200.00 are in escrow ({payment})"));

        let offer = self.id("offer")?;
        self.wait_until(
            "query($id: ID!) { offer(id: $id) { status } }",
            json!({ "id": offer }),
            "offer.status",
            "SENT",
        )
        .await?;
        let fields = "contract { id status milestones(first: 5) { edges { node { id status } } } }";
        let payload = self.freelancer.does("offerAccept", json!({ "offerId": offer }), fields).await?;
        let contract = self.keep("contract", &payload, "contract.id")?;
        expect(&payload, "contract.milestones.edges.0.node.status", "FUNDED")?;
        let query = "query($gig: ID!, $bid: ID!) { gig(id: $gig) { state } proposal(id: $bid) { state } }";
        let both = self.client.asks(query, json!({ "gig": self.id("gig")?, "bid": self.id("proposal")? })).await?;
        expect(&both, "gig.state", "FILLED")?;
        expect(&both, "proposal.state", "HIRED")?;
        (self.say)(&format!("Ayesha accepts: a contract stands, with the money in escrow: {contract}"));
        Ok(())
    }

    async fn work_is_delivered_and_approved(&mut self) -> Result<(), Stumble> {
        let milestone = self.id("milestone")?;
        let submit = |message: &str| json!({ "milestoneId": milestone, "message": message });
        self.freelancer
            .does("milestoneSubmit", submit("The posting engine, with tests."), "milestone { status }")
            .await?;
        let input = json!({ "milestoneId": milestone, "note": "Please add a test for two transfers at once." });
        let payload = self.client.does("milestoneRequestChanges", input, "milestone { status }").await?;
        expect(&payload, "milestone.status", "CHANGES_REQUESTED")?;
        let payload = self
            .freelancer
            .does("milestoneSubmit", submit("With the race, run a thousand times."), "milestone { status version }")
            .await?;
        (self.say)("Ayesha submits, Sam asks for a test, Ayesha submits again");

        let seen = at(&payload, "milestone.version").clone();
        let input = json!({ "milestoneId": milestone, "expectedVersion": seen });
        let payload = self.client.does("milestoneApprove", input, "milestone { status }").await?;
        expect(&payload, "milestone.status", "APPROVED")?;
        self.balances("0.00", "1140.00", "0.00").await?;
        (self.say)("Sam approves: 1140.00 are pending for Ayesha, and held for five days");

        self.days_pass(5).await?;
        self.wait_for_milestone("RELEASED").await?;
        self.balances("0.00", "0.00", "1140.00").await?;
        (self.say)("Five days later they are available");
        Ok(())
    }

    async fn the_money_goes_home(&mut self) -> Result<(), Stumble> {
        let input = json!({
            "iban": "PK36SCBL0000001123456702",
            "accountTitle": "Ayesha Malik",
        });
        let payload = self.freelancer.does("payoutMethodAdd", input, "payoutMethod { id last4 }").await?;
        let method = self.keep("payoutMethod", &payload, "payoutMethod.id")?;
        expect(&payload, "payoutMethod.last4", "6702")?;
        self.days_pass(3).await?;
        let input = json!({
            "payoutMethodId": method, "amount": { "amount": "1000.00" }, "purposeCode": "9186", "password": PASSWORD,
        });
        let payload = self.freelancer.does("payoutRequest", input, "payout { id status }").await?;
        let payout = self.keep("payout", &payload, "payout.id")?;
        (self.say)(&format!("Ayesha asks for 1000.00 to her account at Standard Chartered Pakistan: {payout}"));
        self.days_pass(2).await?;
        let query = "query($id: ID!) { payout(id: $id) { status } }";
        wait(&self.freelancer, query, json!({ "id": payout }), "payout.status", "PAID").await?;
        self.balances("0.00", "0.00", "140.00").await?;
        (self.say)("The bank has it; 140.00 stay available");
        Ok(())
    }

    async fn the_books_add_up(&mut self) -> Result<(), Stumble> {
        let query = "query($id: ID!) { contract(id: $id) { statement(first: 100) { edges { node {
            number reason inEscrow { minorUnits } postings { from to amount { minorUnits amount } } } } } } }";
        let found = self.freelancer.asks(query, json!({ "id": self.id("contract")? })).await?;
        let entries = at(&found, "contract.statement.edges").as_array().cloned().unwrap_or_default();
        let mut escrow = 0;
        for entry in &entries {
            let node = &entry["node"];
            for posting in node["postings"].as_array().into_iter().flatten() {
                let minor = at(posting, "amount.minorUnits").as_i64().unwrap_or_default();
                let of = |side: &str| posting[side].as_str().unwrap_or_default().to_owned();
                (self.say)(&format!(
                    "  {} {}: {} → {}, {}",
                    node["number"],
                    node["reason"],
                    of("from"),
                    of("to"),
                    at(posting, "amount.amount")
                ));
                escrow += if of("to").starts_with("escrow") { minor } else { 0 };
                escrow -= if of("from").starts_with("escrow") { minor } else { 0 };
            }
            expect(node, "inEscrow.minorUnits", escrow)?;
        }
        if entries.is_empty() || escrow != 0 {
            return Err(Stumble::new(format!("the statement does not add up: {escrow} cents are left in escrow")));
        }
        (self.say)("The statement adds up: every cent that went into escrow has left it");
        Ok(())
    }

    async fn they_go_on_by_the_hour(&mut self) -> Result<(), Stumble> {
        let input = json!({
            "organizationId": self.id("organization")?, "freelancerId": self.freelancer.user,
            "title": "Upkeep of the ledger", "hourlyRate": { "amount": "45.00" }, "weeklyLimitMinutes": 600,
        });
        let payload = self.client.does("offerCreate", input, "offer { id status }").await?;
        expect(&payload, "offer.status", "SENT")?;
        let input = json!({ "offerId": text(&payload, "offer.id")? });
        let payload = self.freelancer.does("offerAccept", input, "contract { id createdAt }").await?;
        let contract = self.keep("hourlyContract", &payload, "contract.id")?;
        let today: String = text(&payload, "contract.createdAt")?.chars().take("2026-01-31".len()).collect();
        let input = json!({ "contractId": contract, "paymentMethod": "pm_sandbox_visa" });
        self.client.does("contractPaymentMethodSet", input, "contract { hasPaymentMethod }").await?;
        let input =
            json!({ "contractId": contract, "date": today, "minutes": 80, "note": "Upgrade, and a look at the logs." });
        let fields = "timesheet { id amount { amount } quote { clientPays { amount } } } timeEntry { id }";
        let payload = self.freelancer.does("timeEntryAdd", input, fields).await?;
        let week = self.keep("timesheet", &payload, "timesheet.id")?;
        self.keep("timeEntry", &payload, "timeEntry.id")?;
        expect(&payload, "timesheet.amount.amount", "60.00")?;
        expect(&payload, "timesheet.quote.clientPays.amount", "61.80")?;
        (self.say)(&format!("They go on by the hour: Ayesha writes down 80 minutes at 45.00, worth 60.00: {week}"));
        Ok(())
    }

    async fn both_say_how_it_was(&mut self) -> Result<(), Stumble> {
        let contract = self.id("contract")?;
        self.client.does("contractEnd", json!({ "contractId": contract }), "contract { status }").await?;
        self.wait_until(
            "query($id: ID!) { contract(id: $id) { status } }",
            json!({ "id": contract }),
            "contract.status",
            "ENDED",
        )
        .await?;
        let review = |rating: i32, text: &str| json!({ "contractId": contract, "rating": rating, "text": text });
        let payload = self.client.does("reviewSubmit", review(5, "Careful, fast, and clear."), "review { id }").await?;
        self.keep("review", &payload, "review.id")?;
        let query = "query($id: ID!) { contract(id: $id) { reviews { id rating } } }";
        let early = self.freelancer.asks(query, json!({ "id": contract })).await?;
        expect(&early, "contract.reviews", json!([]))?;
        self.freelancer
            .does("reviewSubmit", review(5, "Pays on time and knows what they want."), "review { id }")
            .await?;
        let late = self.freelancer.asks(query, json!({ "id": contract })).await?;
        match at(&late, "contract.reviews").as_array().map(Vec::len) {
            Some(2) => {
                (self.say)("The contract ends; both reviews are shown at once, neither before the other was written")
            }
            _ => return Err(Stumble::new(format!("both reviews should be shown: {late}"))),
        }
        Ok(())
    }

    async fn balances(&self, in_escrow: &str, pending: &str, available: &str) -> Result<(), Stumble> {
        let query = "{ viewer { balances { inEscrow { amount } pending { amount } available { amount } } } }";
        let found = self.freelancer.asks(query, json!({})).await?;
        expect(&found, "viewer.balances.inEscrow.amount", in_escrow)?;
        expect(&found, "viewer.balances.pending.amount", pending)?;
        expect(&found, "viewer.balances.available.amount", available)
    }

    async fn days_pass(&mut self, days: i64) -> Result<(), Stumble> {
        self.client.does("sandboxTimePass", json!({ "hours": days * 24 + 1 }), "now").await?;
        self.client.signs_in().await?;
        self.freelancer.signs_in().await
    }

    async fn wait_for_milestone(&self, status: &str) -> Result<(), Stumble> {
        let query = "query($id: ID!) { milestone(id: $id) { status } }";
        self.wait_until(query, json!({ "id": self.id("milestone")? }), "milestone.status", status).await
    }

    async fn wait_until(&self, query: &str, variables: Value, path: &str, wanted: &str) -> Result<(), Stumble> {
        wait(&self.client, query, variables, path, wanted).await
    }
}

/// How often something that happens in the background is looked for: for a minute at the least, since a machine may be
/// busy with other things.
const LOOKS: usize = 600;
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(100);

async fn wait(player: &Player, query: &str, variables: Value, path: &str, wanted: &str) -> Result<(), Stumble> {
    let mut found = Value::Null;
    for _ in 0..LOOKS {
        found = player.asks(query, variables.clone()).await?;
        if at(&found, path) == wanted {
            return Ok(());
        }
        // The worker is at it, in this process or another.
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Err(Stumble::new(format!("{path} should have become {wanted}: {found}")))
}

/// The edge of the list at `list` that has this at its path: what was written a moment ago may turn
/// up in matching a moment later.
async fn look_for(
    player: &Player,
    query: &str,
    variables: Value,
    list: &str,
    (path, wanted): (&str, &str),
) -> Result<Value, Stumble> {
    let mut found = Value::Null;
    for _ in 0..LOOKS {
        found = player.asks(query, variables.clone()).await?;
        let edges = at(&found, list).as_array().map_or(&[][..], Vec::as_slice);
        if let Some(edge) = edges.iter().find(|edge| at(edge, path) == wanted) {
            return Ok(edge.clone());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Err(Stumble::new(format!("{list} should have had {wanted}: {found}")))
}
