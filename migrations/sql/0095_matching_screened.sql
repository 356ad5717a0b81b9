-- Whom screening holds is not matched: the index looks at them again when a payout of theirs is blocked, and when it no
-- longer is.

create trigger matching_screened after update on payouts
    for each row when ((old.status = 'blocked') is distinct from (new.status = 'blocked'))
    execute function matching_person_changed('user_id');
