//! Proposals that say nearly the same, kept as they were found until something is written in one of them: comparing the
//! letters of a gig takes a processor for a while.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use domain::id::{GigId, Id, ProposalId};
use domain::proposal::alike;
use lru::LruCache;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::row;
use crate::Failure;
use crate::bench::Bench;
use crate::market::Market;
use crate::sql::{ids, sql};

/// Where letters are compared.
static READERS: LazyLock<Bench> = LazyLock::new(|| Bench::new("letters", 1, 60));
/// What was found, of so many gigs; an id names a gig of any database.
static FOUND: LazyLock<Mutex<LruCache<GigId, Found>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(NonZeroUsize::MIN.saturating_add(1_000))));

/// Groups of proposals that say nearly the same, the earliest of each first.
pub(super) type Groups = Arc<Vec<Vec<ProposalId>>>;

/// What was found, and of what: how many proposals were live, and all their versions in one number.
struct Found {
    of: (i64, i64),
    groups: Groups,
}

#[derive(FromQueryResult)]
struct Stand {
    gig_id: Uuid,
    live: i64,
    versions: i64,
}

#[derive(FromQueryResult)]
struct Letter {
    id: Uuid,
    gig_id: Uuid,
    letter: String,
}

impl Market {
    /// The live proposals for gigs that say nearly the same; gigs without any may be missing.
    pub(super) async fn letters_alike(&self, gigs: &[GigId]) -> Result<HashMap<GigId, Groups>, Failure> {
        let live = row::LIVE.map(|status| format!("'{status}'")).join(", ");
        let live = format!("submitted_at is not null and status in ({live})");
        let stand = format!(
            "select gig_id, count(*) as live, bit_xor(hashtextextended(id::text, version)) as versions from proposals
             where gig_id = any($1) and {live} group by gig_id having count(*) > 1"
        );
        let stand = Stand::find_by_statement(sql(&stand, [ids(gigs)])).all(self.db()).await?;
        let (mut known, mut unknown) = (HashMap::new(), HashMap::new());
        for Stand { gig_id, live, versions } in stand {
            let (gig, of) = (GigId::from_uuid(gig_id), (live, versions));
            let found = held().get(&gig).filter(|found| found.of == of).map(|found| Arc::clone(&found.groups));
            if let Some(groups) = found {
                known.insert(gig, groups);
            } else {
                unknown.insert(gig, of);
            }
        }
        if unknown.is_empty() {
            return Ok(known);
        }
        let read = format!(
            "select theirs.* from unnest($1::uuid[]) owner, lateral (
                 select id, gig_id, submitted_at, coalesce(terms ->> 'cover_letter', '') as letter from proposals
                 where gig_id = owner and {live} order by submitted_at, id limit $2) theirs
             order by theirs.submitted_at, theirs.id"
        );
        let which: Vec<GigId> = unknown.keys().copied().collect();
        let most = i64::try_from(alike::COMPARED).unwrap_or(i64::MAX);
        let letters = Letter::find_by_statement(sql(&read, [ids(&which), most.into()])).all(self.db()).await?;
        let grouped = READERS.at(move || grouped(letters)).await?;
        for (gig, groups) in grouped {
            if let Some(of) = unknown.remove(&gig) {
                held().put(gig, Found { of, groups: Arc::clone(&groups) });
            }
            known.insert(gig, groups);
        }
        Ok(known)
    }
}

fn held() -> std::sync::MutexGuard<'static, LruCache<GigId, Found>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

fn grouped(letters: Vec<Letter>) -> HashMap<GigId, Groups> {
    let mut of: HashMap<GigId, Vec<Letter>> = HashMap::new();
    for letter in letters {
        of.entry(GigId::from_uuid(letter.gig_id)).or_default().push(letter);
    }
    let groups = |letters: Vec<Letter>| {
        let said: Vec<&str> = letters.iter().map(|letter| letter.letter.as_str()).collect();
        let ids = |group: Vec<usize>| group.into_iter().map(|at| ProposalId::from_uuid(letters[at].id)).collect();
        Arc::new(alike::groups(&said).into_iter().map(ids).collect())
    };
    of.into_iter().map(|(gig, letters)| (gig, groups(letters))).collect()
}
