-- For how long a milestone's money is held once it is approved. It is decided when the money comes, by what the
-- client's banks took back before, and stays.

create table chargebacks (
    organization_id uuid not null references organizations (id),
    -- The processor's name for it.
    reference       text not null,
    -- When it was told first.
    opened_at       timestamptz not null,
    -- When the bank gave the money back.
    won_at          timestamptz check (won_at >= opened_at),
    primary key (organization_id, reference)
);
create index chargebacks_that_stand on chargebacks (organization_id, opened_at) where won_at is null;

-- Of those of before it is known what they took and from whom; when, only by the last entry of what they took it of.
insert into chargebacks (organization_id, reference, opened_at)
select taken.organization_id, taken.reference, max(coalesce(e.posted_at, now()))
from (select m.organization_id, m.id as milestone_id, null::uuid as contract_id, c.value ->> 'reference' as reference
      from milestones m, jsonb_array_elements(m.chargebacks) c where not (c.value ->> 'won')::boolean
      union all
      select t.organization_id, null, t.contract_id, c.value ->> 'reference'
      from timesheets t, jsonb_array_elements(t.chargebacks) c where not (c.value ->> 'won')::boolean) taken
left join ledger_entries e on e.reason = 'chargeback'
    and (e.milestone_id = taken.milestone_id or e.milestone_id is null and e.contract_id = taken.contract_id)
group by taken.organization_id, taken.reference;

alter table policy_versions
    add constraint policy_versions_hold_by_risk check ((terms ->> 'risk_hold_days')::integer
        between (terms ->> 'security_hold_days')::integer and 14);

alter table milestones
    add column hold_days smallint constraint milestones_hold_days check (hold_days between 0 and 14);
update milestones set hold_days = coalesce((terms ->> 'security_hold_days')::smallint, 5)
where held_minor + released_net_minor + fee_minor + refunded_minor + charged_back_minor > 0;
alter table milestones
    add constraint milestones_hold_is_decided check (hold_days is not null
        or held_minor + released_net_minor + fee_minor + refunded_minor + charged_back_minor = 0);

-- Never shorter than agreed, and the same from the moment on at which work can begin.
create function milestones_keep_hold() returns trigger language plpgsql as $$
begin
    if new.hold_days < (new.terms ->> 'security_hold_days')::integer
        or tg_op = 'UPDATE' and new.hold_days is distinct from old.hold_days and old.hold_days is not null
            and (new.hold_days is null or new.hold_days < old.hold_days or old.status not in ('agreed', 'funding')) then
        raise exception 'for how long the money of milestone % is held is settled', new.id
            using errcode = 'check_violation', constraint = 'milestones_keep_hold';
    end if;
    return new;
end $$;
create trigger milestones_keep_hold before insert or update of hold_days on milestones for each row
    execute function milestones_keep_hold();
