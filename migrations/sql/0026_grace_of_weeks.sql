-- Outages give time to weeks of hours as they give it to milestones; a grant is for one or the other.

alter table timesheets add column grace_hours integer not null default 0 check (grace_hours >= 0);
alter table timesheets alter column grace_hours drop default;
-- Approved because the client was silent; it stays known when a charge fails.
alter table timesheets add column by_silence boolean not null default false;
alter table timesheets alter column by_silence drop default;
create index timesheets_with_a_clock on timesheets (id) where status in ('open', 'submitted', 'disputed');

alter table outage_grants drop constraint outage_grants_pkey;
alter table outage_grants alter column milestone_id drop not null;
alter table outage_grants add column timesheet_id uuid references timesheets (id);
alter table outage_grants add constraint outage_grants_for_one check (num_nonnulls(milestone_id, timesheet_id) = 1);
alter table outage_grants add column subject uuid not null generated always as (coalesce(milestone_id, timesheet_id)) stored;
alter table outage_grants add primary key (outage_id, subject);
drop index outage_grants_of_milestone;
create index outage_grants_of_subject on outage_grants (subject, outage_id);

-- What they are for was given the hours of its grants, or nothing is written; it is asked when the
-- transaction ends.
create or replace function outage_grants_agree() returns trigger language plpgsql as $$
begin
    if (select sum(hours) from outage_grants where subject = new.subject)
        > (select grace_hours from milestones where id = new.milestone_id
           union all select grace_hours from timesheets where id = new.timesheet_id) then
        raise exception '% was granted more hours than it was given', new.subject
            using errcode = 'check_violation', constraint = 'outage_grants_agree';
    end if;
    return null;
end $$;
