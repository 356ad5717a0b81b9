-- While our people look at a contract nothing is brought out of its milestones. Each of them says so itself, so that the
-- statement that moves its money asks the row that it writes anyway: of a hold and a release at once, the one that
-- comes second knows of the other.
create function is_looked_at(contract_state jsonb) returns boolean language sql immutable as $$
    select contract_state ->> 'status' = 'on_hold'
        and (contract_state ->> 'reason' = 'sanctions_hit'
            or coalesce((contract_state #>> '{also,sanctions_hit}')::boolean, false))
$$;

alter table milestones add column stands_still boolean not null default false;

update milestones m set stands_still = true
from contracts c where c.id = m.contract_id and is_looked_at(c.state);

-- In the order of their ids, in which whoever needs several of them locks them.
create function milestones_stand_still() returns trigger language plpgsql as $$
begin
    perform from milestones where contract_id = new.id order by id for update;
    update milestones set stands_still = is_looked_at(new.state) where contract_id = new.id;
    return null;
end $$;
create trigger milestones_stand_still after update on contracts for each row
    when (is_looked_at(old.state) is distinct from is_looked_at(new.state))
    execute function milestones_stand_still();

create function milestone_stands_still() returns trigger language plpgsql as $$
begin
    new.stands_still := coalesce((select is_looked_at(state) from contracts where id = new.contract_id), false);
    return new;
end $$;
create trigger milestone_stands_still_at_once before insert on milestones for each row
    when (new.contract_id is not null) execute function milestone_stands_still();
create trigger milestone_stands_still_by_now before update of contract_id on milestones for each row
    when (new.contract_id is distinct from old.contract_id) execute function milestone_stands_still();
