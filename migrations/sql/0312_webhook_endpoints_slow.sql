-- Those that were slow to answer the last time have places of their own.
alter table webhook_endpoints add column slow boolean not null default false;
drop index webhook_endpoints_due;
create index webhook_endpoints_due on webhook_endpoints (slow, due_at, id)
    where status = 'enabled' and due_at is not null;
