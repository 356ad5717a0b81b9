-- A client is known by its gigs that are over and by whether it has paid. When that changes, the index looks at all of
-- its open gigs again: one line for all of them.

alter table matching_changes drop constraint matching_changes_kind_check;
alter table matching_changes add constraint matching_changes_kind_check check (kind in ('person', 'gig', 'client'));

create function matching_client_changed() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject) values ('client', (to_jsonb(new) ->> tg_argv[0])::uuid);
    return null;
end $$;
-- Only the first payment says anything new.
create function matching_client_paid() returns trigger language plpgsql as $$
begin
    if not exists (select 1 from payments
                   where organization_id = new.organization_id and status = 'succeeded' and id <> new.id) then
        insert into matching_changes (kind, subject) values ('client', new.organization_id);
    end if;
    return null;
end $$;

create trigger matching_client_changed after update on gigs
    for each row when ((old.state in ('filled', 'expired', 'cancelled')) is distinct from
                       (new.state in ('filled', 'expired', 'cancelled')))
    execute function matching_client_changed('client_id');
create trigger matching_client_paid after insert on payments
    for each row when (new.status = 'succeeded')
    execute function matching_client_paid();
create trigger matching_client_paid_later after update on payments
    for each row when ((old.status = 'succeeded') is distinct from (new.status = 'succeeded'))
    execute function matching_client_paid();
