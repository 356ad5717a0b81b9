-- Money that goes back to a client's card, out of the organization's credit.
create table payment_refunds (
    id              uuid primary key,
    payment_id      uuid not null references payments (id),
    organization_id uuid not null references organizations (id),
    amount          jsonb not null,
    status          text not null check (status in ('started', 'pending', 'succeeded', 'failed')),
    state           jsonb not null,
    created_at      timestamptz not null,
    constraint payment_refunds_state_agrees check (state ->> 'status' = status)
);
create index payment_refunds_of_payment on payment_refunds (payment_id, id);
