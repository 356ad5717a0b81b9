-- A credit note for each refund that went back to a card or an account: numbered for each client as invoices are, from the
-- moment it went back on, and for good. One that comes back later keeps its number.

create table credit_note_counters (
    organization_id uuid primary key references organizations (id),
    last            bigint not null check (last > 0)
);
create table credit_notes (
    refund_id       uuid primary key references payment_refunds (id),
    organization_id uuid not null references organizations (id),
    number          bigint not null check (number > 0),
    issued_at       timestamptz not null,
    constraint credit_notes_number_once unique (organization_id, number)
);

-- Those of until now.
insert into credit_notes
select id, organization_id, row_number() over (partition by organization_id order by state ->> 'succeeded_at', id),
       coalesce((state ->> 'succeeded_at')::timestamptz, created_at)
from payment_refunds where status = 'succeeded';
insert into credit_note_counters select organization_id, max(number) from credit_notes group by organization_id;

create function payment_refunds_take_number() returns trigger language plpgsql as $$
declare
    given bigint;
begin
    if exists (select from credit_notes where refund_id = new.id) then
        return null;
    end if;
    insert into credit_note_counters as counter values (new.organization_id, 1)
    on conflict (organization_id) do update set last = counter.last + 1
    returning last into given;
    insert into credit_notes
    values (new.id, new.organization_id, given, coalesce((new.state ->> 'succeeded_at')::timestamptz, new.created_at));
    return null;
end $$;
create trigger payment_refunds_take_number after insert or update on payment_refunds for each row
    when (new.status = 'succeeded') execute function payment_refunds_take_number();

create trigger credit_notes_stay before update or delete on credit_notes
    for each row execute function refuse_change();
create trigger credit_notes_no_truncate before truncate on credit_notes
    for each statement execute function refuse_change();
