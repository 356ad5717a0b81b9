-- What goes back to cards of one payment is no more than came with it, from this side too: who asks for a refund holds
-- the payment's row, so two at once can't both be the last. That one of them may have been thought lost is no matter of
-- the sum: it is counted when it was asked for, and what the processor tells of it later is a fact.

alter table payment_refunds
    add column amount_minor bigint not null generated always as ((amount ->> 'minor')::bigint) stored,
    add constraint payment_refunds_amount check (amount_minor > 0);

create function payment_refunds_keep_to_payment() returns trigger language plpgsql as $$
declare
    came bigint;
    went bigint;
begin
    select total_minor into came from payments where id = new.payment_id for update;
    select coalesce(sum(amount_minor), 0) into went from payment_refunds
    where payment_id = new.payment_id and status <> 'failed';
    if went > came then
        raise exception 'more goes back of a payment than came with it'
            using errcode = 'check_violation', constraint = 'payment_refunds_cap';
    end if;
    return null;
end $$;
create trigger payment_refunds_keep_to_payment after insert on payment_refunds
    for each row execute function payment_refunds_keep_to_payment();
