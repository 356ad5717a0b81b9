//! The sums, once a day: what the books hold for people, and what the processor and our own bank have.

use domain::reconciliation::Cover;
use sea_orm::FromQueryResult;

use crate::Failure;
use crate::market::Market;
use crate::sql::sql;

/// What only the comparison of a day that is over finds out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Daily {
    /// What of the money of others is nowhere, in cents; none where the processor did not say what it has.
    pub uncovered: Option<i64>,
}

impl Daily {
    /// Say so where somebody looks.
    pub fn tell(self) {
        let Some(uncovered) = self.uncovered else { return };
        if uncovered > 0 {
            tracing::error!(cents = uncovered, "money of others is neither at the processor nor at our own bank");
        }
    }
}

#[derive(FromQueryResult)]
struct Sums {
    held: i64,
    leaving: i64,
    swept: i64,
    by_bank: i64,
}

impl Market {
    /// What of the money of others is nowhere, in cents, where `swept` cents went to our own bank since the last day that
    /// was compared.
    pub(super) async fn uncovered(&self, swept: i64) -> Option<i64> {
        match self.looked_for(swept).await {
            // What came while it was looked is in the books already and not in the sum of the processor.
            Ok(missing) if missing > 0 => self.looked_for(swept).await.ok().map(|again| again.min(missing)),
            Ok(missing) => Some(missing),
            Err(failure) => {
                tracing::error!(error = %failure, "the processor's balance could not be read");
                None
            }
        }
    }

    async fn looked_for(&self, swept: i64) -> Result<i64, Failure> {
        let balance = self.payments().balance(self).await?;
        let tx = self.long_look().await?;
        let select = sql(
            "select
                 (select coalesce(sum(balance_minor), 0)::bigint from ledger_balances
                  where ledger_guarded(account) and currency = 'USD') as held,
                 (select coalesce(sum(amount_minor), 0)::bigint from payouts
                  where status in ('sent', 'in_transit', 'unknown')
                      and state ->> 'rail' in ('global_payouts', 'recipient_account')) as leaving,
                 (select coalesce(sum(amount_minor), 0)::bigint from payouts
                  where status = 'paid' and state ->> 'rail' in ('bank_wire', 'manual')) as by_bank,
                 (select coalesce(sum(case total ->> 'flow' when 'out' then 1 else -1 end
                      * (total -> 'processor' ->> 'minor')::bigint), 0)::bigint
                  from reconciliations cross join jsonb_array_elements(report -> 'totals') total
                  where daily and source = $1 and total ->> 'class' = 'own' and total ->> 'currency' = 'USD') as swept",
            [self.payments().source().into()],
        );
        let sums = Sums::find_by_statement(select).one(&tx).await?;
        tx.rollback().await?;
        let Some(Sums { held, leaving, swept: before, by_bank }) = sums else { return Ok(0) };
        let swept = before.saturating_add(swept);
        Ok(Cover { held, leaving, balance, swept, by_bank }.uncovered())
    }
}
