-- A grant is for one clock of a milestone or a week: one that begins to run when that was stopped is given its own. Those
-- from before don't say for which, and stand for all. A grant begins when its clock did, or with the outage, so no two of
-- one outage begin at the same time.
alter table outage_grants add column since timestamptz;
alter table outage_grants drop constraint outage_grants_pkey;
create unique index outage_grants_once on outage_grants (outage_id, subject, since) nulls not distinct;

-- Where the worker goes on with it; null before it was begun, and when all of it was looked at.
alter table outages add column place jsonb;
