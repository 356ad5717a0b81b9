-- Two roles: one owns the tables and migrates, the other runs the marketplace. The second can do what
-- the marketplace does and nothing else: it can't write the books but through `settle` and
-- `ledger_post`, and it can't switch off a guard, because nothing is its own.

-- These act with the rights of their owner; where they look for names is fixed, so that nobody can
-- slip them others.
alter function ledger_post(uuid, text, text, uuid, uuid, text, text, timestamptz, jsonb, boolean)
    security definer set search_path = public, pg_temp;
alter function ledger_roll_up(timestamptz) security definer set search_path = public, pg_temp;

-- Give a role what the marketplace needs, and take from it everything else. Run again after each
-- migration, it covers what is new.
create function grant_to_app(app name) returns void language plpgsql as $$
declare
    kept text;
begin
    execute format('revoke all on all tables in schema public from %I', app);
    execute format('revoke all on schema public from %I', app);
    -- A table of its own could stand before ours where a check looks for it.
    execute format('revoke temporary on database %I from public', current_database());
    execute format('grant usage on schema public to %I', app);
    execute format('grant select, insert, update, delete on all tables in schema public to %I', app);
    execute format('grant usage, select on all sequences in schema public to %I', app);
    -- The books are read; only their own functions write them.
    foreach kept in array array['ledger_entries', 'ledger_postings', 'ledger_balances', 'ledger_statements',
        'ledger_rollups', 'ledger_cut', 'seaql_migrations'] loop
        execute format('revoke insert, update, delete on %I from %I', kept, app);
    end loop;
    -- These are added to, and never changed.
    foreach kept in array array['audit_log', 'policy_versions', 'processor_events'] loop
        execute format('revoke update, delete on %I from %I', kept, app);
    end loop;
end $$;
revoke execute on function grant_to_app(name) from public;
