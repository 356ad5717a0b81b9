//! Keeping the index: built from the tables or taken from its snapshot, then kept fresh by the lines
//! that every change leaves in `matching_changes`.
//!
//! Lines are followed by their transactions, not by their numbers, which commit out of order: all
//! lines of transactions from the cut on are looked at each time, and the cut moves up to the oldest
//! transaction that still runs. So whatever is committed is seen at the next look, and whatever will
//! be committed is not passed over. A line only says who to read again; reading twice does no harm.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::gig::{Gig, Visibility};
use domain::id::{GigId, Id, OrganizationId, UserId};
use domain::matching::index::{Builder, Gigs, Index};
use domain::matching::{GigFeatures, Model, PersonFeatures, Taxonomy, reputation};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use uuid::Uuid;

use super::shelves::Shelf;
use super::snapshot::{self, Label};
use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Fault};

/// How many people or gigs are read at a time.
const BATCH: usize = 1_000;
/// How many lines of changes are kept for those who follow.
const KEPT: i64 = 100_000;
/// How long to wait for something to be heard before it is looked all the same.
const IDLE: Duration = Duration::from_millis(200);
/// What is heard in so short a time is looked at together.
const BREATH: Duration = Duration::from_millis(20);
/// How long to wait after a failure of our own.
const BACKOFF: Duration = Duration::from_secs(2);
/// What weighs on people fades with time, and being shown gathers: whom it concerns is read again this often.
const FADES: TimeDelta = TimeDelta::hours(1);
/// What waits for an answer weighs on somebody for no longer than this. Of a snapshot it is not known when what fades
/// was read: whoever was shown since then is read again, too.
const WEIGHS: TimeDelta = TimeDelta::days(31);
/// So many of them at each look, so that what changes meanwhile does not wait for all of them.
const FADING: usize = 2_000;
/// A snapshot is written when the last one is this old and something changed since.
const SNAPSHOT_EVERY: TimeDelta = TimeDelta::minutes(10);

#[derive(FromQueryResult)]
struct Ground {
    horizon: i64,
    complete_from: i64,
    cluster: String,
    database: i64,
}

#[derive(FromQueryResult)]
struct Line {
    horizon: i64,
    complete_from: i64,
    kind: Option<String>,
    subject: Option<Uuid>,
    lines: i64,
    hash: Option<i64>,
    switch: i64,
}

#[derive(FromQueryResult)]
struct Subject {
    id: Uuid,
}

/// Whom or what a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum About {
    Person(Uuid),
    Gig(Uuid),
    /// All open gigs of a client.
    Client(Uuid),
}

/// Which lines about somebody were seen: how many, and a hash of the set of their numbers. The newest and how many there
/// are would not do: while one leaves the set because the cut moved, another may join it that was written before the
/// newest and committed after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lines {
    many: i64,
    hash: i64,
}

/// A new base that is being built aside, and what changed since it was begun.
struct Rebuilding {
    built: JoinHandle<Index>,
    since: BTreeMap<UserId, Option<PersonFeatures>>,
}

/// Keeps the index of one node.
pub struct Follower {
    market: Market,
    file: Option<PathBuf>,
    label: Label,
    people: Index,
    gigs: Gigs,
    /// What ranks, and which switch of an operator said so.
    model: Arc<Model>,
    switch: i64,
    /// All lines of transactions before this one are in it.
    cut: i64,
    /// What was seen beyond the cut.
    seen: HashMap<About, Lines>,
    rebuilding: Option<Rebuilding>,
    faded_at: Timestamp,
    /// As of when finished work is weighed, of everybody who is not still to be read again; of a snapshot it is not
    /// known.
    weighed_as_of: Option<Timestamp>,
    /// Those who are still to be read again since then, and how many are at each look.
    fading: Vec<Uuid>,
    fading_by: usize,
    saved_at: Timestamp,
    changed_since_saved: bool,
    from_snapshot: bool,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("cut", &self.cut).field("people", &self.people.len()).finish_non_exhaustive()
    }
}

/// Keep the index until `stop` turns true. Its snapshot is in `file`, if there is to be one.
pub async fn follow(market: Market, file: Option<PathBuf>, mut stop: watch::Receiver<bool>) {
    let mut follower = loop {
        tokio::select! {
            _ = stop.changed() => return,
            begun = Follower::begin(&market, file.clone()) => match begun {
                Ok(follower) => break follower,
                Err(failure) => tracing::error!(error = %failure, "the index of matching could not be built; trying again"),
            },
        }
        tokio::time::sleep(BACKOFF).await;
    };
    let mut heard = market.bus().listen();
    while !*stop.borrow() {
        let wait = match follower.catch_up().await {
            Ok(_) => IDLE,
            Err(failure) => {
                tracing::warn!(error = %failure, "the index of matching could not be brought up to date; trying again");
                BACKOFF
            }
        };
        tokio::select! {
            _ = stop.changed() => {}
            // Many at once are one reason to look.
            _ = heard.recv() => tokio::time::sleep(BREATH).await,
            () = tokio::time::sleep(wait) => {}
        }
        heard = heard.resubscribe();
    }
    if let Err(failure) = follower.rest().await {
        tracing::warn!(error = %failure, "the snapshot of the index could not be written");
    }
}

impl Follower {
    /// Begin with the snapshot in `file`, if it fits, else with the tables; up to date when it
    /// returns, and looked at from then on.
    pub async fn begin(market: &Market, file: Option<PathBuf>) -> Result<Self, Failure> {
        let ground = Ground::find_by_statement(sql(
            "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon, log.complete_from,
                 (select system_identifier::text from pg_control_system()) as cluster,
                 (select oid::bigint from pg_database where datname = current_database()) as database
             from matching_log log",
            [],
        ));
        let ground = ground.one(market.db()).await?.ok_or_else(|| Fault::bad_row("matching_log", "it is empty"))?;
        let label = Label {
            cluster: ground.cluster.clone(),
            database: ground.database,
            schema: migrations::fingerprint(),
            reader: snapshot::reader()?,
        };
        let kept = match file.clone() {
            None => None,
            Some(file) => aside({
                let label = label.clone();
                move || snapshot::read(&file, &label)
            })
            .await?
            .filter(|index| {
                let position = i64::try_from(index.position()).unwrap_or(i64::MAX);
                (ground.complete_from..=ground.horizon).contains(&position)
            }),
        };
        let from_snapshot = kept.is_some();
        let model = market.model_in_use().await?;
        let now = market.clock().now();
        let (people, cut) = match kept {
            Some(people) => {
                let cut = i64::try_from(people.position()).unwrap_or(i64::MAX);
                (people, cut)
            }
            None => (build(market, ground.horizon, Arc::clone(&model)).await?, ground.horizon),
        };
        let mut follower = Self {
            market: market.clone(),
            file,
            label,
            people,
            gigs: gigs(market).await?,
            model,
            switch: 0,
            cut,
            seen: HashMap::new(),
            rebuilding: None,
            faded_at: if from_snapshot { now - WEIGHS } else { now },
            weighed_as_of: (!from_snapshot).then(|| reputation::weighed_as_of(now)),
            fading: Vec::new(),
            fading_by: FADING,
            saved_at: now,
            changed_since_saved: !from_snapshot,
            from_snapshot,
        };
        follower.look().await?;
        follower.publish().await?;
        tracing::info!(
            people = follower.people.len(),
            gigs = follower.gigs.len(),
            from_snapshot,
            "the index of matching is there"
        );
        if !from_snapshot {
            follower.rebuild();
        }
        Ok(follower)
    }

    /// Whether it began with a snapshot, and not with the tables.
    pub fn began_with_snapshot(&self) -> bool {
        self.from_snapshot
    }

    /// Read so many at each look of those whose load fades.
    #[must_use]
    pub fn fading_by(self, many: usize) -> Self {
        Self { fading_by: many.max(1), ..self }
    }

    /// Take in what changed; how many people and gigs were read again.
    pub async fn catch_up(&mut self) -> Result<usize, Failure> {
        self.take_rebuilt().await?;
        let read = self.look().await?;
        let due = self.changed_since_saved && self.market.clock().now() - self.saved_at >= SNAPSHOT_EVERY;
        if (due || self.people.is_worn()) && self.rebuilding.is_none() {
            self.rebuild();
        }
        Ok(read)
    }

    /// Bring all that changed into a new base, aside, and write it down.
    fn rebuild(&mut self) {
        let (worn, label, file) = (self.people.clone(), self.label.clone(), self.file.clone());
        let model = Arc::clone(&self.model);
        let built = tokio::task::spawn_blocking(move || {
            let built = worn.rebuilt(&model);
            if let Some(Err(fault)) = file.map(|file| snapshot::write(&file, &label, &built)) {
                tracing::warn!(error = %fault, "the snapshot of the index could not be written");
            }
            built
        });
        self.rebuilding = Some(Rebuilding { built, since: BTreeMap::new() });
        (self.saved_at, self.changed_since_saved) = (self.market.clock().now(), false);
    }

    /// Bring what changed into a base, and write the snapshot.
    pub async fn rest(mut self) -> Result<(), Failure> {
        if self.rebuilding.is_none() && self.changed_since_saved {
            self.rebuild();
        }
        match self.rebuilding.take() {
            None => Ok(()),
            Some(Rebuilding { built, .. }) => built.await.map(|_| ()).map_err(ended),
        }
    }

    async fn look(&mut self) -> Result<usize, Failure> {
        let now = self.market.clock().now();
        let lines = Line::find_by_statement(sql(
            "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon, log.complete_from,
                 line.kind, line.subject, coalesce(line.lines, 0) as lines, line.hash,
                 (select coalesce(max(id), 0) from model_uses) as switch
             from matching_log log
             left join (select kind, subject, count(*) as lines, bit_xor(hashint8extended(id, 0)) as hash from matching_changes
                        where xact >= $1 group by kind, subject) line on true",
            [self.cut.into()],
        ));
        let lines = lines.all(self.market.db()).await?;
        let Some(Line { horizon, complete_from, switch, .. }) = lines.first() else { return Ok(0) };
        let (horizon, complete_from, switch) = (*horizon, *complete_from, *switch);
        if switch != self.switch {
            self.model = self.market.model_in_use().await?;
            self.publish().await?;
            self.switch = switch;
        }
        if complete_from > self.cut || horizon < self.cut {
            // We were away for too long, or the rows were brought to another cluster.
            tracing::warn!(self.cut, complete_from, horizon, "too much changed to follow; building the index anew");
            self.people = build(&self.market, horizon, Arc::clone(&self.model)).await?;
            self.gigs = gigs(&self.market).await?;
            (self.cut, self.rebuilding, self.changed_since_saved) = (horizon, None, true);
            (self.faded_at, self.fading) = (now, Vec::new());
            self.weighed_as_of = Some(reputation::weighed_as_of(now));
            self.seen.clear();
            self.publish().await?;
            return Ok(self.people.len());
        }
        let seen: HashMap<About, Lines> = lines
            .iter()
            .filter_map(|line| {
                let about = match line.kind.as_deref()? {
                    "person" => About::Person(line.subject?),
                    "client" => About::Client(line.subject?),
                    _ => About::Gig(line.subject?),
                };
                Some((about, Lines { many: line.lines, hash: line.hash? }))
            })
            .collect();
        let news = seen.iter().filter(|(about, lines)| self.seen.get(about) != Some(lines));
        let (mut people, mut gigs, mut clients) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (about, _) in news {
            match about {
                About::Person(id) => {
                    people.insert(*id);
                }
                About::Gig(id) => {
                    gigs.insert(*id);
                }
                About::Client(id) => {
                    clients.insert(OrganizationId::from_uuid(*id));
                }
            }
        }
        gigs.extend(self.gigs.of(&clients).map(|gig| gig.uuid()));
        let weighed_as_of = Some(reputation::weighed_as_of(now));
        let new_week = self.weighed_as_of != weighed_as_of;
        if (new_week || now - self.faded_at >= FADES) && self.fading.is_empty() {
            self.fading = self.who_fades(now, new_week).await?;
            (self.faded_at, self.weighed_as_of) = (now, weighed_as_of);
        }
        let fading_later = self.fading.len().saturating_sub(self.fading_by);
        people.extend(&self.fading[fading_later..]);
        let people: Vec<UserId> = people.into_iter().map(UserId::from_uuid).collect();
        let gigs: Vec<GigId> = gigs.into_iter().map(GigId::from_uuid).collect();
        self.read_again(&people, &gigs).await?;
        self.fading.truncate(fading_later);
        self.seen = seen;
        self.cut = horizon;
        // The position is that of the cut, whether or not anything changed.
        self.people = self.people.after([], horizon.unsigned_abs());
        self.market.shelves().is_of(now);
        Ok(people.len() + gigs.len())
    }

    async fn read_again(&mut self, people: &[UserId], gigs: &[GigId]) -> Result<(), Failure> {
        for batch in people.chunks(BATCH) {
            let found = self.market.people_matchable(batch).await?;
            let mut now: BTreeMap<UserId, Option<PersonFeatures>> = batch.iter().map(|id| (*id, None)).collect();
            now.extend(found.into_iter().map(|person| (person.id, Some(person))));
            if let Some(rebuilding) = &mut self.rebuilding {
                rebuilding.since.extend(now.clone());
            }
            self.people = self.people.after(now, 0);
        }
        for batch in gigs.chunks(BATCH) {
            let mut now: BTreeMap<GigId, Option<GigFeatures>> = batch.iter().map(|id| (*id, None)).collect();
            now.extend(open(&self.market, batch).await?.into_iter().map(|gig| (gig.id, Some(gig))));
            self.gigs = self.gigs.after(now);
        }
        if !people.is_empty() || !gigs.is_empty() {
            self.changed_since_saved = true;
            self.publish().await?;
        }
        Ok(())
    }

    /// Those on whom something weighs that fades, and those who were shown since or whose bank account has become good;
    /// in a new week also those whose finished work counts less.
    async fn who_fades(&self, now: Timestamp, new_week: bool) -> Result<Vec<Uuid>, Failure> {
        let people = Subject::find_by_statement(sql(
            "select freelancer_id as id from invitations where created_at > $1 and status = 'sent'
             union select freelancer_id from proposals where submitted_at > $1
             union select freelancer_id from exposure_sums where changed_at >= $2
             union select user_id from payout_methods where usable_from > $2 and usable_from <= $4
             union select freelancer_id from contracts where $3 and status = 'ended'",
            [(now - WEIGHS).into(), self.faded_at.into(), new_week.into(), now.into()],
        ));
        Ok(people.all(self.market.db()).await?.into_iter().map(|row| row.id).collect())
    }

    /// Take the base that was built aside, if it is done, with what changed meanwhile.
    async fn take_rebuilt(&mut self) -> Result<(), Failure> {
        if !self.rebuilding.as_ref().is_some_and(|rebuilding| rebuilding.built.is_finished()) {
            return Ok(());
        }
        if let Some(Rebuilding { built, since }) = self.rebuilding.take() {
            let built = built.await.map_err(ended)?;
            self.people = built.after(since, self.people.position());
            self.publish().await?;
        }
        Ok(())
    }

    /// Put what is known before those who ask. None of them reckons what a new model makes of everyone.
    async fn publish(&self) -> Result<(), Failure> {
        if !self.people.is_reckoned(&self.model) {
            let (people, model) = (self.people.clone(), Arc::clone(&self.model));
            aside(move || people.reckon(&model)).await?;
        }
        self.people.reckon(&self.model);
        let holders = self.people.holders(Taxonomy::shipped(), &self.model);
        let (people, gigs, model) = (self.people.clone(), self.gigs.clone(), Arc::clone(&self.model));
        self.market.shelves().put(Shelf { people, gigs, holders, model });
        Ok(())
    }
}

impl Market {
    /// Throw away up to `limit` lines of changes that only an index which was away for long would still need: it is
    /// built anew. How many there were.
    pub(crate) async fn matching_changes_trim(&self, limit: i64) -> Result<u64, Failure> {
        let trim = sql("select matching_changes_trim($1, $2) as gone", [KEPT.into(), limit.into()]);
        let gone = self.db().query_one_raw(trim).await?.map_or(Ok(0), |row| row.try_get::<i64>("", "gone"))?;
        Ok(u64::try_from(gone).unwrap_or(0))
    }
}

/// Work that takes long, on a thread where nobody waits for it.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(ended)
}

fn ended(error: JoinError) -> Failure {
    Fault::Service { service: "index", why: error.to_string() }.into()
}

/// The index of everyone who may be matched, from the tables, in the order that suits a model.
async fn build(market: &Market, position: i64, model: Arc<Model>) -> Result<Index, Failure> {
    let mut builder = Builder::default();
    let mut last = Uuid::nil();
    loop {
        let next = page_after(
            market,
            "select user_id as id from freelancer_profiles where user_id > $1 and visibility = 'public'
             order by user_id limit $2",
            last,
        )
        .await?;
        let Some(end) = next.last() else { break };
        last = *end;
        let people: Vec<UserId> = next.into_iter().map(UserId::from_uuid).collect();
        for person in market.people_matchable(&people).await? {
            builder.add(&person);
        }
    }
    let base = aside(move || builder.build(&model)).await?;
    Ok(Index::new(base, position.unsigned_abs()))
}

/// The open gigs that everybody may see, from the tables.
async fn gigs(market: &Market) -> Result<Gigs, Failure> {
    let mut gigs = Gigs::default();
    let mut last = Uuid::nil();
    loop {
        let next = page_after(
            market,
            "select id from gigs where id > $1 and state = 'open' and visibility = 'public' order by id limit $2",
            last,
        )
        .await?;
        let Some(end) = next.last() else { break };
        last = *end;
        let batch: Vec<GigId> = next.into_iter().map(GigId::from_uuid).collect();
        let found = open(market, &batch).await?;
        gigs = gigs.after(found.into_iter().map(|gig| (gig.id, Some(gig))));
    }
    Ok(gigs)
}

async fn page_after(market: &Market, query: &'static str, last: Uuid) -> Result<Vec<Uuid>, Failure> {
    let most = Value::from(i64::try_from(BATCH).unwrap_or(i64::MAX));
    let rows = Subject::find_by_statement(sql(query, [last.into(), most])).all(market.db()).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Those of these gigs that are open to everybody.
async fn open(market: &Market, gigs: &[GigId]) -> Result<Vec<GigFeatures>, Failure> {
    let found = market.gigs_by_id(&Call::system("index"), gigs).await?;
    let open: Vec<Gig> =
        found.into_iter().filter(|gig| gig.takes_proposals() && gig.brief.visibility == Visibility::Public).collect();
    market.gig_features(&open).await
}
