-- The ground everything stands on: people, organizations, what happened (events), what is due
-- (timers), and which requests were answered before (idempotency).

create table users (
    id           uuid primary key,
    email        text not null,
    name         text not null,
    -- What the person does for the platform, if anything.
    staff        text check (staff in ('mediator', 'admin')),
    suspended_at timestamptz,
    created_at   timestamptz not null,
    constraint users_email_lower check (email = lower(email) and length(email) between 3 and 254),
    constraint users_name_length check (length(name) between 1 and 120)
);
create unique index users_email_key on users (email);

create table organizations (
    id         uuid primary key,
    name       text not null,
    website    text,
    about      text not null default '',
    version    bigint not null default 1,
    created_at timestamptz not null,
    constraint organizations_name_length check (length(name) between 2 and 120)
);

create table members (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    user_id         uuid not null references users (id),
    role            text not null check (role in ('owner', 'admin', 'finance', 'recruiter', 'hiring_manager', 'viewer')),
    created_at      timestamptz not null,
    constraint members_once unique (organization_id, user_id)
);
create index members_of_user on members (user_id);
-- An organization has exactly one owner.
create unique index members_one_owner on members (organization_id) where role = 'owner';

-- What happened. A row is written in the transaction that made it true, and told at least once.
create table events (
    id          uuid primary key,
    sequence    bigint generated always as identity,
    name        text not null,
    body        jsonb not null,
    trace       text not null,
    occurred_at timestamptz not null,
    -- Delivery to the worker's reactions: next try, and the end of a try under way.
    due_at      timestamptz not null,
    attempts    integer not null default 0,
    last_error  text,
    done_at     timestamptz,
    parked_at   timestamptz
);
create index events_due on events (due_at, sequence) where done_at is null and parked_at is null;
create unique index events_sequence on events (sequence);

-- What is due. At most one timer of a kind for an object.
create table timers (
    kind         text not null,
    subject      uuid not null,
    due_at       timestamptz not null,
    -- While a worker is at it, nobody else takes it up before this instant.
    leased_until timestamptz,
    attempts     integer not null default 0,
    last_error   text,
    primary key (kind, subject)
);
create index timers_due on timers (due_at);

-- The first answer to each request that carried an idempotency key.
create table idempotency (
    -- Whose keys these are.
    caller     text not null,
    key        text not null,
    operation  text not null,
    body_hash  bytea not null,
    answer     jsonb not null,
    created_at timestamptz not null,
    primary key (caller, key),
    constraint idempotency_key_length check (length(key) between 1 and 128)
);
create index idempotency_age on idempotency using brin (created_at);

-- Take a key until the transaction ends, waiting for whoever has it; then the answer that was kept
-- with it, if there is one. Each statement here sees what was committed before it.
create function idempotency_claim(caller text, key text) returns setof idempotency language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(idempotency_claim.key, hashtextextended(idempotency_claim.caller, 25)));
    return query select kept.* from idempotency kept
        where kept.caller = idempotency_claim.caller and kept.key = idempotency_claim.key;
end $$;

-- Acts on money, access and by staff, for whoever has to find out later. Append-only.
create table audit_log (
    id      uuid primary key,
    at      timestamptz not null,
    actor   text not null,
    act     text not null,
    subject text not null,
    detail  jsonb not null default '{}',
    trace   text not null
);
create index audit_log_subject on audit_log (subject, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger audit_log_append_only before update or delete on audit_log for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log for each statement execute function refuse_change();
