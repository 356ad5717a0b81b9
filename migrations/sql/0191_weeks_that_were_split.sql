-- Of a week that a dispute took some entries from: how many minutes were left, so that the two together are worth what the
-- week was as one, to the cent. Those of before were each rounded by itself, and stay as they are.
alter table timesheets add column rest_minutes integer not null default 0 check (rest_minutes >= 0);
alter table timesheets add constraint timesheets_rest_of_one check (rest_minutes = 0 or split_from is not null);
