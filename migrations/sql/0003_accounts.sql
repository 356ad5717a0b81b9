-- Accounts: how people sign in, where they are signed in, and how often they may try.

alter table users
    add column time_zone         text not null default 'UTC',
    add column locale            text not null default 'en',
    add column email_verified_at timestamptz,
    add column version           bigint not null default 1;

-- Apart from users, so that reading a person never reads this.
create table passwords (
    user_id    uuid primary key references users (id),
    hash       text not null,
    changed_at timestamptz not null
);

-- A person, signed in on one device. It lives until expires_at, unless it was ended.
create table sessions (
    id           uuid primary key,
    user_id      uuid not null references users (id),
    agent        text check (length(agent) <= 400),
    address      text,
    created_at   timestamptz not null,
    refreshed_at timestamptz not null,
    expires_at   timestamptz not null,
    ended_at     timestamptz,
    ending       text check (ending in ('signed_out', 'revoked', 'refresh_reused', 'password_changed')),
    constraint sessions_ending check ((ended_at is null) = (ending is null))
);
create index sessions_of_user on sessions (user_id, id);

-- Every refresh token a session ever had, as a hash. A used one that comes again ends the session.
create table refresh_tokens (
    hash       bytea primary key check (length(hash) = 32),
    session_id uuid not null references sessions (id),
    created_at timestamptz not null,
    used_at    timestamptz
);
create index refresh_tokens_of_session on refresh_tokens (session_id);

-- Attempts that are counted: sign-ins, resets, mails.
create table throttles (
    bucket    text primary key,
    attempts  bigint not null,
    resets_at timestamptz not null
);
