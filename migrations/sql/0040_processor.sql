-- A real processor of payments: what it may answer, whose customer is whose, and what it tells us.

alter table payments drop constraint payments_status_check;
alter table payments add constraint payments_status_check check
    (status in ('starting', 'unknown', 'requires_action', 'processing', 'succeeded', 'failed'));

-- What lets a client's page go on with the processor: sealed, and only while there is something to go on with.
create table payment_secrets (
    payment_id uuid primary key references payments (id),
    sealed     bytea not null
);
create index payments_unknown on payments (created_at) where status = 'unknown';
update payments set state = state - 'client_secret' where state ? 'client_secret';

-- The event that asks for a payment: its id is the key under which the processor is asked.
create index events_asking on events ((body ->> 'payment'))
    where name in ('milestone_funding_started', 'timesheet_charge_started');
-- How often it was put off because somebody outside was not there; that is no fault of its own.
alter table events add column postponed integer not null default 0;

-- What an organization is called at the processor.
create table processor_customers (
    organization_id uuid primary key references organizations (id),
    customer        text not null unique check (length(customer) between 1 and 255),
    created_at      timestamptz not null
);

-- What the processor calls a payment. It is looked at again until it is over, should nothing be heard.
create table processor_intents (
    intent     text primary key check (length(intent) between 1 and 255),
    payment_id uuid not null references payments (id),
    created_at timestamptz not null,
    -- When to look next; none once it is over.
    look_at    timestamptz,
    looks      integer not null default 0
);
create index processor_intents_of_payment on processor_intents (payment_id);
create index processor_intents_due on processor_intents (look_at) where look_at is not null;

-- What was told at our door, kept before it is acted on. Only what it is about: the processor itself is
-- asked how that stands, so that the order in which things are told does not matter.
create table webhook_events (
    source      text not null check (source in ('stripe')),
    id          text not null check (length(id) between 1 and 255),
    type        text not null check (length(type) between 1 and 255),
    object      text not null check (length(object) <= 255),
    told_at     timestamptz not null,
    received_at timestamptz not null,
    -- How often it was told.
    times       integer not null default 1,
    due_at      timestamptz not null,
    attempts    integer not null default 0,
    last_error  text,
    -- 'acted' or 'ignored', once that is known.
    outcome     text check (outcome in ('acted', 'ignored')),
    done_at     timestamptz,
    parked_at   timestamptz,
    primary key (source, id),
    constraint webhook_events_done check ((outcome is null) = (done_at is null))
);
create index webhook_events_due on webhook_events (due_at) where done_at is null and parked_at is null;
create index webhook_events_parked on webhook_events (parked_at) where parked_at is not null;
