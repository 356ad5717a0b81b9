-- Writes that are one statement each are written many at a time: a backend that writes the same things one after another
-- has all that they take at hand, and they have one commit, and one wait for the disk.

-- A milestone is what it was decided to be next, if it still has the version that was seen; nor does money leave one that
-- stands still. What it is from its beginning, or since its money came, is not written again.
create function milestone_settle(next milestones, seen bigint, brings_out boolean, facts jsonb) returns boolean
language plpgsql as $$
begin
    update milestones set title = next.title, description = next.description, due_at = next.due_at,
        amount_minor = next.amount_minor, version = next.version, status = next.status, state = next.state,
        held_minor = next.held_minor, released_net_minor = next.released_net_minor, fee_minor = next.fee_minor,
        refunded_minor = next.refunded_minor, charged_back_minor = next.charged_back_minor, escrow = next.escrow,
        holds = next.holds, submissions = next.submissions, rounds = next.rounds, grace_hours = next.grace_hours,
        payments = next.payments, sources = next.sources, chargebacks = next.chargebacks,
        early_chargebacks = next.early_chargebacks
    where id = next.id and version = seen and not (brings_out and stands_still);
    if not found then
        return false;
    end if;
    perform settle(facts);
    return true;
end $$;

-- Write one thing, and what follows from it. False if what it was decided on is not what there is any more: then nothing
-- is written.
create function write_one(what jsonb, facts jsonb) returns boolean language plpgsql as $$
begin
    case what ->> 'kind'
    when 'milestone' then
        return milestone_settle(jsonb_populate_record(null::milestones, what -> 'next'), (what ->> 'seen')::bigint,
            (what ->> 'brings_out')::boolean, facts);
    when 'bid' then
        return bid_settle(jsonb_populate_record(null::proposals, what -> 'next'), what -> 'body', what ->> 'ground',
            (what ->> 'quota')::bigint, (what ->> 'window_days')::integer, (what ->> 'accepts')::uuid, facts);
    end case;
end $$;

-- Write many things, each as if it came alone after those before it: for each, whether it is written. Null for what
-- failed, or met a lock: nothing of it is written, and it has to be written alone, where it may wait and where its error
-- is seen. What is checked at the end of a transaction is checked at the end of each.
create function write_group(whats text[], facts text[]) returns boolean[] language plpgsql as $$
declare
    written boolean[] := '{}';
begin
    perform set_config('lock_timeout', '1ms', true);
    for n in 1 .. cardinality(whats) loop
        begin
            written[n] := write_one(whats[n]::jsonb, facts[n]::jsonb);
            set constraints all immediate;
        exception when others then
            written[n] := null;
        end;
        set constraints all deferred;
    end loop;
    return written;
end $$;
