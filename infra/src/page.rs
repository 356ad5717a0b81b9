//! Lists by pages. A page starts after (or ends before) the place its cursor names, and a place
//! is the sort keys of a row, so rows that come or go meanwhile are neither shown twice nor lost.

use std::collections::HashMap;
use std::hash::Hash;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Datelike;
use domain::Timestamp;
use domain::id::Id;
use domain::refusal::Refusal;
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, ColumnType, ConnectionTrait, DbBackend, EntityTrait, JoinType, ModelTrait, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Value,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Failure;
use crate::sql::ids;

/// The page size when none is asked for.
pub const DEFAULT_SIZE: u64 = 20;
/// The largest page.
pub const MAX_SIZE: u64 = 100;

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
}

/// A page request that makes sense.
#[derive(Debug, Clone)]
pub struct Page {
    size: u64,
    backward: bool,
    after: Option<Vec<Key>>,
    before: Option<Vec<Key>>,
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
}

impl<T> Slice<T> {
    /// A list with nothing in it.
    pub fn empty() -> Self {
        Self { items: Vec::new(), has_next: false, has_previous: false }
    }

    /// The same page, of something else.
    pub fn try_map<U, E>(self, mut f: impl FnMut(T) -> Result<U, E>) -> Result<Slice<U>, E> {
        let Self { items, has_next, has_previous } = self;
        let items =
            items.into_iter().map(|(cursor, item)| f(item).map(|item| (cursor, item))).collect::<Result<_, E>>()?;
        Ok(Slice { items, has_next, has_previous })
    }
}

impl Page {
    /// Read the Relay arguments for the list `list`: either `first` with `after`, or `last` with
    /// `before`, sizes from 0 to [`MAX_SIZE`], cursors of this very list with `keys` sort keys.
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
        let place = |path, cursor: &Option<String>| match cursor {
            None => Ok(None),
            Some(cursor) => read_cursor(list, keys, cursor).map(Some).ok_or_else(|| malformed(path)),
        };
        Ok(Self { size, backward, after: place("after", &request.after)?, before: place("before", &request.before)? })
    }

    /// How many rows to ask a source for: one more than the page holds, to learn whether there
    /// are more.
    pub fn probe(&self) -> u64 {
        self.size + 1
    }

    /// Make the page from the rows that were found in the direction of paging.
    pub fn slice<T>(&self, list: &str, mut rows: Vec<T>, key: impl Fn(&T) -> Vec<Key>) -> Slice<T> {
        let more = rows.len() as u64 > self.size;
        rows.truncate(usize::try_from(self.size).unwrap_or(usize::MAX));
        if self.backward {
            rows.reverse();
        }
        let items = rows.into_iter().map(|row| (write_cursor(list, &key(&row)), row)).collect();
        // In the direction we did not look, there is something exactly if we came from there.
        if self.backward {
            Slice { items, has_next: self.before.is_some(), has_previous: more }
        } else {
            Slice { items, has_next: more, has_previous: self.after.is_some() }
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

    /// A page of a list that is in memory, in the order of its keys. What stood at a cursor may be
    /// gone meanwhile: the page begins where it stood.
    pub fn cut_sorted<T>(&self, list: &str, mut rows: Vec<T>, key: impl Fn(&T) -> Vec<Key>) -> Slice<T> {
        rows.sort_by_key(&key);
        let beyond = |row: &T| self.after.as_ref().is_none_or(|after| key(row) > *after);
        let within = |row: &T| self.before.as_ref().is_none_or(|before| key(row) < *before);
        let rows: Vec<T> = rows.into_iter().filter(|row| beyond(row) && within(row)).collect();
        let probe = usize::try_from(self.probe()).unwrap_or(usize::MAX);
        let rows = rows.into_iter();
        let found = if self.backward { rows.rev().take(probe).collect() } else { rows.take(probe).collect() };
        self.slice(list, found, key)
    }

    /// A page of a list that is in memory, in an order that is not that of a key of its rows, like a
    /// ranking; each row comes with its place, from 1. A cursor holds the place and the `key` of its
    /// row: a row that has moved is found where it stands now, and where it is gone, the page begins
    /// at the place it had.
    pub fn cut_ranked<T>(&self, list: &str, rows: Vec<T>, key: impl Fn(&T) -> Key) -> Slice<(u32, T)> {
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
        self.slice(list, found, keys)
    }
}

fn malformed(path: &str) -> Refusal {
    Refusal::field(path, "MALFORMED", "not a cursor of this list: take it from pageInfo or an edge of the list")
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
        let rows = self.cut(select, &page).all(conn).await?;
        Ok(page.slice(self.list, rows, self.key))
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
        let all = self.of_owners(select, owner, owners, &page);
        let rows = E::find().from_raw_sql(DbBackend::Postgres.build(&all)).all(conn).await?;
        Ok(self.deal(rows, owner, owners, &page))
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
        all.column((Alias::new("theirs"), Asterisk))
            .from_function(Func::cust("unnest").arg(Expr::val(ids(owners))), Alias::new("owners"))
            .join_lateral(JoinType::InnerJoin, theirs.into_query(), Alias::new("theirs"), Expr::val(true));
        self.order(&mut all, "theirs", page);
        all
    }

    /// Order by the keys of the list, in the direction of paging.
    pub(crate) fn order(&self, query: &mut SelectStatement, rows: &str, page: &Page) {
        for column in &self.columns {
            query.order_by((Alias::new(rows), *column), self.direction(page));
        }
    }

    /// Give each owner its page of the rows.
    pub(crate) fn deal<O: Id + Hash>(
        &self,
        rows: Vec<E::Model>,
        owner: E::Column,
        owners: &[O],
        page: &Page,
    ) -> Pages<O, E::Model> {
        let mut lists: HashMap<O, Vec<E::Model>> = HashMap::new();
        for row in rows {
            let Value::Uuid(Some(whose)) = row.get(owner) else { continue };
            lists.entry(O::from_uuid(whose)).or_default().push(row);
        }
        let slice = |(whose, rows)| (whose, page.slice(self.list, rows, self.key));
        let mut pages: Pages<O, E::Model> = lists.into_iter().map(slice).collect();
        for whose in owners {
            pages.entry(*whose).or_insert_with(|| page.slice(self.list, Vec::new(), self.key));
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

fn read_cursor(list: &str, keys: usize, cursor: &str) -> Option<Vec<Key>> {
    let json = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (of_list, found): (String, Vec<Key>) = serde_json::from_slice(&json).ok()?;
    // No text of ours holds a NUL, and PostgreSQL takes none.
    let is_text = |key: &Key| !matches!(key, Key::Text(text) if text.contains('\0'));
    (of_list == list && found.len() == keys && found.iter().all(is_text)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: Option<&str>, before: Option<&str>) -> Page {
        let (first, last) = if before.is_some() { (None, Some(2)) } else { (Some(2), None) };
        let request = PageRequest { first, after: after.map(str::to_owned), last, before: before.map(str::to_owned) };
        Page::parse(&request, "letters", 2).unwrap()
    }

    fn cut(page: &Page, letters: &str) -> (String, bool, bool) {
        let letters = letters.chars().map(String::from).collect();
        let slice = page.cut_ranked("letters", letters, |letter| Key::Text(letter.clone()));
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
    fn a_place_that_was_made_up_is_the_first() {
        for place in [i64::MIN, -1, 0, 1] {
            assert_eq!(cut(&page(Some(&cursor(place, "z")), None), "abc").0, "ab", "{place}");
        }
        assert_eq!(cut(&page(Some(&cursor(i64::MAX, "z")), None), "abc").0, "");
    }
}
