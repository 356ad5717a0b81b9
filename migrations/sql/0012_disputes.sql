-- Disputes: who claims what over which money, what was said, shown and decided.

create table disputes (
    id                     uuid primary key,
    -- What it is about: one of the two.
    milestone_id           uuid references milestones (id),
    timesheet_id           uuid,
    contract_id            uuid references contracts (id),
    organization_id        uuid not null references organizations (id),
    freelancer_id          uuid not null references users (id),
    terms                  jsonb not null,
    claimant               text not null check (claimant in ('client', 'freelancer')),
    reason                 text not null check (length(reason) between 1 and 5000),
    answer                 text check (length(answer) between 1 and 5000),
    -- All amounts are what the freelancer gets, before our fee.
    currency               text not null check (currency in ('USD', 'PKR')),
    total_minor            bigint not null check (total_minor > 0),
    claim_minor            bigint not null check (claim_minor between 0 and total_minor),
    client_offer_minor     bigint check (client_offer_minor between 0 and total_minor),
    freelancer_offer_minor bigint check (freelancer_offer_minor between 0 and total_minor),
    -- The recommendation, and then the award, with their reasons.
    findings               jsonb not null,
    opened_at              timestamptz not null,
    version                bigint not null check (version > 0),
    status                 text not null check (status in (
        'opened', 'answered', 'negotiating', 'recommended', 'arbitration', 'hearing', 'executed', 'withdrawn', 'closed')),
    state                  jsonb not null,
    constraint disputes_state_agrees check (state ->> 'status' = status),
    constraint disputes_about_one check (num_nonnulls(milestone_id, timesheet_id) = 1),
    constraint disputes_answered check (
        status not in ('answered', 'negotiating', 'recommended', 'arbitration', 'hearing') or answer is not null),
    constraint disputes_findings check (jsonb_typeof(findings) = 'array' and jsonb_array_length(findings) <= 2),
    constraint disputes_recommended check (
        status not in ('recommended', 'arbitration', 'hearing') or jsonb_array_length(findings) = 1)
);
-- One open dispute over the same money.
create unique index disputes_one_open_of_milestone on disputes (milestone_id)
    where status not in ('executed', 'withdrawn', 'closed');
create unique index disputes_one_open_of_timesheet on disputes (timesheet_id)
    where status not in ('executed', 'withdrawn', 'closed');
create index disputes_of_milestone on disputes (milestone_id, id);
create index disputes_of_contract on disputes (contract_id, id);
create index disputes_of_organization on disputes (organization_id, id);
create index disputes_of_freelancer on disputes (freelancer_id, id);
-- The mediators' queue.
create index disputes_waiting on disputes (id) where status in ('answered', 'negotiating', 'hearing');

-- What a dispute is about is never changed, what was said in it is never taken back, and what is over
-- stays as it was decided.
create function disputes_keep() returns trigger language plpgsql as $$
begin
    -- Written again as it was.
    if new is not distinct from old then
        return new;
    end if;
    if old.status in ('executed', 'withdrawn', 'closed') then
        raise exception 'dispute % is over', old.id using errcode = 'restrict_violation';
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
create trigger disputes_keep before update on disputes for each row execute function disputes_keep();
create trigger disputes_no_delete before delete on disputes for each row execute function refuse_change();
create trigger disputes_no_truncate before truncate on disputes for each statement execute function refuse_change();

-- A milestone is disputed exactly while a dispute over it is open; it is asked when the transaction ends.
create function dispute_agrees(milestone uuid) returns void language plpgsql as $$
declare
    disputed boolean;
    open_disputes bigint;
begin
    select status = 'disputed' into disputed from milestones where id = milestone;
    select count(*) into open_disputes from disputes
    where milestone_id = milestone and status not in ('executed', 'withdrawn', 'closed');
    if disputed is distinct from (open_disputes = 1) then
        raise exception 'milestone % is disputed: %, and has % open disputes', milestone, disputed, open_disputes
            using errcode = 'check_violation', constraint = 'dispute_agrees';
    end if;
end $$;
create function milestone_dispute_agrees() returns trigger language plpgsql as $$
begin
    perform dispute_agrees(new.id);
    return null;
end $$;
create function dispute_milestone_agrees() returns trigger language plpgsql as $$
begin
    perform dispute_agrees(new.milestone_id);
    return null;
end $$;
create constraint trigger milestone_dispute_began after insert on milestones
    deferrable initially deferred for each row when (new.status = 'disputed')
    execute function milestone_dispute_agrees();
create constraint trigger milestone_dispute_moved after update of status on milestones
    deferrable initially deferred for each row when ((old.status = 'disputed') <> (new.status = 'disputed'))
    execute function milestone_dispute_agrees();
create constraint trigger dispute_milestone_agrees after insert or update of status on disputes
    deferrable initially deferred for each row when (new.milestone_id is not null)
    execute function dispute_milestone_agrees();

-- What a side brought forward; numbered for each side, which is also what limits it.
create table evidence (
    id         uuid primary key,
    dispute_id uuid not null references disputes (id),
    author_id  uuid not null references users (id),
    side       text not null check (side in ('client', 'freelancer')),
    number     integer not null check (number between 1 and 50),
    text       text not null check (length(text) between 1 and 5000),
    links      jsonb not null check (jsonb_typeof(links) = 'array' and jsonb_array_length(links) <= 20),
    created_at timestamptz not null,
    constraint evidence_numbered unique (dispute_id, side, number)
);
create index evidence_of_dispute on evidence (dispute_id, id);
create trigger evidence_append_only before update or delete on evidence for each row execute function refuse_change();
create trigger evidence_no_truncate before truncate on evidence for each statement execute function refuse_change();
