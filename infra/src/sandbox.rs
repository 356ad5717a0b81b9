//! What only a sandbox can do: let time pass, so that a front-end developer sees a security hold
//! end without waiting five days for it, and take letters for read that go nowhere. How far a sandbox is
//! ahead is kept, and outlives a restart.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::refusal::Refusal;
use domain::user::User;
use sea_orm::{DatabaseConnection, DbBackend, FromQueryResult, Statement};

use crate::clock::Clock;
use crate::market::Market;
use crate::{Call, Failure, Fault, Tx, run};

/// The longest time that passes at once, in hours.
const MAX_HOURS: i64 = 24 * 200;
/// How far ahead of the machine a sandbox can be led, by all its visitors together.
const FARTHEST: TimeDelta = TimeDelta::days(20 * 366);
/// Time passes by steps, so that what comes due on the way does so in order.
const STEP_HOURS: i64 = 12;

#[derive(FromQueryResult)]
struct Ahead {
    ahead_micros: i64,
}

/// The clock of the sandbox on this database.
pub async fn clock(db: &DatabaseConnection) -> Result<Clock, Failure> {
    let select = Statement::from_string(DbBackend::Postgres, "select ahead_micros from sandbox_clock");
    let ahead = Ahead::find_by_statement(select).one(db).await?;
    Ok(Clock::ahead(TimeDelta::microseconds(ahead.map_or(0, |ahead| ahead.ahead_micros))))
}

impl Market {
    /// Let `hours` pass in a sandbox, with all that comes due on the way, and answer what time it is.
    pub async fn sandbox_time_pass(&self, call: &Call, hours: i64) -> Result<Timestamp, Failure> {
        call.actor.person()?;
        if !self.clock().can_be_moved() {
            return Err(Refusal::rule("NOT_A_SANDBOX", "time can be let pass only in a sandbox").into());
        }
        if !(1..=MAX_HOURS).contains(&hours) {
            let message = format!("must be between 1 and {MAX_HOURS}");
            return Err(Refusal::field("hours", "OUT_OF_RANGE", message).into());
        }
        let hours = TimeDelta::hours(hours);
        // Kept before the clock moves: what was written at an instant must not lie ahead of a clock
        // that was started again.
        let until = run!(self, call, tx => {
            let ahead = tx.sandbox_clock_move(hours).await?;
            if ahead > FARTHEST {
                let message = "a sandbox is at most twenty years ahead: begin with a new one".to_owned();
                return Err(Refusal::rule("SANDBOX_TOO_FAR", message).into());
            }
            Ok(match self.clock() {
                Clock::Ahead(micros) => tx.now() - TimeDelta::microseconds(micros.load(Ordering::Relaxed)) + ahead,
                Clock::System | Clock::Manual(_) => tx.now() + hours,
            })
        })?;
        // A repeat finds the clock there, unless the first was cut short: then it goes on from where that was.
        let mut now = self.clock().now();
        while now < until {
            now = until.min(now + TimeDelta::hours(STEP_HOURS));
            self.clock().advance_to(now);
            // Boxed, because everything the worker can do would else be part of this future.
            Box::pin(self.work_until_idle()).await?;
        }
        Ok(until)
    }
}

impl Market {
    /// Take the letter for read that asks whether the caller reads mail at their address. Only where letters stay with
    /// us: what leaves is read by whom it goes to.
    pub async fn sandbox_email_verify(&self, call: &Call) -> Result<User, Failure> {
        let id = call.actor.person()?.user;
        if !self.clock().can_be_moved() || self.mail().leaves() {
            let message = "letters go to mailboxes here: emailVerify takes the code of yours";
            return Err(Refusal::rule("NOT_A_SANDBOX", message).into());
        }
        run!(self, call, tx => {
            let user = tx.user_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            let email = user.email.clone();
            tx.user_save(user.verify_email(&email, tx.now())?).await
        })
    }
}

impl Tx {
    /// Note that the sandbox's clock moves on; how far it is ahead of the machine's then.
    async fn sandbox_clock_move(&self, by: TimeDelta) -> Result<TimeDelta, Failure> {
        let moved = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "insert into sandbox_clock (ahead_micros) values ($1)
             on conflict (single) do update set ahead_micros = sandbox_clock.ahead_micros + excluded.ahead_micros
             returning ahead_micros",
            [by.num_microseconds().unwrap_or(0).into()],
        );
        let ahead = Ahead::find_by_statement(moved).one(self.conn()).await?;
        let ahead = ahead.ok_or_else(|| Fault::bad_row("sandbox_clock", "a clock that was just kept is gone"))?;
        Ok(TimeDelta::microseconds(ahead.ahead_micros))
    }
}
