-- Passkeys, and the challenges they are asked to sign.

-- Of a key pair in somebody's device the public half is here: it proves things, and opens nothing.
create table passkeys (
    id              uuid primary key,
    user_id         uuid not null references users (id),
    name            text not null check (length(name) between 1 and 80),
    credential      bytea not null check (length(credential) between 1 and 1023),
    public_key      bytea not null check (length(public_key) between 1 and 2048),
    -- How often the device says it has signed: a 32-bit number without a sign.
    counter         bigint not null check (counter between 0 and 4294967295),
    backup_eligible boolean not null,
    backed_up       boolean not null check (backup_eligible or not backed_up),
    transports      jsonb not null check (jsonb_typeof(transports) = 'array'),
    created_at      timestamptz not null,
    last_used_at    timestamptz,
    constraint passkeys_credential_key unique (credential)
);
create index passkeys_of_user on passkeys (user_id, id);

-- A challenge goes when it is answered, rightly or not: so it is answered once.
create table passkey_ceremonies (
    id         uuid primary key,
    purpose    text not null check (purpose in ('add', 'sign_in', 'prove')),
    user_id    uuid references users (id),
    session_id uuid references sessions (id),
    challenge  bytea not null check (length(challenge) = 32),
    expires_at timestamptz not null,
    -- Whoever signs in is nobody yet; everything else is done by somebody.
    constraint passkey_ceremonies_held
        check ((purpose = 'sign_in') = (user_id is null) and (user_id is null) = (session_id is null))
);
create index passkey_ceremonies_over on passkey_ceremonies (expires_at);
create index passkey_ceremonies_of_user on passkey_ceremonies (user_id) where user_id is not null;
