-- A bid is written with fewer statements, each of which costs what it takes to begin it.

-- Who bids, and on what, is locked in one statement; what the two did before only where what it was decided on names any
-- of it: where there is nothing, nothing can be locked, and what came meanwhile is seen below. Who was suspended or erased
-- while it waited bids no more.
create or replace function bid_settle(bid proposals, body jsonb, ground text, quota bigint, window_days integer, accepted uuid, facts jsonb)
returns boolean language plpgsql as $$
declare
    at constant timestamptz := facts ->> 'at';
begin
    perform from users bidder, gigs gig
    where bidder.id = bid.freelancer_id and bidder.suspended_at is null and bidder.erased_at is null and gig.id = bid.gig_id
    for no key update of bidder for share of gig;
    if not found then
        return false;
    end if;
    if position(' ' in ground) > 0 then
        perform from proposals where gig_id = bid.gig_id and freelancer_id = bid.freelancer_id order by id for update;
        perform from invitations where gig_id = bid.gig_id and freelancer_id = bid.freelancer_id for update;
    end if;
    if bid_ground(bid.gig_id, bid.freelancer_id) is distinct from ground
        or bids_used(bid.freelancer_id, at, window_days) >= quota then
        return false;
    end if;
    insert into proposals select bid.*
    on conflict (id) do update set terms = excluded.terms, status = excluded.status, state = excluded.state,
        revision = excluded.revision, submitted_at = excluded.submitted_at, version = excluded.version,
        updated_at = excluded.updated_at;
    insert into proposal_revisions (proposal_id, number, side, body, created_at)
    values (bid.id, bid.revision, 'freelancer', body, at);
    if accepted is not null then
        update invitations set status = 'accepted', answered_at = at where id = accepted;
    end if;
    perform settle(facts);
    return true;
end $$;

-- A bid concerns a person and a gig: one trigger says both, and needs not turn the row into JSON to find them.
create function matching_bid_changed() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject) values ('person', new.freelancer_id), ('gig', new.gig_id);
    return null;
end $$;
drop trigger matching_bid on proposals;
drop trigger matching_gig_bid on proposals;
drop trigger matching_changed on proposals;
drop trigger matching_gig_changed on proposals;
create trigger matching_bid after insert on proposals for each row execute function matching_bid_changed();
create trigger matching_changed after update on proposals
    for each row when (old.status is distinct from new.status) execute function matching_bid_changed();

-- Whose contract an event is of: as it says itself, or else that of what it is about. One look, and that only where it is
-- needed: in the statement that writes events, four ways to look had to be made ready for each of them.
create function event_contract(event jsonb) returns uuid language plpgsql stable as $$
declare
    contract uuid := event ->> 'contract';
begin
    if contract is null and event ->> 'milestone' is not null then
        contract := (select coalesce(m.contract_id, o.contract_id) from milestones m left join offers o on o.id = m.offer_id
                     where m.id = (event ->> 'milestone')::uuid);
    end if;
    if contract is null and event ->> 'timesheet' is not null then
        contract := (select contract_id from timesheets where id = (event ->> 'timesheet')::uuid);
    end if;
    if contract is null and event ->> 'dispute' is not null then
        contract := (select contract_id from disputes where id = (event ->> 'dispute')::uuid);
    end if;
    if contract is null and event ->> 'review' is not null then
        contract := (select contract_id from reviews where id = (event ->> 'review')::uuid);
    end if;
    return contract;
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
    if facts ? 'entries' then
        for entry in select value from jsonb_array_elements(facts -> 'entries') loop
            perform ledger_post((entry ->> 'id')::uuid, entry ->> 'reason', entry ->> 'key', (entry ->> 'contract')::uuid,
                (entry ->> 'milestone')::uuid, actor, trace, at, entry -> 'postings',
                (facts ->> 'staff')::boolean
                    and not acts_for_client(actor, (entry ->> 'contract')::uuid, (entry ->> 'milestone')::uuid));
        end loop;
    end if;
    if facts ? 'events' then
        insert into events (id, name, body, trace, occurred_at, due_at, for_client, for_freelancer, contract_id)
        select (event ->> 'id')::uuid, event ->> 'name', event -> 'body', trace, at, at,
            (event ->> 'for_client')::boolean, (event ->> 'for_freelancer')::boolean, event_contract(event)
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
