-- What our people look at: payouts that wait for them, and what somebody did.

alter table payouts add column waits_for_staff boolean not null default false;
update payouts set waits_for_staff = status = 'blocked'
    or (status = 'queued' and state ->> 'rail' = 'manual' and jsonb_array_length(state -> 'approvals') < 2);
alter table payouts alter column waits_for_staff drop default;
alter table payouts add constraint payouts_waits_for_staff
    check (case status when 'blocked' then waits_for_staff when 'queued' then true else not waits_for_staff end);
create index payouts_waiting on payouts (id) where waits_for_staff;

-- Lines of one instant have an order too.
alter table audit_log add column sequence bigint generated always as identity;
create unique index audit_log_sequence on audit_log (sequence);
drop index audit_log_subject;
create index audit_log_subject on audit_log (subject, sequence);
create index audit_log_actor on audit_log (actor, sequence);
