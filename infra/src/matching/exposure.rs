//! What was shown to whom, and in which place: noted while answering, written down a little later,
//! many at a time, so that nobody waits for it. What a crash takes with it is less than a second's.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use domain::id::{GigId, Id, UserId};
use domain::matching::learn::{self, KINDS};
use domain::matching::{Match, Placement, Score, exposure};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::Placed;
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, ids};

/// So many are written at a time.
const BATCH: usize = 1_000;
/// More than so many don't wait: what comes then is counted as lost.
const WAITING_MAX: usize = 50_000;
/// How long they wait at most.
const EVERY: Duration = Duration::from_millis(500);

/// Impressions that wait to be written down.
#[derive(Debug, Default)]
pub struct Impressions {
    waiting: Mutex<Vec<Value>>,
    many: Notify,
}

impl Impressions {
    fn note(&self, rows: impl Iterator<Item = Value>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lost = 0_u64;
        for row in rows {
            if waiting.len() < WAITING_MAX {
                waiting.push(row);
            } else {
                lost += 1;
            }
        }
        if lost > 0 {
            metrics::counter!("rabta_impressions_lost_total").increment(lost);
        }
        if waiting.len() >= BATCH {
            self.many.notify_one();
        }
    }

    fn take(&self) -> Vec<Value> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let most = waiting.len().min(BATCH);
        waiting.drain(..most).collect()
    }

    fn put_back(&self, rows: Vec<Value>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.splice(0..0, rows);
    }
}

impl Market {
    /// Note which people were shown for a gig, and in which places.
    pub fn people_shown(&self, call: &Call, gig: GigId, version: u32, shown: &[(String, Placed<UserId>)]) {
        let rows = shown.iter().map(|(_, (place, found))| (gig, found.of, *place, seen(found)));
        self.impressions_note(call, "people", version, rows);
    }

    /// Note which gigs were shown to the signed-in person, and in which places.
    pub fn gigs_shown(&self, call: &Call, version: u32, shown: &[(String, Placed<GigId>)]) {
        let Some(user) = call.actor.user() else { return };
        let rows = shown.iter().map(|(_, (place, found))| (found.of, user, *place, seen(found)));
        self.impressions_note(call, "gigs", version, rows);
    }

    fn impressions_note(
        &self,
        call: &Call,
        direction: &str,
        version: u32,
        shown: impl Iterator<Item = (GigId, UserId, u32, Seen)>,
    ) {
        let Some(viewer) = call.actor.user() else { return };
        let at: Timestamp = self.clock().now();
        let page = ids::fresh_uuid(at);
        let shown: Vec<_> = shown.collect();
        let places: Vec<(u32, Score)> = shown.iter().map(|(.., place, seen)| (*place, seen.score)).collect();
        let shares = exposure::shares(&places);
        self.impressions().note(shown.into_iter().zip(shares).map(|((gig, person, place, seen), (got, deserved))| {
            let Seen { placement, score, values } = seen;
            json!({
                "page": page, "attention_milli": got, "merit_milli": deserved,
                "shown_at": at, "viewer_id": viewer.uuid(), "direction": direction, "gig_id": gig.uuid(),
                "freelancer_id": person.uuid(), "position": place, "placement": placement_name(placement),
                "model_version": version, "score_nano": score.as_nano(), "factor_micro": values,
            })
        }));
    }

    /// Write down all that waits. Who looks at the same gig again within a day has not looked anew: a newcomer's patience
    /// counts looks, and a page that is loaded again is none.
    pub async fn impressions_write(&self) -> Result<(), Failure> {
        loop {
            let rows = self.impressions().take();
            if rows.is_empty() {
                return Ok(());
            }
            let insert = sql(
                "with rows as materialized (
                     select * from jsonb_to_recordset($1) as shown (page uuid, shown_at timestamptz, viewer_id uuid,
                         direction text, gig_id uuid, freelancer_id uuid, position integer, placement text,
                         model_version integer, score_nano bigint, attention_milli bigint, merit_milli bigint,
                         factor_micro integer[])
                 ), shown as materialized (
                     select *, placement = 'newcomer' and row_number() over (partition by viewer_id, gig_id, freelancer_id
                             order by shown_at) = 1 and not exists (
                         select 1 from exposures seen where seen.gig_id = rows.gig_id
                             and seen.freelancer_id = rows.freelancer_id and seen.viewer_id = rows.viewer_id
                             and seen.direction = rows.direction and seen.shown_at > rows.shown_at - interval '1 day'
                         ) as is_news
                     from rows where direction = 'people'
                 ), logged as (
                     insert into exposures (page, shown_at, viewer_id, direction, gig_id, freelancer_id, position, placement,
                         model_version, score_nano, attention_milli, merit_milli, factor_micro)
                     select page, shown_at, viewer_id, direction, gig_id, freelancer_id, position, placement,
                         model_version, score_nano, attention_milli, merit_milli, factor_micro from rows
                 )
                 insert into exposure_sums as kept (freelancer_id, attention_milli, merit_milli, unanswered, changed_at)
                 select freelancer_id, sum(attention_milli), sum(merit_milli),
                     count(*) filter (where is_news), max(shown_at)
                 from shown group by 1 order by 1
                 on conflict (freelancer_id) do update set
                     attention_milli = kept.attention_milli + excluded.attention_milli,
                     merit_milli = kept.merit_milli + excluded.merit_milli,
                     unanswered = kept.unanswered + excluded.unanswered,
                     changed_at = greatest(kept.changed_at, excluded.changed_at)",
                [Value::Array(rows.clone()).into()],
            );
            if let Err(error) = self.db().execute_raw(insert).await {
                self.impressions().put_back(rows);
                return Err(error.into());
            }
        }
    }
}

/// Write down what was shown, until `stop` turns true; what waits then is written before it ends.
pub async fn write_down(market: Market, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => {}
            () = market.impressions().many.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(failure) = market.impressions_write().await {
            tracing::warn!(error = %failure, "what was shown could not be written down; trying again");
        }
    }
}

/// What is kept of a match that was shown.
struct Seen {
    placement: Placement,
    score: Score,
    values: [i32; KINDS],
}

fn seen<I>(found: &Match<I>) -> Seen {
    Seen { placement: found.placement, score: found.score, values: learn::values_of(found) }
}

pub(super) fn placement_name(placement: Placement) -> &'static str {
    match placement {
        Placement::Merit => "merit",
        Placement::NearTie => "near_tie",
        Placement::Newcomer => "newcomer",
    }
}
