-- What a gig was like when searches were last tried with it: it is tried anew only when that is another. Where a turn had
-- not come to its end, it begins anew; nobody is told twice.
delete from saved_search_turns;
alter table saved_search_turns add column looked_like bytea not null;
-- None once all were tried.
alter table saved_search_turns alter column tried_to drop not null;
