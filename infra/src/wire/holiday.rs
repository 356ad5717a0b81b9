//! Days on which banks don't work. Those that hang on the moon are added once they are announced.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::access::{self, Subject, Verb};
use domain::wire::{BankHoliday, Country, holidays_must_reach};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::market::Market;
use crate::sql::sql;
use crate::{Call, Failure, Tx, run};

#[derive(FromQueryResult)]
struct Holiday {
    country: String,
    day: NaiveDate,
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
}

impl Tx {
    /// The days from today on, of both countries. It is refused when they end too soon: then nobody has noted those to
    /// come.
    pub(super) async fn bank_holidays(&self) -> Result<BTreeSet<NaiveDate>, Failure> {
        let today = self.now().date_naive();
        let select = sql("select country, day from bank_holidays where day >= $1", [today.into()]);
        let found = Holiday::find_by_statement(select).all(self.conn()).await?;
        for country in Country::ALL {
            let last = found.iter().filter(|row| row.country == country.as_str()).map(|row| row.day).max();
            holidays_must_reach(country, last, today)?;
        }
        Ok(found.into_iter().map(|row| row.day).collect())
    }
}
