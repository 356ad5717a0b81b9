-- Whose word it is. None was kept before it was asked for.
alter table payment_mandates add column given_by uuid not null references users (id);
create index payment_mandates_of_person on payment_mandates (given_by);
