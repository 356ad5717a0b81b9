-- Cards and bank accounts of an organization: until when a card is good, which one is offered first, and those that were
-- removed. Of what was removed a line stays, so that a late word of the processor brings nothing back, until the
-- processor has let go of it and after.
alter table saved_payment_methods
    add column expires_month smallint check (expires_month between 1 and 12),
    add column expires_year  smallint check (expires_year between 2000 and 2999),
    add column preferred_at  timestamptz,
    add column removed_at    timestamptz,
    add column detached_at   timestamptz,
    add constraint saved_payment_methods_expiry check (num_nulls(expires_month, expires_year) in (0, 2)),
    add constraint saved_payment_methods_detached check (detached_at is null or removed_at is not null);
create index saved_payment_methods_to_detach on saved_payment_methods (removed_at)
    where removed_at is not null and detached_at is null;
