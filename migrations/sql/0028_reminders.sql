-- A reminder that a dispute waits is no change of it: only when the next one is due is written, and what a
-- side saw, it can still act on.
create or replace function disputes_keep() returns trigger language plpgsql as $$
declare
    reminded disputes := new;
begin
    -- Written again as it was.
    if new is not distinct from old then
        return new;
    end if;
    if old.status in ('executed', 'withdrawn', 'closed') then
        raise exception 'dispute % is over', old.id using errcode = 'restrict_violation';
    end if;
    reminded.state := old.state;
    if reminded is not distinct from old and new.state - 'remind_at' = old.state - 'remind_at' then
        return new;
    end if;
    if (new.id, new.milestone_id, new.timesheet_id, new.contract_id, new.organization_id, new.freelancer_id, new.terms,
        new.claimant, new.reason, new.currency, new.total_minor, new.claim_minor, new.opened_at)
        is distinct from
       (old.id, old.milestone_id, old.timesheet_id, old.contract_id, old.organization_id, old.freelancer_id, old.terms,
        old.claimant, old.reason, old.currency, old.total_minor, old.claim_minor, old.opened_at)
        or (old.answer is not null and new.answer is distinct from old.answer)
        or not new.findings @> old.findings
        or new.version <= old.version then
        raise exception 'what dispute % is about, and what was said in it, stays', old.id
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
