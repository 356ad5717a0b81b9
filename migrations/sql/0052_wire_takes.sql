-- When a file was first taken: until then a payout can still be taken out of it. And who of our people has what it takes
-- to send a payout by hand.
alter table wire_batches
    add column taken_at timestamptz,
    drop constraint wire_batches_lines_check,
    drop constraint wire_batches_total_minor_check,
    add constraint wire_batches_adds_up check (lines >= 0 and total_minor >= 0 and (lines > 0) = (total_minor > 0));
-- Those that were made before may all have been taken.
update wire_batches set taken_at = made_at;
alter table wire_lines add column taken_by uuid references users (id);

-- Until when the days on which banks don't work are known: it is said on its own, for one day far ahead says nothing of
-- those before it.
create table bank_calendars (
    country     text primary key check (country in ('US', 'PK')),
    known_until date not null
);
insert into bank_calendars values ('US', '2027-12-31'), ('PK', '2027-12-31');
