-- A correction of what banks did with a payment is about one of the chargebacks of that payment, and counts for no other.

-- Which payment a chargeback takes back, where that is known, and when it was told of first, whatever it does afterwards.
alter table chargebacks
    add column payment_id uuid references payments (id),
    add column told_at timestamptz;
update chargebacks set payment_id = payments.id
from (select m.organization_id, c.value ->> 'reference' as reference, c.value ->> 'payment' as payment
      from milestones m, jsonb_array_elements(m.chargebacks || m.early_chargebacks) c
      union
      select t.organization_id, c.value ->> 'reference', c.value ->> 'payment'
      from timesheets t, jsonb_array_elements(t.chargebacks || t.early_chargebacks) c) taken
join payments on payments.organization_id = taken.organization_id and public_id('pay', payments.id) = taken.payment
where chargebacks.organization_id = taken.organization_id and chargebacks.reference = taken.reference;
update chargebacks set told_at = coalesce((
    select min(received_at) from processor_events
    where source = 'stripe' and id in (chargebacks.reference || ':charged_back', chargebacks.reference || ':won')), opened_at);
alter table chargebacks alter column told_at set not null;
create index chargebacks_of_payment on chargebacks (payment_id);

-- By the processor's name for it. None of a correction that was proposed while no chargeback of its payment was known: it
-- is about the first one that was told of.
alter table corrections
    add column chargeback text,
    add constraint corrections_of_chargebacks check (chargeback is null or class = 'dispute');

drop trigger corrections_stay on corrections;
create trigger corrections_stay before update on corrections for each row
    when (old.from_account is distinct from new.from_account
        or old.to_account is distinct from new.to_account
        or old.currency is distinct from new.currency
        or old.amount_minor is distinct from new.amount_minor
        or old.reason is distinct from new.reason
        or old.class is distinct from new.class
        or old.about is distinct from new.about
        or old.chargeback is distinct from new.chargeback
        or old.reconciliation_id is distinct from new.reconciliation_id
        or old.came_with is distinct from new.came_with
        or old.entry_key is distinct from new.entry_key
        or old.proposed_by is distinct from new.proposed_by
        or old.proposed_at is distinct from new.proposed_at
        or old.status <> 'proposed' and (old.status is distinct from new.status
            or old.approved_by is distinct from new.approved_by or old.state is distinct from new.state))
    execute function correction_stays();
