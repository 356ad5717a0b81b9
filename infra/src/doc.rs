//! Columns of JSON that hold something of the domain. They are read as what they are at once: a tree of values in
//! between would take longer to build and to take apart than all else that reading a row does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::marker::PhantomData;

use domain::policy::Terms;
use sea_orm::sea_query::postgres_array::NotU8;
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::sqlx::{self, Row};
use sea_orm::{ActiveValue, ColIdx, DbErr, IntoActiveValue, QueryResult, TryGetError, TryGetableFromJson, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a column of JSON says, read by `R`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Doc<T, R = Parsed>(pub T, #[serde(skip)] PhantomData<R>);

/// The terms of a deal, as they are kept with it.
pub type TermsDoc = Doc<Terms, Remembered>;

/// How a column's bytes become what they say.
pub trait Reading<T> {
    /// What these bytes say: `parse` reads them.
    fn read(bytes: &[u8], parse: impl FnOnce() -> Result<T, TryGetError>) -> Result<T, TryGetError>;
}

/// Each is read for itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parsed;

/// Nearly all deals of a time have the same terms: the last ones that were read are known by their bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Remembered;

impl<T> Reading<T> for Parsed {
    fn read(_: &[u8], parse: impl FnOnce() -> Result<T, TryGetError>) -> Result<T, TryGetError> {
        parse()
    }
}

/// So many terms are remembered by each thread: a kilobyte or two each.
const REMEMBERED: usize = 4;

thread_local! {
    static LAST: RefCell<VecDeque<(Box<[u8]>, Terms)>> = const { RefCell::new(VecDeque::new()) };
}

impl Reading<Terms> for Remembered {
    fn read(bytes: &[u8], parse: impl FnOnce() -> Result<Terms, TryGetError>) -> Result<Terms, TryGetError> {
        LAST.with_borrow_mut(|last| {
            if let Some((_, terms)) = last.iter().find(|(known, _)| **known == *bytes) {
                return Ok(terms.clone());
            }
            let terms = parse()?;
            last.truncate(REMEMBERED - 1);
            last.push_front((bytes.into(), terms.clone()));
            Ok(terms)
        })
    }
}

impl<T, R> From<T> for Doc<T, R> {
    fn from(it: T) -> Self {
        Self(it, PhantomData)
    }
}

impl<T: DeserializeOwned, R: Reading<T>> TryGetableFromJson for Doc<T, R> {
    fn try_get_from_json<I: ColIdx>(found: &QueryResult, column: I) -> Result<Self, TryGetError> {
        let failed = |error: sqlx::Error| TryGetError::DbErr(DbErr::Type(error.to_string()));
        let row = found.try_as_pg_row().ok_or_else(|| DbErr::Type("a row of another database".to_owned()))?;
        let raw = row.try_get_raw(column.as_sqlx_postgres_index()).map_err(failed)?;
        let Ok(bytes) = raw.as_bytes() else { return Err(TryGetError::Null(format!("{column:?}"))) };
        let parse = || row.try_get::<sqlx::types::Json<T>, _>(column.as_sqlx_postgres_index()).map_err(failed);
        R::read(bytes, || Ok(parse()?.0)).map(Self::from)
    }
}

impl<T: Serialize, R> From<Doc<T, R>> for Value {
    /// What can't be said in JSON becomes null, which no such column takes.
    fn from(doc: Doc<T, R>) -> Self {
        Self::Json(serde_json::to_value(doc.0).ok().map(Box::new))
    }
}

impl<T: DeserializeOwned, R> ValueType for Doc<T, R> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let Value::Json(Some(json)) = value else { return Err(ValueTypeErr) };
        serde_json::from_value(*json).map(|it: T| Self::from(it)).map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        "Doc".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Json
    }

    fn column_type() -> ColumnType {
        ColumnType::JsonBinary
    }
}

impl<T, R> Nullable for Doc<T, R> {
    fn null() -> Value {
        Value::Json(None)
    }
}

impl<T, R> IntoActiveValue<Self> for Doc<T, R>
where
    Self: Into<Value>,
{
    fn into_active_value(self) -> ActiveValue<Self> {
        ActiveValue::set(self)
    }
}

impl<T, R> NotU8 for Doc<T, R> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(review_days: u16) -> Terms {
        Terms { review_days, ..Terms::default() }
    }

    fn read(bytes: &[u8], says: Result<Terms, TryGetError>) -> Result<Terms, TryGetError> {
        Remembered::read(bytes, || says)
    }

    fn unread() -> Result<Terms, TryGetError> {
        Err(TryGetError::Null("it is read anew".to_owned()))
    }

    #[test]
    fn terms_are_known_by_all_of_their_bytes_and_those_that_were_not_read_are_not_remembered() {
        assert!(read(b"one", unread()).is_err());
        assert_eq!(read(b"one", Ok(terms(1))).unwrap(), terms(1));
        assert_eq!(read(b"two", Ok(terms(2))).unwrap(), terms(2));
        assert_eq!(read(b"one", unread()).unwrap(), terms(1));
        assert_eq!(read(b"two", unread()).unwrap(), terms(2));
        assert!(read(b"on", unread()).is_err());
    }

    #[test]
    fn so_many_terms_are_remembered_and_no_more() {
        let text = |n: usize| format!("{n}").into_bytes();
        for n in 0..=REMEMBERED {
            assert_eq!(read(&text(n), Ok(terms(n as u16))).unwrap(), terms(n as u16));
        }
        assert!(read(&text(0), unread()).is_err());
        for n in 1..=REMEMBERED {
            assert_eq!(read(&text(n), unread()).unwrap(), terms(n as u16));
        }
    }
}
