-- When each was last heard of, whatever it said: where nobody is, it may be our own network that is down.
alter table webhook_endpoints add column answered_at timestamptz;
