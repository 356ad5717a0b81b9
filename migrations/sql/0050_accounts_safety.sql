-- What keeps an account safe: codes to its mailbox, a second proof, and how fresh the first one is.

-- When the person last proved in this session who they are.
alter table sessions add column proved_at timestamptz;
update sessions set proved_at = created_at;
alter table sessions alter column proved_at set not null;

-- A code itself is nowhere: it is the id and a proof that only our keys make. An address that has no
-- account gets a row like any other, so that asking takes the same time, and no letter.
create table mail_codes (
    id         uuid primary key,
    purpose    text not null check (purpose in ('verify_email', 'reset_password', 'change_email')),
    user_id    uuid references users (id),
    email      text not null check (email = lower(email) and length(email) between 3 and 254),
    former     text check (former = lower(former)),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index mail_codes_of_user on mail_codes (user_id) where used_at is null;
create index mail_codes_over on mail_codes (expires_at);

-- The secret that an authenticator app shares with us, sealed. It counts once a first code was right.
create table second_factors (
    user_id      uuid primary key references users (id),
    secret       bytea not null,
    enrolled_at  timestamptz not null,
    confirmed_at timestamptz,
    -- The last step of time whose code was used: no code works twice.
    last_step    bigint not null default 0
);

-- Recovery codes, as hashes: they are long and random.
create table recovery_codes (
    hash       bytea primary key check (length(hash) = 32),
    user_id    uuid not null references users (id),
    created_at timestamptz not null,
    used_at    timestamptz
);
create index recovery_codes_of_user on recovery_codes (user_id);

-- Nothing is left of the person but the id, which books and contracts refer to.
alter table users add column erased_at timestamptz;
alter table users add constraint users_erased_whole
    check (erased_at is null or email like '%@erased.invalid');
