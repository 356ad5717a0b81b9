-- What one of our people said became of a payout that its rail does not tell of; another one's same word settles it. One
-- that is unknown for so long that our people have to find out waits for them.
alter table payouts
    add column word jsonb,
    drop constraint payouts_waits_for_staff,
    add constraint payouts_waits_for_staff
        check (case when status = 'blocked' then waits_for_staff when status in ('queued', 'unknown') then true else not waits_for_staff end);
