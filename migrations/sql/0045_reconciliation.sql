-- Reconciliation: the processor's own account of our balance, as the sandbox keeps it, and what comparing
-- it with the books found.

-- What moved on our balance at the sandbox processor. Told ahead where the sandbox knows what will happen.
create table sandbox_balance (
    id           text primary key,
    about        text,
    class        text not null check (class in ('payment', 'refund', 'dispute', 'payout', 'fee')),
    flow         text not null check (flow in ('in', 'out')),
    currency     text not null,
    amount_minor bigint not null check (amount_minor > 0),
    fee_minor    bigint not null default 0 check (fee_minor >= 0),
    at           timestamptz not null
);
create index sandbox_balance_at on sandbox_balance (at);

-- What happened before this account was kept.
insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)
select 'txn_' || event.id, event.body ->> 'payment',
       case fact ->> 'kind' when 'succeeded' then 'payment' else 'dispute' end,
       case fact ->> 'kind' when 'charged_back' then 'out' else 'in' end,
       'USD', intent.total_minor, event.deliver_at
from sandbox_events event
cross join lateral (select event.body -> 'fact' as fact) as told
join sandbox_intents intent on intent.payment = event.body ->> 'payment'
where fact ->> 'kind' in ('succeeded', 'charged_back', 'chargeback_won');

insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)
select 'txn_' || transfer.key, split_part(transfer.key, ':', 1), 'payout', 'out', 'USD', transfer.amount_minor,
       transfer.accepted_at
from sandbox_transfers transfer
union all
select 'txn_' || transfer.key || ':back', split_part(transfer.key, ':', 1), 'payout', 'in', 'USD',
       transfer.amount_minor, transfer.accepted_at + interval '10 minutes'
from sandbox_transfers transfer where transfer.iban_last4 = '0002';

insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)
select 'txn_' || reference, substr(reference, length('re_sandbox_') + 1), 'refund', 'out',
       refund.amount ->> 'currency', (refund.amount ->> 'minor')::bigint,
       (refund.state ->> 'succeeded_at')::timestamptz
from payment_refunds refund
cross join lateral (select refund.state ->> 'reference' as reference) as named
where refund.status = 'succeeded' and starts_with(reference, 're_sandbox_');

-- Entries of a stretch of time are found without an index that each release would have to keep.
create index ledger_entries_posted_at on ledger_entries using brin (posted_at) with (pages_per_range = 16);

create table reconciliations (
    id          uuid primary key,
    source      text not null,
    daily       boolean not null,
    from_at     timestamptz not null,
    until_at    timestamptz not null check (until_at > from_at),
    made_at     timestamptz not null,
    agree       bigint not null check (agree >= 0),
    differences integer not null check (differences >= 0),
    report      jsonb not null
);
-- Each day is reconciled once, whichever worker comes first.
create unique index reconciliations_once_a_day on reconciliations (source, until_at) where daily;
create index reconciliations_made on reconciliations (id desc);
