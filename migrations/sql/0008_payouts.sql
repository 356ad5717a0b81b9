-- Payouts: bank accounts, encrypted, and the money on its way to them.

create table payout_methods (
    id            uuid primary key,
    user_id       uuid not null references users (id),
    -- The account number is kept encrypted, and found again only by its keyed hash.
    iban_sealed   bytea not null,
    iban_lookup   bytea not null,
    iban_last4    text not null check (length(iban_last4) = 4),
    bank          text not null check (length(bank) = 4),
    account_title text not null check (length(account_title) between 1 and 140),
    added_at      timestamptz not null,
    usable_from   timestamptz not null,
    removed_at    timestamptz
);
create unique index payout_methods_once on payout_methods (user_id, iban_lookup) where removed_at is null;
create index payout_methods_of_user on payout_methods (user_id, id);

create table payouts (
    id           uuid primary key,
    user_id      uuid not null references users (id),
    method_id    uuid not null references payout_methods (id),
    currency     text not null check (currency in ('USD', 'PKR')),
    amount_minor bigint not null check (amount_minor > 0),
    purpose_code text not null check (length(purpose_code) between 1 and 20),
    terms        jsonb not null,
    version      bigint not null,
    attempt      integer not null check (attempt >= 0),
    requested_at timestamptz not null,
    status       text not null check (status in ('requested', 'screening', 'blocked', 'queued', 'sent', 'in_transit', 'paid', 'returned', 'unknown', 'cancelled')),
    state        jsonb not null,
    constraint payouts_state_agrees check (state ->> 'status' = status)
);
create index payouts_of_user on payouts (user_id, id);

-- The sandbox rail keeps its own books, as a real one would.
create table sandbox_transfers (
    key         text primary key,
    reference   text not null,
    iban_last4  text not null,
    amount_minor bigint not null,
    accepted_at timestamptz not null
);
