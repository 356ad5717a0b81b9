//! Lists by pages. A page starts after (or ends before) the place its cursor names, and a place
//! is the sort keys of a row, so rows that come or go meanwhile are neither shown twice nor lost.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Datelike;
use domain::Timestamp;
use domain::id::Id;
use domain::refusal::Refusal;
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{
    ColumnTrait, ColumnType, ConnectionTrait, DbBackend, EntityTrait, JoinType, ModelTrait, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Value,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Failure;
use crate::sql::each_of;

/// The page size when none is asked for.
pub const DEFAULT_SIZE: u64 = 20;
/// The largest page.
pub const MAX_SIZE: u64 = 100;
/// How far a list is counted: what has so many may have more.
pub const COUNTED: u64 = 1_000;

/// Which page of a list is wanted, as the Relay arguments say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// So many from the start, or after `after`.
    pub first: Option<i32>,
    /// A cursor: start after it.
    pub after: Option<String>,
    /// So many from the end, or before `before`.
    pub last: Option<i32>,
    /// A cursor: end before it.
    pub before: Option<String>,
    /// Only of what is in one of these states, by their names in rows; of all of it if there are none. Sorted,
    /// each once.
    pub states: Vec<String>,
    /// What narrows the list otherwise, told apart from anything else that does; nothing if nothing does.
    pub filter: Option<String>,
    /// Is the whole list to be counted, up to [`COUNTED`]?
    pub counted: bool,
}

impl PageRequest {
    /// The same page, of what is in one of these states.
    pub fn of_states(mut self, states: impl IntoIterator<Item = String>) -> Self {
        self.states = states.into_iter().collect();
        self.states.sort();
        self.states.dedup();
        self
    }

    /// The same page, of what `filter` lets through; its default lets all through.
    pub fn of_filter<F: Debug + Default>(mut self, filter: &F) -> Self {
        let said = format!("{filter:?}");
        let narrows = said != format!("{:?}", F::default());
        self.filter = narrows.then(|| URL_SAFE_NO_PAD.encode(Sha256::digest(said).get(..9).unwrap_or_default()));
        self
    }

    /// Those of a selection that are in the states asked for; `column` names the state of a row.
    pub(crate) fn narrow<E: EntityTrait>(&self, select: Select<E>, column: E::Column) -> Select<E> {
        if self.states.is_empty() {
            return select;
        }
        let is_one = Expr::cust_with_exprs(
            "$1 = any($2)",
            [SimpleExpr::from(column.as_column_ref_expr()), Expr::val(self.states.clone())],
        );
        select.filter(is_one)
    }
}

/// A page request that makes sense.
#[derive(Debug, Clone)]
pub struct Page {
    list: String,
    size: u64,
    backward: bool,
    after: Option<Vec<Key>>,
    before: Option<Vec<Key>>,
    counted: bool,
}

/// One sort key of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// An id.
    Uuid(Uuid),
    /// An instant.
    Time(Timestamp),
}

impl Key {
    /// Can this be a value of such a column? A cursor that somebody made up may hold anything.
    fn is_of(&self, column: &ColumnType) -> bool {
        use ColumnType::{BigInteger, DateTime, Integer, SmallInteger, Timestamp, TimestampWithTimeZone, Uuid};
        match column {
            Uuid => matches!(self, Self::Uuid(_)),
            SmallInteger | Integer | BigInteger => matches!(self, Self::Int(_)),
            DateTime | Timestamp | TimestampWithTimeZone => {
                matches!(self, Self::Time(time) if (1..=9999).contains(&time.year()))
            }
            _ => matches!(self, Self::Text(_)),
        }
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Int(n) => n.into(),
            Key::Text(text) => text.into(),
            Key::Uuid(uuid) => uuid.into(),
            Key::Time(time) => time.into(),
        }
    }
}

/// A page of the list of each of several owners. Who has nothing in it may be missing.
pub type Pages<O, T> = HashMap<O, Slice<T>>;

/// The same pages, of something else.
pub fn try_map_pages<O: Eq + Hash, T, U, E>(
    pages: Pages<O, T>,
    mut f: impl FnMut(T) -> Result<U, E>,
) -> Result<Pages<O, U>, E> {
    pages.into_iter().map(|(owner, slice)| Ok((owner, slice.try_map(&mut f)?))).collect()
}

/// One page of a list, in the list's order whichever way it was paged.
#[derive(Debug, Clone)]
pub struct Slice<T> {
    /// The items with their cursors.
    pub items: Vec<(String, T)>,
    /// Is there anything after the last item?
    pub has_next: bool,
    /// Is there anything before the first item?
    pub has_previous: bool,
    /// How many there are on all pages, up to [`COUNTED`]; nothing if nobody asked, or if it can't be told.
    pub total: Option<u64>,
}

impl<T> Slice<T> {
    /// A list with nothing in it.
    pub fn empty() -> Self {
        Self { items: Vec::new(), has_next: false, has_previous: false, total: Some(0) }
    }

    /// Leave out what is not to be shown. How many of those there are on other pages can't be told.
    pub fn retain(&mut self, shown: impl Fn(&T) -> bool) {
        let before = self.items.len();
        self.items.retain(|(_, item)| shown(item));
        if self.items.len() < before {
            self.total = None;
        }
    }

    /// The same page, of something else.
    pub fn try_map<U, E>(self, mut f: impl FnMut(T) -> Result<U, E>) -> Result<Slice<U>, E> {
        let Self { items, has_next, has_previous, total } = self;
        let items =
            items.into_iter().map(|(cursor, item)| f(item).map(|item| (cursor, item))).collect::<Result<_, E>>()?;
        Ok(Slice { items, has_next, has_previous, total })
    }
}

impl Page {
    /// Read the Relay arguments for the list `list`: either `first` with `after`, or `last` with
    /// `before`, sizes from 0 to [`MAX_SIZE`], cursors of this very list, of the same states and filter, with `keys`
    /// sort keys.
    pub fn parse(request: &PageRequest, list: &str, keys: usize) -> Result<Self, Refusal> {
        if request.first.is_some() && request.last.is_some() {
            return Err(Refusal::field("last", "CONFLICT", "give either first or last, not both"));
        }
        let size = |path, n: i32| match u64::try_from(n) {
            Ok(size) if size <= MAX_SIZE => Ok(size),
            _ => Err(Refusal::field(path, "OUT_OF_RANGE", format!("must be between 0 and {MAX_SIZE}"))),
        };
        let (backward, size) = match (request.first, request.last) {
            (Some(first), _) => (false, size("first", first)?),
            (None, Some(last)) => (true, size("last", last)?),
            (None, None) => (false, DEFAULT_SIZE),
        };
        let mut list = list.to_owned();
        if !request.states.is_empty() {
            list.push_str(&format!("[{}]", request.states.join(",")));
        }
        if let Some(filter) = &request.filter {
            list.push_str(&format!("?{filter}"));
        }
        let place = |path, cursor: &Option<String>| match cursor.as_deref().map(read_cursor) {
            None => Ok(None),
            Some(None) => Err(malformed(path)),
            Some(Some((of_list, _))) if of_list != list => Err(of_another_list(path)),
            Some(Some((_, found))) if found.len() != keys => Err(malformed(path)),
            Some(Some((_, found))) => Ok(Some(found)),
        };
        let (after, before) = (place("after", &request.after)?, place("before", &request.before)?);
        Ok(Self { list, size, backward, after, before, counted: request.counted })
    }

    /// How many rows to ask a source for: one more than the page holds, to learn whether there
    /// are more.
    pub fn probe(&self) -> u64 {
        self.size + 1
    }

    /// Make the page from the rows that were found in the direction of paging.
    pub fn slice<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> Vec<Key>) -> Slice<T> {
        let more = rows.len() as u64 > self.size;
        rows.truncate(usize::try_from(self.size).unwrap_or(usize::MAX));
        if self.backward {
            rows.reverse();
        }
        let items = rows.into_iter().map(|row| (write_cursor(&self.list, &key(&row)), row)).collect();
        // In the direction we did not look, there is something exactly if we came from there.
        if self.backward {
            Slice { items, has_next: self.before.is_some(), has_previous: more, total: None }
        } else {
            Slice { items, has_next: more, has_previous: self.after.is_some(), total: None }
        }
    }

    /// For a list whose one sort key is a number: the numbers the page lies between, and whether it
    /// is read from its end.
    pub fn between(&self) -> (Option<i64>, Option<i64>, bool) {
        let number = |place: &Option<Vec<Key>>| match place.as_deref() {
            Some([Key::Int(number)]) => Some(*number),
            Some(_) | None => None,
        };
        (number(&self.after), number(&self.before), self.backward)
    }

    /// How far into a list the page reaches, if it is a first one; where another begins depends on
    /// where its cursor's row stands by now.
    pub fn reach(&self) -> Option<u64> {
        (!self.backward && self.after.is_none()).then(|| self.probe())
    }

    /// A page of a list that is in memory, put in an order. What puts it in order may have changed since the page before,
    /// of all rows at once, like scores: cursors hold none of it, and are those of a ranking.
    pub fn cut_sorted<T, O: Ord>(
        &self,
        mut rows: Vec<T>,
        order: impl Fn(&T) -> O,
        key: impl Fn(&T) -> Key,
    ) -> Slice<T> {
        rows.sort_by_key(order);
        let total = Some(std::cmp::min(rows.len() as u64, COUNTED));
        let Slice { items, has_next, has_previous, .. } = self.cut_ranked(rows, key);
        let items = items.into_iter().map(|(cursor, (_, row))| (cursor, row)).collect();
        Slice { items, has_next, has_previous, total }
    }

    /// A page of a list that is in memory, in an order that is not that of a key of its rows, like a
    /// ranking; each row comes with its place, from 1. A cursor holds the place and the `key` of its
    /// row: a row that has moved is found where it stands now, and where it is gone, the page begins
    /// at the place it had.
    pub fn cut_ranked<T>(&self, rows: Vec<T>, key: impl Fn(&T) -> Key) -> Slice<(u32, T)> {
        let rows: Vec<(u32, T)> = (1..).zip(rows).collect();
        let keys = |(place, row): &(u32, T)| vec![Key::Int(i64::from(*place)), key(row)];
        // How many rows stand before the one that a cursor names, and whether it is there.
        let before = |cursor: &[Key]| match rows.iter().position(|(_, row)| cursor.last() == Some(&key(row))) {
            Some(index) => (index, true),
            None => (place_of(cursor).saturating_sub(1), false),
        };
        let start = self.after.as_deref().map(before).map_or(0, |(index, there)| index + usize::from(there));
        let end = self.before.as_deref().map(before).map_or(rows.len(), |(index, _)| index);
        let found: Vec<(u32, T)> = rows.into_iter().take(end).skip(start).collect();
        let probe = usize::try_from(self.probe()).unwrap_or(usize::MAX);
        let found = found.into_iter();
        let found = if self.backward { found.rev().take(probe).collect() } else { found.take(probe).collect() };
        self.slice(found, keys)
    }
}

/// As many rows of a selection as are counted.
fn some<E: EntityTrait>(select: Select<E>) -> SelectStatement {
    let mut some = select.into_query();
    some.clear_selects().clear_order_by().expr(Expr::cust("1")).limit(COUNTED);
    some
}

fn malformed(path: &str) -> Refusal {
    Refusal::field(path, "MALFORMED", "not a cursor of this list: take it from pageInfo or an edge of the list")
}

fn of_another_list(path: &str) -> Refusal {
    let message = "a cursor of another list, or of this one in another order or with another filter: go on with the filter \
                   and order that it came with, or begin the list anew without it";
    Refusal::field(path, "OTHER_LIST", message)
}

/// The place that a cursor of a ranking says its row had.
fn place_of(cursor: &[Key]) -> usize {
    match cursor.first() {
        Some(Key::Int(place)) => usize::try_from(*place).unwrap_or(0),
        Some(Key::Text(_) | Key::Uuid(_) | Key::Time(_)) | None => 0,
    }
}

/// The order of a list over rows of `E`: its sort keys, the last of which is unique.
#[derive(Debug)]
pub struct Keyset<E: EntityTrait> {
    /// Names the list in its cursors, so that those of one list are not taken by another.
    pub list: &'static str,
    /// The columns, most significant first.
    pub columns: Vec<E::Column>,
    /// Newest or largest first?
    pub descending: bool,
    /// The values of the columns in a row.
    pub key: fn(&E::Model) -> Vec<Key>,
}

impl<E: EntityTrait> Keyset<E>
where
    E::Model: ModelTrait<Entity = E>,
{
    /// The cursor of a row.
    pub fn cursor(&self, row: &E::Model) -> String {
        write_cursor(self.list, &(self.key)(row))
    }

    /// Read one page of `select`.
    pub async fn page(
        &self,
        conn: &impl ConnectionTrait,
        select: Select<E>,
        request: &PageRequest,
    ) -> Result<Slice<E::Model>, Failure> {
        let page = self.parse(request)?;
        let total = self.count(conn, &select, &page).await?;
        let rows = self.cut(select, &page).all(conn).await?;
        Ok(Slice { total, ..page.slice(rows, self.key) })
    }

    /// How many there are on all pages of a selection, if that is asked.
    pub(crate) async fn count(
        &self,
        conn: &impl ConnectionTrait,
        select: &Select<E>,
        page: &Page,
    ) -> Result<Option<u64>, Failure> {
        if !page.counted {
            return Ok(None);
        }
        let mut all = Query::select();
        all.expr(Expr::cust("count(*)")).from_subquery(some(select.clone()), Alias::new("some"));
        let counted = conn.query_one_raw(DbBackend::Postgres.build(&all)).await?;
        Ok(counted.map(|row| row.try_get_by_index(0)).transpose()?.and_then(|count: i64| u64::try_from(count).ok()))
    }

    /// How many there are on all pages of each owner, if that is asked.
    pub(crate) async fn counts<O: Id + Hash>(
        &self,
        conn: &impl ConnectionTrait,
        select: &Select<E>,
        owner: E::Column,
        owners: &[O],
        page: &Page,
    ) -> Result<HashMap<O, u64>, Failure> {
        if !page.counted {
            return Ok(HashMap::new());
        }
        let (owner, theirs, whose) = (owner.as_column_ref_expr(), Alias::new("theirs"), Alias::new("owners"));
        let some = some(select.clone().filter(SimpleExpr::from(owner).eq(Expr::col(whose.clone()))));
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(some, theirs).to_owned();
        let mut all = Query::select();
        all.column(whose.clone())
            .expr(SimpleExpr::SubQuery(None, Box::new(count.into())))
            .from_function(each_of(owners), whose);
        let mut counts = HashMap::new();
        for row in conn.query_all_raw(DbBackend::Postgres.build(&all)).await? {
            let (whose, count): (Uuid, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            counts.insert(O::from_uuid(whose), u64::try_from(count).unwrap_or_default());
        }
        Ok(counts)
    }

    /// Read the same page of the list of each owner in one statement, however many there are: `owner` is
    /// the column that names whose a row of `select` is.
    pub async fn pages<O: Id + Hash>(
        &self,
        conn: &impl ConnectionTrait,
        select: Select<E>,
        owner: E::Column,
        owners: &[O],
        request: &PageRequest,
    ) -> Result<Pages<O, E::Model>, Failure> {
        if owners.is_empty() {
            return Ok(HashMap::new());
        }
        let page = self.parse(request)?;
        let counts = self.counts(conn, &select, owner, owners, &page).await?;
        let all = self.of_owners(select, owner, owners, &page);
        let rows = E::find().from_raw_sql(DbBackend::Postgres.build(&all)).all(conn).await?;
        Ok(self.deal(rows, owner, owners, &page, &counts))
    }

    /// Read one page of what is in `own`, or in the list of one of the owners: `all` of it together, to be counted. Each
    /// is read in its order and no further than the page may reach into it, however long it is.
    pub(crate) async fn page_of_own_and<O: Id>(
        &self,
        conn: &impl ConnectionTrait,
        (all, own): (Select<E>, Select<E>),
        (theirs, owner, owners): (Select<E>, E::Column, &[O]),
        request: &PageRequest,
    ) -> Result<Slice<E::Model>, Failure> {
        let page = self.parse(request)?;
        let total = self.count(conn, &all, &page).await?;
        let own = self.cut(own, &page);
        let mut rows = if owners.is_empty() {
            own.all(conn).await?
        } else {
            // As of one instant: what changes its place between two statements would be there twice, or not at all.
            let mut both = Query::select();
            both.column((Alias::new("own"), Asterisk))
                .from_subquery(own.into_query(), Alias::new("own"))
                .union(UnionType::All, self.of_owners(theirs, owner, owners, &page));
            E::find().from_raw_sql(DbBackend::Postgres.build(&both)).all(conn).await?
        };
        rows.sort_by_cached_key(|row| (self.key)(row));
        rows.dedup_by(|one, other| (self.key)(one) == (self.key)(other));
        if self.descending != page.backward {
            rows.reverse();
        }
        Ok(Slice { total, ..page.slice(rows, self.key) })
    }

    /// What reads the same page of each owner, each row as `theirs`.
    pub(crate) fn of_owners<O: Id>(
        &self,
        select: Select<E>,
        owner: E::Column,
        owners: &[O],
        page: &Page,
    ) -> SelectStatement {
        let column = SimpleExpr::from(owner.as_column_ref_expr());
        let theirs = self.cut(select.filter(column.eq(Expr::col(Alias::new("owners")))), page);
        let mut all = Query::select();
        all.column((Alias::new("theirs"), Asterisk)).from_function(each_of(owners), Alias::new("owners")).join_lateral(
            JoinType::InnerJoin,
            theirs.into_query(),
            Alias::new("theirs"),
            Expr::val(true),
        );
        self.order(&mut all, "theirs", page);
        all
    }

    /// Order by the keys of the list, in the direction of paging.
    pub(crate) fn order(&self, query: &mut SelectStatement, rows: &str, page: &Page) {
        for column in &self.columns {
            query.order_by((Alias::new(rows), *column), self.direction(page));
        }
    }

    /// Give each owner its page of the rows, with how many it has if they were counted.
    pub(crate) fn deal<O: Id + Hash>(
        &self,
        rows: Vec<E::Model>,
        owner: E::Column,
        owners: &[O],
        page: &Page,
        counts: &HashMap<O, u64>,
    ) -> Pages<O, E::Model> {
        let mut lists: HashMap<O, Vec<E::Model>> = HashMap::new();
        for row in rows {
            let Value::Uuid(Some(whose)) = row.get(owner) else { continue };
            lists.entry(O::from_uuid(whose)).or_default().push(row);
        }
        let mut pages = Pages::new();
        for whose in owners {
            if let Entry::Vacant(place) = pages.entry(*whose) {
                let slice = page.slice(lists.remove(whose).unwrap_or_default(), self.key);
                place.insert(Slice { total: counts.get(whose).copied(), ..slice });
            }
        }
        pages
    }

    /// The page that is asked for, whose places hold what the columns hold.
    pub(crate) fn parse(&self, request: &PageRequest) -> Result<Page, Refusal> {
        let page = Page::parse(request, self.list, self.columns.len())?;
        for (path, place) in [("after", &page.after), ("before", &page.before)] {
            let mut pairs = place.iter().flatten().zip(&self.columns);
            if !pairs.all(|(key, column)| key.is_of(column.def().get_column_type())) {
                return Err(malformed(path));
            }
        }
        Ok(page)
    }

    fn direction(&self, page: &Page) -> Order {
        if self.descending == page.backward { Order::Asc } else { Order::Desc }
    }

    /// The rows of a page, and one more.
    pub(crate) fn cut(&self, select: Select<E>, page: &Page) -> Select<E> {
        let columns = || Expr::tuple(self.columns.iter().map(|column| SimpleExpr::from(column.as_column_ref_expr())));
        let values = |keys: Vec<Key>| Expr::tuple(keys.into_iter().map(|key| SimpleExpr::from(Value::from(key))));
        let mut select = select;
        if let Some(after) = page.after.clone() {
            let beyond = if self.descending { columns().lt(values(after)) } else { columns().gt(values(after)) };
            select = select.filter(beyond);
        }
        if let Some(before) = page.before.clone() {
            let within = if self.descending { columns().gt(values(before)) } else { columns().lt(values(before)) };
            select = select.filter(within);
        }
        for column in &self.columns {
            select = select.order_by(*column, self.direction(page));
        }
        select.limit(page.probe())
    }
}

trait AsColumnRefExpr {
    fn as_column_ref_expr(&self) -> Expr;
}

impl<C: ColumnTrait> AsColumnRefExpr for C {
    fn as_column_ref_expr(&self) -> Expr {
        Expr::col((self.entity_name(), *self))
    }
}

fn write_cursor(list: &str, keys: &[Key]) -> String {
    // Keys are plain values; writing them as JSON can't fail.
    let json = serde_json::to_vec(&(list, keys)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

/// The list that a cursor is of, and its place there.
fn read_cursor(cursor: &str) -> Option<(String, Vec<Key>)> {
    let json = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (of_list, found): (String, Vec<Key>) = serde_json::from_slice(&json).ok()?;
    // No text of ours holds a NUL, and PostgreSQL takes none.
    let is_text = |key: &Key| !matches!(key, Key::Text(text) if text.contains('\0'));
    found.iter().all(is_text).then_some((of_list, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: Option<&str>, before: Option<&str>) -> Page {
        let (first, last) = if before.is_some() { (None, Some(2)) } else { (Some(2), None) };
        let (after, before) = (after.map(str::to_owned), before.map(str::to_owned));
        let request = PageRequest { first, after, last, before, ..PageRequest::default() };
        Page::parse(&request, "letters", 2).unwrap()
    }

    fn cut(page: &Page, letters: &str) -> (String, bool, bool) {
        let letters = letters.chars().map(String::from).collect();
        let slice = page.cut_ranked(letters, |letter| Key::Text(letter.clone()));
        let shown = slice.items.into_iter().map(|(_, (_, letter))| letter).collect();
        (shown, slice.has_previous, slice.has_next)
    }

    fn cursor(place: i64, letter: &str) -> String {
        write_cursor("letters", &[Key::Int(place), Key::Text(letter.to_owned())])
    }

    #[test]
    fn a_ranking_goes_on_where_it_was_whatever_became_of_the_row() {
        let third = cursor(3, "c");
        for (letters, after, before) in [
            ("abcdef", "de", "ab"),
            // Gone.
            ("abdef", "de", "ab"),
            // Moved down, and up.
            ("xyabcdef", "de", "ab"),
            ("cabdef", "ab", ""),
            // Gone with all that came after it, and with everything.
            ("ab", "", "ab"),
            ("", "", ""),
        ] {
            assert_eq!(cut(&page(Some(&third), None), letters).0, after, "after, of {letters}");
            assert_eq!(cut(&page(None, Some(&third)), letters).0, before, "before, of {letters}");
        }
        assert_eq!(cut(&page(None, None), "abcdef"), ("ab".to_owned(), false, true));
        assert_eq!(cut(&page(Some(&third), None), "abcdef"), ("de".to_owned(), true, true));
    }

    #[test]
    fn a_list_goes_on_where_it_was_though_all_scores_moved() {
        let sorted = |after: Option<&str>, gained: i64| {
            let rows = vec![("d", 1), ("b", 5), ("a", 5), ("c", 3)];
            let order = |&(letter, score): &(&'static str, i64)| (-(score + gained), letter);
            let slice = page(after, None).cut_sorted(rows, order, |(letter, _)| Key::Text((*letter).to_owned()));
            let letters: String = slice.items.iter().map(|(_, (letter, _))| *letter).collect();
            (letters, slice.items[1].0.clone(), slice.has_next, slice.total)
        };
        let (first, cursor, more, total) = sorted(None, 0);
        assert_eq!((first.as_str(), more, total), ("ab", true, Some(4)));
        for gained in [-9, 0, 9] {
            let (second, _, more, total) = sorted(Some(&cursor), gained);
            assert_eq!((second.as_str(), more, total), ("cd", false, Some(4)), "{gained}");
        }
    }

    #[test]
    fn a_list_of_which_something_is_hidden_is_not_counted() {
        let slice =
            || Slice { items: vec![("a".to_owned(), 1), ("b".to_owned(), 2)], total: Some(2), ..Slice::empty() };
        let (mut whole, mut part) = (slice(), slice());
        whole.retain(|_| true);
        part.retain(|n| *n == 1);
        assert_eq!((whole.items.len(), whole.total), (2, Some(2)));
        assert_eq!((part.items.len(), part.total), (1, None));
    }

    #[test]
    fn a_cursor_of_some_states_is_none_of_others() {
        let (after, open) = (cursor(3, "c"), || vec!["open".to_owned()]);
        let request = |after: &str, states| {
            PageRequest { after: Some(after.to_owned()), ..PageRequest::default() }.of_states(states)
        };
        let parse = |request: &PageRequest| Page::parse(request, "letters", 2);
        assert!(parse(&request(&after, open())).is_err(), "one of all is not one of some");
        let both = vec!["paid".to_owned(), "open".to_owned(), "paid".to_owned()];
        let slice = parse(&PageRequest::default().of_states(both.clone()))
            .unwrap()
            .slice(vec![1], |n| vec![Key::Int(*n), Key::Int(0)]);
        let (cursor, _) = &slice.items[0];
        assert!(parse(&request(cursor, both)).is_ok());
        assert!(
            parse(&request(cursor, vec!["open".to_owned(), "paid".to_owned()])).is_ok(),
            "in whatever order they are named"
        );
        for others in [vec![], open()] {
            assert!(parse(&request(cursor, others)).is_err());
        }
    }

    #[test]
    fn a_cursor_of_one_filter_is_none_of_another() {
        let parse = |after: &str, filter: &Option<&str>| {
            let request = PageRequest { after: Some(after.to_owned()), ..PageRequest::default() }.of_filter(filter);
            Page::parse(&request, "letters", 2).map(|_| ())
        };
        let of = |filter: &Option<&str>| {
            let page = Page::parse(&PageRequest::default().of_filter(filter), "letters", 2).unwrap();
            page.slice(vec![1], |n| vec![Key::Int(*n), Key::Int(0)]).items[0].0.clone()
        };
        let all = [None, Some("rust"), Some("go")];
        for from in &all {
            for to in &all {
                let expected = if from == to { Ok(()) } else { Err(of_another_list("after")) };
                assert_eq!(parse(&of(from), to), expected, "{from:?} {to:?}");
            }
        }
        for made_up in ["", "x", "e30", &of(&None)[1..]] {
            assert_eq!(parse(made_up, &None), Err(malformed("after")), "{made_up}");
        }
    }

    #[test]
    fn a_place_that_was_made_up_is_the_first() {
        for place in [i64::MIN, -1, 0, 1] {
            assert_eq!(cut(&page(Some(&cursor(place, "z")), None), "abc").0, "ab", "{place}");
        }
        assert_eq!(cut(&page(Some(&cursor(i64::MAX, "z")), None), "abc").0, "");
    }
}
