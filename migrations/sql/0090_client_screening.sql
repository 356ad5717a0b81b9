-- Clients' names on lists, for our people to look at.
create table screening_hits (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    name            text not null check (name <> ''),
    -- The name without what does not matter: case, punctuation, the order of words.
    words           text not null check (words <> ''),
    listed          text not null check (listed <> ''),
    found_at        timestamptz not null,
    status          text not null check (status in ('open', 'cleared')),
    state           jsonb not null,
    cleared_by      uuid references users (id),
    version         bigint not null,
    constraint screening_hits_cleared check ((status = 'cleared') = (cleared_by is not null))
);
-- What was found to be nothing is not found again.
create unique index screening_hits_once on screening_hits (organization_id, words, listed);
create index screening_hits_open on screening_hits (organization_id) where status = 'open';

-- Under which names each client was screened last.
create table client_screenings (
    organization_id uuid primary key references organizations (id),
    names           text[] not null,
    screened_at     timestamptz not null
);

-- When all clients were screened, and against which list.
create table screening_sweeps (
    id       bigint generated always as identity primary key,
    list     text not null,
    begun_at timestamptz not null,
    ended_at timestamptz,
    clients  bigint not null default 0,
    hits     bigint not null default 0
);
