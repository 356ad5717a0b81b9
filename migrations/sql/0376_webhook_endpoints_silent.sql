-- Whenever an endpoint does not answer it is looked whether anybody answered since, and whether others don't: however many
-- there are, that reads the newest answer, and one of those that take nothing.
create index webhook_endpoints_answered on webhook_endpoints (answered_at);
create index webhook_endpoints_failing on webhook_endpoints (organization_id)
    where status = 'enabled' and failing_since is not null;
