-- Money waits for nobody's goodwill: what was handed to a milestone that waits for the rest, and what is held while changes
-- are awaited, is reminded of and asked about like any other that nothing happens with. What waits already begins to count now.
update milestones set state = state || jsonb_build_object('idle', jsonb_build_object('since', now(), 'notices', 0))
where held_minor > 0 and status in ('agreed', 'changes_requested');

-- What is in dispute, asked back or charged back stands there again, should nothing come of that.
update milestones set state = jsonb_set(state, '{resume,idle}', jsonb_build_object('since', now(), 'notices', 0))
where state #>> '{resume,status}' in ('agreed', 'changes_requested');
update milestones set state = jsonb_set(state, '{from,idle}', jsonb_build_object('since', now(), 'notices', 0))
where state #>> '{from,status}' in ('agreed', 'changes_requested');

insert into timers (kind, subject, due_at)
select 'dormancy_milestone', id,
    now() + make_interval(days => coalesce(terms #>> '{dormancy_notice_days,0}', terms ->> 'dormancy_days')::integer)
from milestones
where held_minor > 0 and contract_id is not null and status in ('agreed', 'changes_requested')
on conflict (kind, subject) do nothing;
