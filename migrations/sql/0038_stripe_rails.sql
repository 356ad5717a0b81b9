-- Payouts by the processor's own rails: what a bank account is called there, what was handed over, and which rails
-- the processor has told us not to use.

create table stripe_payees (
    method_id     uuid not null references payout_methods (id),
    rail          text not null check (rail in ('global_payouts', 'recipient_account')),
    -- The processor's names: of the person's account there, and of the bank account in it.
    account       text not null check (length(account) between 1 and 255),
    payout_method text check (length(payout_method) between 1 and 255),
    created_at    timestamptz not null,
    primary key (method_id, rail)
);

-- A transfer is asked for under one idempotency key, however often it is handed over.
create table stripe_transfers (
    key             text primary key,
    payout_id       uuid not null references payouts (id),
    method_id       uuid not null references payout_methods (id),
    attempt         integer not null check (attempt >= 0),
    rail            text not null check (rail in ('global_payouts', 'recipient_account')),
    idempotency_key text not null check (length(idempotency_key) between 1 and 255),
    amount_minor    bigint not null check (amount_minor > 0),
    asked_at        timestamptz not null,
    -- The processor's names: of the transfer, and of what went on from the person's account there to their bank.
    reference       text unique check (length(reference) between 1 and 255),
    onward          text unique check (length(onward) between 1 and 255)
);
create index stripe_transfers_of_payout on stripe_transfers (payout_id);

-- Rails that the processor wants to approve first. An operator opens them again.
create table rail_closures (
    rail      text primary key check (rail in ('global_payouts', 'recipient_account')),
    reason    text not null check (length(reason) between 1 and 500),
    closed_at timestamptz not null
);
