-- What a decision comes with, in one call, now that events have their place in the history of a
-- contract: an event that does not name its contract is placed by what it is about.
create or replace function settle(facts jsonb) returns void language plpgsql as $$
declare
    at constant timestamptz := facts ->> 'at';
    actor constant text := facts ->> 'actor';
    trace constant text := facts ->> 'trace';
    entry jsonb;
begin
    for entry in select value from jsonb_array_elements(facts -> 'entries') loop
        perform ledger_post((entry ->> 'id')::uuid, entry ->> 'reason', entry ->> 'key', (entry ->> 'contract')::uuid,
            (entry ->> 'milestone')::uuid, actor, trace, at, entry -> 'postings', (facts ->> 'staff')::boolean);
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
    if facts ? 'kept' then
        update idempotency set answer = facts #> '{kept,answer}'
        where caller = facts #>> '{kept,caller}' and key = facts #>> '{kept,key}';
    end if;
end $$;
