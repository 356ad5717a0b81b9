-- Policies are added by our people now: what keeps a bad one out is held from this side too.

create trigger policy_versions_no_truncate before truncate on policy_versions
    for each statement execute function refuse_change();
alter table policy_versions
    add constraint policy_versions_note_length check (length(note) between 1 and 500),
    add constraint policy_versions_hold check ((terms ->> 'security_hold_days')::integer between 0 and 14);
create index policy_versions_by_date on policy_versions (effective_from, number);

-- Bonuses and tips belong to a contract, never to an offer alone.
alter table milestones add constraint milestones_gift_on_contract check (kind = 'work' or contract_id is not null);
