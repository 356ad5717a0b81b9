-- What was written before is in dollars, too. This is a step of its own: locks of the last one are gone by now.
alter table ledger_postings validate constraint ledger_postings_in_dollars;
alter table milestones validate constraint milestones_in_dollars;
alter table timesheets validate constraint timesheets_in_dollars;
alter table disputes validate constraint disputes_in_dollars;
alter table payouts validate constraint payouts_in_dollars;
