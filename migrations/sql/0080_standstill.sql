-- Who may act again gets some days before silence counts against them.
alter table users add column reinstated_at timestamptz;

-- A week whose every charge failed is written off when nobody moves for sixty days, beginning now.
update timesheets set state = state || jsonb_build_object('written_off_at', now() + interval '60 days')
where status = 'unpaid';
insert into timers (kind, subject, due_at)
select 'write_off_timesheet', id, (state ->> 'written_off_at')::timestamptz from timesheets where status = 'unpaid'
on conflict (kind, subject) do nothing;

-- Of a side that may not speak there is no answer when our people look at its dispute.
alter table disputes drop constraint disputes_answered;
alter table disputes add constraint disputes_answered check (answer is null or status <> 'opened');
