-- The number of an invoice stays what it was when it was first printed: a payment gets it as it succeeds, from its
-- organization's counter, in the same transaction.

create table invoice_counters (
    organization_id uuid primary key references organizations (id),
    last            bigint not null check (last > 0)
);
alter table payments
    add column invoice_number bigint check (invoice_number > 0),
    add constraint payments_invoice_number_once unique (organization_id, invoice_number);

-- As they were counted until now.
update payments set invoice_number = counted.number
from (select id, row_number() over (partition by organization_id order by state ->> 'succeeded_at', id) as number
      from payments where status = 'succeeded') counted
where counted.id = payments.id;
insert into invoice_counters
select organization_id, max(invoice_number) from payments where invoice_number is not null group by organization_id;

-- After the row is written, and not before: a write that finds the row there already would count twice.
create function payments_take_number() returns trigger language plpgsql as $$
declare
    given bigint;
begin
    insert into invoice_counters as counter values (new.organization_id, 1)
    on conflict (organization_id) do update set last = counter.last + 1
    returning last into given;
    update payments set invoice_number = given where id = new.id;
    return null;
end $$;
create trigger payments_take_number after insert or update on payments for each row
    when (new.status = 'succeeded' and new.invoice_number is null) execute function payments_take_number();

-- A number that was given is never another's, and never another.
create function payments_keep_number() returns trigger language plpgsql as $$
begin
    if new.invoice_number is distinct from old.invoice_number then
        raise exception 'the number of an invoice does not change' using errcode = 'check_violation',
            constraint = 'payments_keep_number';
    end if;
    return new;
end $$;
create trigger payments_keep_number before update on payments for each row
    when (old.invoice_number is not null) execute function payments_keep_number();
