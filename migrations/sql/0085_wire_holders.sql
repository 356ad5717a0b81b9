-- Who of our people has a file for the bank: one of them gives it to the bank, and another gets it only by taking it over.
-- Of files that were taken before nobody is known to have them.
alter table wire_batches
    add column taken_by uuid references users (id),
    add constraint wire_batches_taken check (taken_by is null or taken_at is not null);
