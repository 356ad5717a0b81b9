-- The word that a client gave with a payment that it may be taken. A bank account is debited on that alone, and who was
-- debited may ask for it years later: it is added with the payment, and never changed.
create table payment_mandates (
    payment_id uuid primary key references payments (id),
    given_by   uuid not null references users (id),
    given_at   timestamptz not null,
    address    text not null check (length(address) between 2 and 45),
    agent      text not null check (length(agent) between 1 and 400)
);
create index payment_mandates_of_person on payment_mandates (given_by);
create trigger payment_mandates_append_only before update or delete on payment_mandates
    for each row execute function refuse_change();
create trigger payment_mandates_no_truncate before truncate on payment_mandates
    for each statement execute function refuse_change();
