-- Who works for us and is a member of the client as well acts on its contracts as the client, and is sealed so.
create function acts_for_client(actor text, contract_id uuid, milestone_id uuid) returns boolean
language plpgsql stable as $$
begin
    return exists (
        select from members
        where organization_id = coalesce(
                (select m.organization_id from milestones m where m.id = acts_for_client.milestone_id),
                (select c.organization_id from contracts c where c.id = acts_for_client.contract_id))
            and public_id('usr', user_id) = acts_for_client.actor);
end $$;

create or replace function settle(facts jsonb) returns void language plpgsql as $$
declare
    at constant timestamptz := facts ->> 'at';
    actor constant text := facts ->> 'actor';
    trace constant text := facts ->> 'trace';
    entry jsonb;
begin
    -- First of all, so that a request with the same key waits here and has done nothing yet.
    if facts ? 'kept' then
        insert into idempotency (caller, key, operation, body_hash, answer, created_at)
        select kept ->> 'caller', kept ->> 'key', kept ->> 'operation', decode(kept ->> 'body_hash', 'base64'), kept -> 'answer', at
        from (values (facts -> 'kept')) as those (kept);
    end if;
    for entry in select value from jsonb_array_elements(facts -> 'entries') loop
        perform ledger_post((entry ->> 'id')::uuid, entry ->> 'reason', entry ->> 'key', (entry ->> 'contract')::uuid,
            (entry ->> 'milestone')::uuid, actor, trace, at, entry -> 'postings',
            (facts ->> 'staff')::boolean
                and not acts_for_client(actor, (entry ->> 'contract')::uuid, (entry ->> 'milestone')::uuid));
    end loop;
    if facts ? 'events' then
        insert into events (id, name, body, trace, occurred_at, due_at, for_client, for_freelancer, contract_id)
        select (event ->> 'id')::uuid, event ->> 'name', event -> 'body', trace, at, at,
            (event ->> 'for_client')::boolean, (event ->> 'for_freelancer')::boolean,
            coalesce((event ->> 'contract')::uuid,
                (select coalesce(m.contract_id, o.contract_id) from milestones m left join offers o on o.id = m.offer_id
                 where m.id = (event ->> 'milestone')::uuid),
                (select contract_id from timesheets where id = (event ->> 'timesheet')::uuid),
                (select contract_id from disputes where id = (event ->> 'dispute')::uuid),
                (select contract_id from reviews where id = (event ->> 'review')::uuid))
        from jsonb_array_elements(facts -> 'events') with ordinality as told (event, place)
        order by place;
    end if;
    if facts ? 'stopped' then
        delete from timers using jsonb_to_recordset(facts -> 'stopped') as stopped (kind text, subject uuid)
        where timers.kind = stopped.kind and timers.subject = stopped.subject;
    end if;
    if facts ? 'set' then
        insert into timers (kind, subject, due_at)
        select kind, subject, due_at from jsonb_to_recordset(facts -> 'set') as wanted (kind text, subject uuid, due_at timestamptz)
        on conflict (kind, subject)
        do update set due_at = excluded.due_at, leased_until = null, attempts = 0, last_error = null;
    end if;
    if facts ? 'audit' then
        insert into audit_log (id, at, actor, act, subject, detail, trace)
        select (line ->> 'id')::uuid, at, actor, line ->> 'act', line ->> 'subject', line -> 'detail', trace
        from jsonb_array_elements(facts -> 'audit') with ordinality as noted (line, place)
        order by place;
    end if;
end $$;
