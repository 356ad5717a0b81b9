-- Once a day: what of the money of others is neither at the processor nor at our own bank, in cents; none where nobody
-- looked, or the processor did not say what it has.
alter table reconciliations
    add column uncovered_minor bigint check (uncovered_minor >= 0),
    add constraint reconciliations_uncovered_daily check (daily or uncovered_minor is null);
