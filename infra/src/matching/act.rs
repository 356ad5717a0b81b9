//! What became of what was shown: openings, invitations, bids, shortlists, hires, each with the place
//! it had stood in. And what can be told from the log.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Subject, Verb};
use domain::event::Event;
use domain::id::{GigId, Id, UserId};
use domain::matching::exposure::{self, ExposureReport, Shown};
use domain::matching::gap::SkillGapReport;
use domain::matching::index::Without;
use domain::matching::{Model, Placement, Score};
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::RANKERS;
use super::exposure::Look;
use crate::market::Market;
use crate::outbox::Occurrence;
use crate::sql::sql;
use crate::{Call, Failure, Fault, run};

/// So long a time is reported on at once, at most.
const LONGEST: TimeDelta = TimeDelta::days(92);
/// So many impressions are.
const MOST: i64 = 200_000;

#[derive(FromQueryResult)]
struct Seen {
    seen: bool,
}

#[derive(FromQueryResult)]
struct Line {
    page: i64,
    freelancer_id: Uuid,
    position: i32,
    placement: String,
    score_nano: i64,
    model_version: i32,
    finished: i64,
}

impl Market {
    /// The person opened a match that they were shown: one of the people for a gig of theirs, or a gig
    /// that was recommended to them. Whether that is news. What they were not shown they can't open.
    pub async fn match_open(&self, call: &Call, gig: GigId, freelancer: UserId) -> Result<bool, Failure> {
        let viewer = call.actor.person()?.user;
        let direction = if viewer == freelancer { "gigs" } else { "people" };
        self.impressions_write_of(Look { gig, freelancer, viewer, direction }).await?;
        run!(self, call, tx => {
            let gig = tx.gig_shown_for_share(gig).await?.ok_or(Refusal::HIDDEN)?;
            if viewer != freelancer {
                access::check(tx.actor(), Verb::GigMatches, &gig.subject())?;
            }
            let of_pair = |text: &'static str| {
                let (gig, freelancer, viewer) = (gig.id.uuid(), freelancer.uuid(), viewer.uuid());
                sql(text, [gig.into(), freelancer.into(), viewer.into(), direction.into(), tx.now().into()])
            };
            let shown = Seen::find_by_statement(of_pair(
                "select exists (select 1 from exposures where gig_id = $1 and freelancer_id = $2 and viewer_id = $3
                     and direction = $4 and shown_at <= $5) as seen",
            ));
            if !shown.one(tx.conn()).await?.is_some_and(|shown| shown.seen) {
                return Err(Refusal::rule("NOT_SHOWN", "you were not shown this match").into());
            }
            let click = of_pair(
                "insert into match_acts
                     (at, kind, gig_id, freelancer_id, exposure_id, direction, position, placement, model_version)
                 select $5, 'click', gig_id, freelancer_id, id, direction, position, placement, model_version
                 from (select * from exposures where gig_id = $1 and freelancer_id = $2 and viewer_id = $3 and direction = $4
                       order by id desc limit 1) shown
                 on conflict (exposure_id) where kind = 'click' do nothing",
            );
            let noted = tx.conn().execute_raw(click).await?.rows_affected() > 0;
            if noted && direction == "people" {
                // Once for each client: else one who is in league with somebody would renew it for good.
                let answered = sql(
                    "update exposure_sums set unanswered = 0, changed_at = $2
                     where freelancer_id = $1 and unanswered > 0
                         and (select count(*) from match_acts act join gigs other on other.id = act.gig_id
                              where act.kind = 'click' and act.direction = 'people' and act.freelancer_id = $1
                                and other.client_id = $3) = 1",
                    [freelancer.uuid().into(), tx.now().into(), gig.client.uuid().into()],
                );
                tx.conn().execute_raw(answered).await?;
            }
            Ok(noted)
        })
    }

    /// Note what an event says about a match. Told again, it is noted once.
    pub(crate) async fn match_act_note(&self, occurrence: &Occurrence) -> Result<(), Failure> {
        let (kind, direction, gig, freelancer) = match &occurrence.event {
            Event::InvitationSent { told, freelancer } => ("invite", "people", told.gig, *freelancer),
            Event::ProposalSubmitted { told } => ("bid", "gigs", told.gig, told.freelancer),
            Event::ProposalShortlisted { told } => ("shortlist", "people", told.gig, told.freelancer),
            Event::ProposalHired { told } => ("hire", "people", told.gig, told.freelancer),
            _ => return Ok(()),
        };
        let note = sql(
            "insert into match_acts
                 (at, kind, gig_id, freelancer_id, event_id, exposure_id, direction, position, placement, model_version)
             select $1, $2, $3, $4, $5, shown.id, shown.direction, shown.position, shown.placement, shown.model_version
             from (values (1)) as one
             left join lateral (
                 select * from exposures where gig_id = $3 and freelancer_id = $4 and direction = $6 and shown_at <= $1
                 order by id desc limit 1) shown on true
             on conflict on constraint match_acts_event_once do nothing",
            [
                occurrence.at.into(),
                kind.into(),
                gig.uuid().into(),
                freelancer.uuid().into(),
                occurrence.id.uuid().into(),
                direction.into(),
            ],
        );
        self.db().execute_raw(note).await?;
        Ok(())
    }

    /// Who got which attention among the people shown for gigs from one instant until another,
    /// recomputed from the log.
    pub async fn exposure_report(
        &self,
        call: &Call,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<ExposureReport, Failure> {
        access::check(&call.actor, Verb::ExposureRead, &Subject::OURS)?;
        if until <= from || until - from > LONGEST {
            let message = format!("must be after `from`, and within {} days of it", LONGEST.num_days());
            return Err(Refusal::field("until", "OUT_OF_RANGE", message).into());
        }
        let lines = Line::find_by_statement(sql(
            "select dense_rank() over (order by e.page) as page, e.freelancer_id, e.position, e.placement, e.score_nano,
                 e.model_version,
                 (select count(*) from contracts c where c.freelancer_id = e.freelancer_id and c.status = 'ended'
                    and (c.state ->> 'ended_at')::timestamptz < e.shown_at) as finished
             from exposures e where e.direction = 'people' and e.shown_at >= $1 and e.shown_at < $2
             order by e.id limit $3",
            [from.into(), until.into(), (MOST + 1).into()],
        ));
        let lines = lines.all(self.db()).await?;
        if i64::try_from(lines.len()).is_ok_and(|many| many > MOST) {
            let message = format!("there are more than {MOST} impressions: choose a shorter time");
            let code = "TOO_MANY_IMPRESSIONS".to_owned();
            return Err(Refusal::Limit { code, limit: MOST, value: MOST + 1, message }.into());
        }
        let newcomer_until = i64::from(Model::shipped().fairness.newcomer_until);
        let shown = lines.into_iter().map(|line| {
            let bad = |why: &str| Fault::bad_row("exposures", why);
            Ok(Shown {
                page: line.page.unsigned_abs(),
                person: UserId::from_uuid(line.freelancer_id),
                place: u32::try_from(line.position).map_err(|_| bad("position"))?,
                placement: placement(&line.placement).ok_or_else(|| bad("placement"))?,
                score: Score::nano(line.score_nano),
                model_version: u32::try_from(line.model_version).map_err(|_| bad("model version"))?,
                newcomer: line.finished < newcomer_until,
            })
        });
        Ok(exposure::report(&shown.collect::<Result<Vec<_>, Fault>>()?))
    }

    /// The skills that would bring the signed-in person before more clients, over the gigs that are
    /// open now; nothing without a profile.
    pub async fn skill_gaps(&self, call: &Call) -> Result<SkillGapReport, Failure> {
        let viewer = call.actor.person()?;
        let own: Vec<_> = viewer.memberships.iter().map(|(client, _)| *client).collect();
        let Some(person) = self.oneself_as_matched(call, viewer.user).await? else {
            return Ok(SkillGapReport::default());
        };
        let clients = own.into_iter().chain(person.blocked.iter().copied()).collect();
        let without = Without { clients, gigs: BTreeSet::new() };
        let source = self.source();
        let rarity = source.holders(self).await?;
        let now = self.clock().now();
        let gigs = source.gigs_near(self, (&rarity, now), &person, &without).await?;
        let gaps = RANKERS.at(move || rarity.matcher(now).skill_gaps(&person, gigs.iter().map(AsRef::as_ref)));
        Ok(gaps.await?)
    }
}

fn placement(name: &str) -> Option<Placement> {
    [Placement::Merit, Placement::NearTie, Placement::Newcomer]
        .into_iter()
        .find(|placement| super::exposure::placement_name(*placement) == name)
}
