-- Outages, and the hours they gave.

create table outages (
    id          uuid primary key,
    -- IANA zones; people whose clock is in one of them are affected.
    zones       jsonb not null check (jsonb_array_length(zones) between 1 and 20),
    from_at     timestamptz not null,
    until_at    timestamptz not null check (until_at >= from_at),
    note        text not null check (length(note) between 1 and 500),
    ended_at    timestamptz,
    version     bigint not null,
    declared_at timestamptz not null
);

-- Once for each outage and milestone, and never taken back.
create table outage_grants (
    outage_id    uuid not null references outages (id),
    milestone_id uuid not null references milestones (id),
    hours        integer not null check (hours > 0),
    from_at      timestamptz not null,
    until_at     timestamptz not null check (until_at > from_at),
    granted_at   timestamptz not null,
    primary key (outage_id, milestone_id)
);
create index outage_grants_of_milestone on outage_grants (milestone_id, outage_id);
create trigger outage_grants_append_only before update or delete on outage_grants
    for each row execute function refuse_change();
create trigger outage_grants_no_truncate before truncate on outage_grants
    for each statement execute function refuse_change();

-- A milestone was given the hours of its grants, or nothing is written; it is asked when the
-- transaction ends.
create function outage_grants_agree() returns trigger language plpgsql as $$
begin
    if (select sum(hours) from outage_grants where milestone_id = new.milestone_id)
        > (select grace_hours from milestones where id = new.milestone_id) then
        raise exception 'milestone % was granted more hours than it was given', new.milestone_id
            using errcode = 'check_violation', constraint = 'outage_grants_agree';
    end if;
    return null;
end $$;
create constraint trigger outage_grants_agree after insert on outage_grants
    deferrable initially deferred for each row execute function outage_grants_agree();
