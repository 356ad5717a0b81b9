-- Where the programs of organizations are told of what happens to their things, what signs it, and what was sent.

create table webhook_endpoints (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    url             text not null check (length(url) between 1 and 2000),
    events          jsonb not null check (jsonb_typeof(events) = 'array'),
    status          text not null check (status in ('enabled', 'disabled', 'failed')),
    failing_since   timestamptz,
    created_at      timestamptz not null,
    -- When it has something to be sent, at the earliest; nothing if nothing waits.
    due_at          timestamptz,
    -- Until when it is left alone, because it does not take anything.
    resting_until   timestamptz,
    -- Until when one worker alone sends it something.
    leased_until    timestamptz
);
create index webhook_endpoints_of_organization on webhook_endpoints (organization_id, id);
create index webhook_endpoints_due on webhook_endpoints (due_at, id) where status = 'enabled' and due_at is not null;

-- The newest has no end; those it took the place of sign beside it until theirs.
create table webhook_secrets (
    id           uuid primary key,
    endpoint_id  uuid not null references webhook_endpoints (id) on delete cascade,
    sealed       bytea not null,
    created_at   timestamptz not null,
    signs_until  timestamptz
);
create index webhook_secrets_of_endpoint on webhook_secrets (endpoint_id, id);
create unique index webhook_secrets_newest on webhook_secrets (endpoint_id) where signs_until is null;

create table webhook_deliveries (
    id              uuid primary key,
    endpoint_id     uuid not null references webhook_endpoints (id) on delete cascade,
    organization_id uuid not null references organizations (id),
    event           text not null,
    -- What happened may be nothing: somebody tried whether the endpoint hears.
    event_id        uuid not null,
    subject         text not null,
    occurred_at     timestamptz not null,
    created_at      timestamptz not null,
    status          text not null check (status in ('waiting', 'delivered', 'given_up')),
    attempts        integer not null check (attempts >= 0),
    due_at          timestamptz not null,
    give_up_at      timestamptz,
    last_tried_at   timestamptz,
    last_status     integer,
    last_trouble    text,
    constraint webhook_deliveries_once unique (endpoint_id, event_id)
);
create index webhook_deliveries_of_endpoint on webhook_deliveries (endpoint_id, id);
create index webhook_deliveries_waiting on webhook_deliveries (endpoint_id, due_at, id) where status = 'waiting';
create index webhook_deliveries_by_age on webhook_deliveries (created_at);
