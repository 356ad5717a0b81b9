-- The milestones and weeks of all contracts of somebody are listed, the newest first.
create index milestones_by_organization on milestones (organization_id, id);
drop index milestones_of_organization;
create index milestones_by_freelancer on milestones (freelancer_id, id);
drop index milestones_of_freelancer;
create index timesheets_by_organization on timesheets (organization_id, id);
