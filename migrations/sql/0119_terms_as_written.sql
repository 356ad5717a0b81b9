-- The terms of a deal are kept with it, and are the same ones in nearly all rows: sixty figures that are read with each
-- row and hardly ever looked into here. As `json` they are handed out as they were written; as `jsonb` they were taken
-- apart and put together again for each row, which took longer than all else that was read of it. Each table is written
-- anew, and nobody can read it meanwhile.
alter table contracts alter column terms type json using terms::json;
alter table milestones alter column terms type json using terms::json;
alter table offers alter column terms type json using terms::json;
alter table timesheets alter column terms type json using terms::json;
alter table payouts alter column terms type json using terms::json;
