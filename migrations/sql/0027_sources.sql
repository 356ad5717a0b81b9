-- With which payments the money of a milestone came, so that a chargeback takes its own and no other.

create function milestone_sources_held(sources jsonb) returns bigint language sql immutable as $$
    select coalesce(sum((source -> 'held' ->> 'minor')::bigint), 0)::bigint from jsonb_array_elements(sources) source
$$;

alter table milestones add column credited jsonb not null default '[]';
alter table milestones add column sources jsonb not null default '[]';
update milestones set sources = jsonb_build_array(jsonb_build_object('payment', payments -> -1, 'held', escrow -> 'held',
    'released', jsonb_build_object('minor', 0, 'currency', currency), 'refunded', jsonb_build_object('minor', 0, 'currency', currency)))
where held_minor > 0;
alter table milestones alter column credited drop default;
alter table milestones alter column sources drop default;
alter table milestones add constraint milestones_sources_agree check (milestone_sources_held(sources) = held_minor);
