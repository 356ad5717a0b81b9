//! Submitting a proposal, in two statements: read what there is between the person and the gig, with the answer the call
//! was given before; decide; and write all that follows in one, if what it was decided on still stands. If it does not,
//! or the same key was used meanwhile, it is all done again. No transaction is open while we think.

use domain::gig::{Gig, TradeTerms};
use domain::id::{GigId, Id, UserId};
use domain::invitation::Invitation;
use domain::policy::Terms;
use domain::proposal::{Bid, BidInput, Proposal};
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, IdenStatic, Iterable};
use serde_json::json;

use super::{RevisionBody, row, taken};
use crate::doc::Doc;
use crate::facts::{Facts, Scene};
use crate::gig::row as gig;
use crate::group_commit::Write;
use crate::idempotency::Kept;
use crate::invitation::row as invitation;
use crate::market::Market;
use crate::policy::{IN_FORCE, terms_said};
use crate::sql::sql;
use crate::tx::patiently;
use crate::{Call, Failure, Fault};

/// What there is between a person and a gig, what goes for their bids, and what the call was answered before: all
/// seen at one instant.
struct Ground {
    kept: Option<Kept>,
    gig: Option<Gig>,
    mine: Vec<Proposal>,
    invitation: Option<Invitation>,
    is_blocked: bool,
    terms: TradeTerms,
    policy: Terms,
    bids_used: u32,
    /// What it is all told again by, when it is written.
    words: String,
}

impl Market {
    /// Put a proposal before the client.
    pub async fn proposal_submit(&self, call: &Call, gig: GigId, input: BidInput) -> Result<Proposal, Failure> {
        patiently(|| self.bid_decide(call, gig, &input)).await
    }

    async fn bid_decide(&self, call: &Call, gig: GigId, input: &BidInput) -> Result<Proposal, Failure> {
        let scene = self.scene(call);
        let user = scene.actor().person()?.user;
        let Ground { kept, gig, mine, invitation, is_blocked, terms, policy, bids_used, words } =
            self.bid_ground(call, &scene, gig, user).await?;
        if let (Some(once), Some(kept)) = (&call.once, kept) {
            let answer = once.answer(kept)?;
            self.must_still_see(call, once, &answer).await?;
            return Ok(serde_json::from_value(answer)?);
        }
        if let Some(once) = &call.once {
            self.may_keep(once)?;
        }
        let gig = gig.ok_or(Refusal::HIDDEN)?;
        let bid = Bid { is_blocked, bids_used, ..Bid::after(&gig, &mine, invitation.is_some()) };
        let change = bid.submit(scene.actor(), input.clone(), scene.id(), (&terms, &policy), scene.now())?;
        let proposal = change.next.clone();
        let accepted = invitation.map(|invitation| invitation.accepted(scene.now()));
        let accepts = accepted.as_ref().filter(|accepted| accepted.changed).map(|accepted| accepted.next.id);
        let mut facts = match accepted {
            Some(accepted) => Facts::of(&scene, &change.and(accepted))?,
            None => Facts::of(&scene, &change)?,
        };
        facts.keep(call, &proposal)?;
        let (facts, aftermath) = facts.into_text(&scene)?;
        let what = json!({
            "kind": "bid",
            "next": row::model(&proposal, scene.now()),
            "body": RevisionBody::Freelancer { terms: proposal.terms.clone() },
            "ground": words,
            "quota": terms.bid_quota,
            "window_days": terms.bid_window_days,
            "accepts": accepts.map(Id::uuid),
        });
        let written = self.write(Write::new(gig.id.uuid(), &what, facts)).await;
        if !written.map_err(|error| Failure::from(error).when_violated("proposals_one_live", taken))? {
            self.must_be_here(user).await?;
            return Err(Fault::Overtaken { table: "proposals" }.into());
        }
        aftermath.follow(self);
        Ok(proposal)
    }

    async fn bid_ground(&self, call: &Call, scene: &Scene, gig: GigId, user: UserId) -> Result<Ground, Failure> {
        let (caller, key) = call.once.as_ref().map(|once| once.name()).unzip();
        let otherwise = TradeTerms::default();
        let ground = format!(
            "select gigs.*, {skills} as asked_skills, {mine}, {invitation},
                 k.operation as kept_operation, k.body_hash as kept_body_hash, k.answer as kept_answer,
                 exists (select 1 from blocks where client_id = gigs.client_id and freelancer_id = $2) as is_blocked,
                 now.terms as trade_terms, policy.terms as policy_terms,
                 bids_used($2, $3, coalesce((now.terms ->> 'bid_window_days')::int, $4)) as used
             from (values ($1::uuid)) as asked (id)
             left join gigs on gigs.id = asked.id
             left join lateral (
                 select terms from trade_terms where effective_from <= $3 order by effective_from desc limit 1) now on true
             {IN_FORCE}
             left join proposals mine on mine.gig_id = $1 and mine.freelancer_id = $2
             left join invitations i on i.gig_id = $1 and i.freelancer_id = $2
             left join idempotency k on k.caller = $5 and k.key = $6
             order by mine.id",
            skills = gig::ASKED_SKILLS,
            mine = columns::<row::Entity>("mine", "mine_"),
            invitation = columns::<invitation::Entity>("i", "invitation_"),
        );
        let values = [
            gig.uuid().into(),
            user.uuid().into(),
            scene.now().into(),
            i32::from(otherwise.bid_window_days).into(),
            caller.into(),
            key.into(),
        ];
        let found = self.db().query_all_raw(sql(&ground, values)).await?;
        let first = found.first().ok_or_else(|| Fault::bad_row("gigs", "nothing was read, not even its absence"))?;
        let mine = found.iter().map(|row| row::Model::from_query_result_optional(row, "mine_"));
        let mine = mine.filter_map(Result::transpose).map(|row| Ok(Proposal::try_from(row?)?));
        let mine: Vec<Proposal> = mine.collect::<Result<_, Failure>>()?;
        let gig = gig::read(first)?;
        let invitation = invitation::Model::from_query_result_optional(first, "invitation_")?;
        let invitation = invitation.map(Invitation::try_from).transpose()?;
        let terms: Option<Doc<TradeTerms>> = first.try_get("", "trade_terms")?;
        let policy: Option<serde_json::Value> = first.try_get("", "policy_terms")?;
        let policy = policy.ok_or_else(|| Fault::bad_row("policy_versions", "no policy is in force"))?;
        Ok(Ground {
            kept: Kept::from_query_result_optional(first, "kept_")?,
            words: words(gig.as_ref(), invitation.as_ref(), &mine),
            gig,
            mine,
            invitation,
            is_blocked: first.try_get("", "is_blocked")?,
            terms: terms.map_or(otherwise, |terms| terms.0),
            policy: terms_said(policy)?,
            bids_used: u32::try_from(first.try_get::<i64>("", "used")?).unwrap_or(u32::MAX),
        })
    }
}

/// What a bid is decided on, in the words of the database's `bid_ground`, which tells it again when it is written.
fn words(gig: Option<&Gig>, invitation: Option<&Invitation>, mine: &[Proposal]) -> String {
    let gig = gig.map(|gig| gig.version.to_string());
    let invitation = invitation.map(|invitation| invitation.status().as_str().to_owned());
    let mine = mine.iter().map(|proposal| format!("{}@{}", proposal.id.uuid(), proposal.version));
    gig.into_iter().chain(invitation).chain(mine).collect::<Vec<_>>().join(" ")
}

/// All columns of `E`, of the rows called `rows`, under a prefix.
fn columns<E: EntityTrait>(rows: &str, prefix: &str) -> String {
    let named = E::Column::iter().map(|column| {
        let name = column.as_str();
        format!("{rows}.{name} as {prefix}{name}")
    });
    named.collect::<Vec<_>>().join(", ")
}
