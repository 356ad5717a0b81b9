-- How many times a transfer was asked for that may have been heard: what was put off each time was never asked for.
alter table stripe_transfers add column asks integer not null default 1 check (asks >= 0);
