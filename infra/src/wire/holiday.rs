//! Days on which banks don't work. Those that hang on the moon are added once they are announced.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::access::{self, Subject, Verb};
use domain::refusal::Refusal;
use domain::wire::{BankCalendar, BankHoliday, Country, holidays_must_reach, is_to_come};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Tx, run};

#[derive(FromQueryResult)]
struct Holiday {
    day: NaiveDate,
    name: String,
}

#[derive(FromQueryResult)]
struct Noted {
    country: String,
    day: NaiveDate,
    name: String,
}

#[derive(FromQueryResult)]
struct Known {
    country: String,
    known_until: NaiveDate,
}

impl Market {
    /// One of our people notes a day on which the banks of a country don't work; noted again, it has another name.
    pub async fn bank_holiday_add(
        &self,
        call: &Call,
        country: Country,
        day: NaiveDate,
        name: &str,
    ) -> Result<BankHoliday, Failure> {
        run!(self, call, tx => {
            access::check(tx.actor(), Verb::BankHolidayAdd, &Subject::OURS)?;
            let holiday = BankHoliday::parse(country, day, name, tx.now())?;
            let keep = sql(
                "insert into bank_holidays (country, day, name) values ($1, $2, $3)
                 on conflict (country, day) do update set name = excluded.name",
                [country.as_str().into(), day.into(), holiday.name.clone().into()],
            );
            tx.conn().execute_raw(keep).await?;
            let detail = serde_json::json!({ "country": country.as_str(), "day": day, "name": holiday.name });
            tx.audit("bank_holiday_add", "bank_holidays", detail).await?;
            Ok(holiday)
        })
    }

    /// One of our people finds that a day to come is none of them after all: the moon was seen another day.
    pub async fn bank_holiday_remove(
        &self,
        call: &Call,
        country: Country,
        day: NaiveDate,
    ) -> Result<BankHoliday, Failure> {
        run!(self, call, tx => {
            access::check(tx.actor(), Verb::BankHolidayRemove, &Subject::OURS)?;
            if !is_to_come(day, tx.now()) {
                return Err(Refusal::field("day", "OUT_OF_RANGE", "must be a day to come, within three years").into());
            }
            let remove = "delete from bank_holidays where country = $1 and day = $2 returning day, name";
            let remove = sql(remove, [country.as_str().into(), day.into()]);
            let removed = Holiday::find_by_statement(remove).one(tx.conn()).await?;
            let none = || Refusal::field("day", "UNKNOWN", "is no day that is noted there");
            let name = removed.ok_or_else(none)?.name;
            let detail = serde_json::json!({ "country": country.as_str(), "day": day, "name": name });
            tx.audit("bank_holiday_remove", "bank_holidays", detail).await?;
            Ok(BankHoliday { country, day, name })
        })
    }

    /// One of our people says until when the days of a country are all noted.
    pub async fn bank_calendar_extend(
        &self,
        call: &Call,
        country: Country,
        known_until: NaiveDate,
    ) -> Result<BankCalendar, Failure> {
        run!(self, call, tx => {
            access::check(tx.actor(), Verb::BankCalendarExtend, &Subject::OURS)?;
            let calendar = BankCalendar::parse(country, known_until, tx.now())?;
            let keep = sql(
                "insert into bank_calendars (country, known_until) values ($1, $2)
                 on conflict (country) do update set known_until = excluded.known_until",
                [country.as_str().into(), known_until.into()],
            );
            tx.conn().execute_raw(keep).await?;
            let detail = serde_json::json!({ "country": country.as_str(), "known_until": known_until });
            tx.audit("bank_calendar_extend", "bank_holidays", detail).await?;
            Ok(calendar)
        })
    }

    /// Until when the days of each country are all noted.
    pub async fn bank_calendars(&self, call: &Call) -> Result<Vec<BankCalendar>, Failure> {
        access::check(&call.actor, Verb::WireBatchRead, &Subject::OURS)?;
        let known = sql("select country, known_until from bank_calendars", []);
        let known = Known::find_by_statement(known).all(self.db()).await?;
        let calendar = |country: Country| {
            let row = known.iter().find(|row| row.country == country.as_str())?;
            Some(BankCalendar { country, known_until: row.known_until })
        };
        Ok(Country::ALL.into_iter().filter_map(calendar).collect())
    }

    /// The days that are noted from today on, of both countries, the next first.
    pub async fn bank_holidays_to_come(&self, call: &Call) -> Result<Vec<BankHoliday>, Failure> {
        access::check(&call.actor, Verb::WireBatchRead, &Subject::OURS)?;
        let today = self.clock().now().date_naive();
        let select = "select country, day, name from bank_holidays where day >= $1 order by day, country";
        let found = Noted::find_by_statement(sql(select, [today.into()])).all(self.db()).await?;
        let holiday = |Noted { country, day, name }: Noted| {
            let country = Country::ALL.into_iter().find(|known| known.as_str() == country)?;
            Some(BankHoliday { country, day, name })
        };
        Ok(found.into_iter().filter_map(holiday).collect())
    }
}

impl Tx {
    /// The days from today on, of both countries. It is refused when they are not known for long enough: then nobody
    /// has noted those to come.
    pub(super) async fn bank_holidays(&self) -> Result<BTreeSet<NaiveDate>, Failure> {
        let today = self.now().date_naive();
        let known = sql("select country, known_until from bank_calendars", []);
        let known = Known::find_by_statement(known).all(self.conn()).await?;
        for country in Country::ALL {
            let until = known.iter().find(|row| row.country == country.as_str()).map(|row| row.known_until);
            holidays_must_reach(country, until, today)?;
        }
        let select = sql("select day, name from bank_holidays where day >= $1", [today.into()]);
        let found = Holiday::find_by_statement(select).all(self.conn()).await?;
        Ok(found.into_iter().map(|row| row.day).collect())
    }
}
