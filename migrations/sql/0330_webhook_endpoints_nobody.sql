-- When it was last seen that nobody answered at all while one took nothing: the time before is not counted against it.
alter table webhook_endpoints add column nobody_answered_at timestamptz;
-- When each was last slow: it has a place among the slow for some minutes from then on, however quick it is meanwhile.
alter table webhook_endpoints add column slow_at timestamptz;
