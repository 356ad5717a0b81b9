-- One call for all that a decision comes with, and roll-ups of the platform's own accounts.

-- Which transaction wrote it: what tells a roll-up that nothing earlier can still turn up. Ids would
-- not do, because they commit out of order.
alter table ledger_postings add column xact bigint not null default (pg_current_xact_id()::text::bigint);
create index ledger_postings_xact on ledger_postings using brin (xact) with (pages_per_range = 16, autosummarize = on);

-- How far the platform's accounts are rolled up: postings of transactions before `xact`, and, where
-- the rows came from another cluster whose transactions were numbered otherwise, those up to `counted_id`.
create table ledger_cut (
    single       boolean primary key default true check (single),
    xact         bigint not null,
    counted_id   bigint not null,
    rolled_up_at timestamptz
);
insert into ledger_cut (xact, counted_id) values (0, 0);
create table ledger_rollups (
    account       text not null,
    currency      text not null,
    balance_minor bigint not null,
    primary key (account, currency),
    constraint ledger_rollups_of_platform check (not ledger_guarded(account))
);

-- What the platform's accounts have now: what is rolled up, and the postings since.
create view ledger_platform_balances as
    select account, currency, sum(minor)::bigint as balance_minor from (
        select account, currency, balance_minor as minor from ledger_rollups
        union all
        select leg.account, posting.currency, leg.minor
        from ledger_cut cut
        join ledger_postings posting on posting.xact >= cut.xact and posting.id > cut.counted_id,
        lateral (values (posting.from_account, -posting.amount_minor), (posting.to_account, posting.amount_minor)) as leg (account, minor)
        where not ledger_guarded(leg.account)
    ) as part
    group by account, currency;

-- Bring the roll-up to the youngest transaction before which all have ended; how many rows it took
-- in. No lock is taken that money would wait for. One worker at a time: another goes away with 0.
create function ledger_roll_up(at timestamptz) returns bigint language plpgsql as $$
declare
    cut ledger_cut;
    until bigint;
    taken bigint;
begin
    select * into cut from ledger_cut for update skip locked;
    if not found then
        return 0;
    end if;
    until := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    if until < cut.xact then
        -- The rows were brought here from another cluster. Everything is counted anew, this once while
        -- nobody posts, so that ids tell the old from the new.
        lock table ledger_postings in share mode;
        until := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
        delete from ledger_rollups;
        insert into ledger_rollups
        select leg.account, posting.currency, sum(leg.minor)
        from ledger_postings posting,
        lateral (values (posting.from_account, -posting.amount_minor), (posting.to_account, posting.amount_minor)) as leg (account, minor)
        where not ledger_guarded(leg.account)
        group by 1, 2;
        select count(*) into taken from ledger_postings;
        update ledger_cut set xact = until, rolled_up_at = at,
            counted_id = (select coalesce(max(id), 0) from ledger_postings);
        return taken;
    end if;
    with since as (
        select posting.* from ledger_postings posting
        where posting.xact >= cut.xact and posting.xact < until and posting.id > cut.counted_id
    ), summed as (
        insert into ledger_rollups as kept
        select leg.account, since.currency, sum(leg.minor)
        from since,
        lateral (values (since.from_account, -since.amount_minor), (since.to_account, since.amount_minor)) as leg (account, minor)
        where not ledger_guarded(leg.account)
        group by 1, 2
        on conflict (account, currency) do update set balance_minor = kept.balance_minor + excluded.balance_minor
    )
    select count(*) into taken from since;
    if taken > 0 then
        update ledger_cut set xact = until, rolled_up_at = at;
    end if;
    return taken;
end $$;

-- All that a decision comes with, in one round trip: entries, events, timers, lines of the audit
-- log, the answer that is kept with an idempotency key. What is done under the locks of the accounts
-- is as short as it can be. An event that does not name its contract is placed by what it is about.
create function settle(facts jsonb) returns void language plpgsql as $$
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
end $$;
