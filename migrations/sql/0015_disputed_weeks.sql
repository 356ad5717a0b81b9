-- A dispute over a week is over one that is there.
alter table disputes add constraint disputes_timesheet_id_fkey foreign key (timesheet_id) references timesheets (id);
create index disputes_of_timesheet on disputes (timesheet_id, id) where timesheet_id is not null;
