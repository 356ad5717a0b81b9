-- Papers that were handed in say the same when they are made again, whatever their people are called by then.

-- Whom an invoice names, as they were called when the money came.
create table invoice_names (
    payment_id uuid primary key references payments (id),
    client     text not null,
    freelancer text not null,
    -- The zone that the invoice's day is told in: that of the client's owner.
    time_zone  text not null
);

-- Those of until now, as they are called today.
insert into invoice_names
select payment.id, client.name, freelancer.name, coalesce(owner.time_zone, 'UTC')
from payments payment
left join milestones milestone on milestone.id = payment.milestone_id
left join timesheets week on week.id = payment.timesheet_id
join organizations client on client.id = payment.organization_id
join users freelancer on freelancer.id = coalesce(milestone.freelancer_id, week.freelancer_id)
left join lateral (
    select person.time_zone from members member join users person on person.id = member.user_id
    where member.organization_id = payment.organization_id and member.role = 'owner' order by member.id limit 1) owner on true
where payment.invoice_number is not null;

-- As before, and with the names.
create or replace function payments_take_number() returns trigger language plpgsql as $$
declare
    given bigint;
begin
    insert into invoice_counters as counter values (new.organization_id, 1)
    on conflict (organization_id) do update set last = counter.last + 1
    returning last into given;
    update payments set invoice_number = given where id = new.id;
    insert into invoice_names (payment_id, client, freelancer, time_zone)
    select new.id, client.name, freelancer.name, coalesce(owner.time_zone, 'UTC')
    from organizations client
    join users freelancer on freelancer.id = coalesce(
        (select work.freelancer_id from milestones work where work.id = new.milestone_id),
        (select work.freelancer_id from timesheets work where work.id = new.timesheet_id))
    left join lateral (
        select person.time_zone from members member join users person on person.id = member.user_id
        where member.organization_id = client.id and member.role = 'owner' order by member.id limit 1) owner on true
    where client.id = new.organization_id;
    return null;
end $$;

-- Whom a payout was sent to, as was known when it was last handed to a rail.
create table payout_beneficiaries (
    payout_id  uuid primary key references payouts (id),
    name       text not null,
    latin_name text,
    urdu_name  text,
    address    text,
    phone      text,
    cnic_last4 text,
    ntn_last4  text
);

insert into payout_beneficiaries
select payout.id, person.name, payee.latin_name, payee.urdu_name, payee.address, payee.phone, payee.cnic_last4, payee.ntn_last4
from payouts payout join users person on person.id = payout.user_id
left join payees payee on payee.user_id = payout.user_id
where payout.status in ('sent', 'in_transit', 'paid', 'returned', 'unknown');

create function payouts_keep_beneficiary() returns trigger language plpgsql as $$
begin
    insert into payout_beneficiaries
    select new.id, person.name, payee.latin_name, payee.urdu_name, payee.address, payee.phone, payee.cnic_last4, payee.ntn_last4
    from users person left join payees payee on payee.user_id = person.id where person.id = new.user_id
    on conflict (payout_id) do update set name = excluded.name, latin_name = excluded.latin_name,
        urdu_name = excluded.urdu_name, address = excluded.address, phone = excluded.phone,
        cnic_last4 = excluded.cnic_last4, ntn_last4 = excluded.ntn_last4;
    return null;
end $$;
create trigger payouts_keep_beneficiary after update on payouts for each row
    when (new.status = 'sent' and (old.status <> 'sent' or old.attempt <> new.attempt))
    execute function payouts_keep_beneficiary();
