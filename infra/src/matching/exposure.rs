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
use tokio::sync::{Mutex as Turn, Notify, watch};

use super::Placed;
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault, ids};

/// So many are written at a time.
const BATCH: usize = 1_000;
/// More than so many don't wait: what comes then is counted as lost.
const WAITING_MAX: usize = 50_000;
/// How long they wait at most.
const EVERY: Duration = Duration::from_millis(500);

/// Impressions that wait to be written down.
#[derive(Debug, Default)]
pub struct Impressions {
    waiting: Mutex<Waiting>,
    many: Notify,
    /// Whose turn it is to write: what one takes is written before the next takes more.
    turn: Turn<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    rows: Vec<Value>,
    /// Those that are being written now.
    taken: Vec<Value>,
}

/// What is shown to whom: a gig, a freelancer, whoever looks, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub gig: GigId,
    pub freelancer: UserId,
    pub viewer: UserId,
    pub direction: &'static str,
}

impl Impressions {
    fn note(&self, rows: impl Iterator<Item = Value>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lost = 0_u64;
        for row in rows {
            if waiting.rows.len() < WAITING_MAX {
                waiting.rows.push(row);
            } else {
                lost += 1;
            }
        }
        if lost > 0 {
            metrics::counter!("rabta_impressions_lost_total").increment(lost);
        }
        if waiting.rows.len() >= BATCH {
            self.many.notify_one();
        }
    }

    fn take(&self) -> Vec<Value> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let most = waiting.rows.len().min(BATCH);
        waiting.taken = waiting.rows.drain(..most).collect();
        waiting.taken.clone()
    }

    /// What was taken is written, or not.
    fn taken_are(&self, written: bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut waiting.taken);
        if !written {
            waiting.rows.splice(0..0, taken);
        }
    }

    /// Whether an impression of this is not written yet.
    fn holds(&self, look: Look) -> bool {
        let ids =
            [("gig_id", look.gig.uuid()), ("freelancer_id", look.freelancer.uuid()), ("viewer_id", look.viewer.uuid())];
        let ids = ids.map(|(field, id)| (field, id.to_string()));
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting
            .rows
            .iter()
            .chain(&waiting.taken)
            .any(|row| row["direction"] == look.direction && ids.iter().all(|(field, id)| row[*field] == id.as_str()))
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
        let _turn = self.impressions().turn.lock().await;
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
                     count(*) filter (where is_news), $2::timestamptz
                 from shown group by 1 order by 1
                 on conflict (freelancer_id) do update set
                     attention_milli = kept.attention_milli + excluded.attention_milli,
                     merit_milli = kept.merit_milli + excluded.merit_milli,
                     unanswered = kept.unanswered + excluded.unanswered,
                     changed_at = greatest(kept.changed_at, excluded.changed_at)",
                [Value::Array(rows).into(), self.clock().now().into()],
            );
            let written = self.db().execute_raw(insert).await;
            self.impressions().taken_are(written.is_ok());
            written?;
        }
    }

    /// What somebody acts on may have been shown to them a moment ago: it is written down first.
    pub(super) async fn impressions_write_of(&self, look: Look) -> Result<(), Failure> {
        if !self.impressions().holds(look) {
            return Ok(());
        }
        // Apart from the request, which may be given up: what was taken would be lost with it.
        let market = self.clone();
        let written = tokio::spawn(async move { market.impressions_write().await }).await;
        written.map_err(|error| Fault::Service { service: "impressions", why: error.to_string() })?
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
