-- A bank account is known to be theirs to whom money came there, before whoever gave it first: who knows somebody's
-- number and gives it before them keeps them from nothing for good. Nor does who is suspended. The index looks again at
-- all who gave a number when that changes.

create index payouts_paid_to on payouts (method_id) where status = 'paid';

create function matching_account_paid() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject)
    select distinct 'person', other.user_id
    from payout_methods own join payout_methods other on other.iban_lookup = own.iban_lookup
    where own.id = new.method_id;
    return null;
end $$;
create trigger matching_account_paid after update on payouts
    for each row when ((old.status = 'paid') is distinct from (new.status = 'paid'))
    execute function matching_account_paid();

create function matching_account_withheld() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject)
    select distinct 'person', other.user_id
    from payout_methods own join payout_methods other on other.iban_lookup = own.iban_lookup
    where own.user_id = new.id and other.user_id <> new.id;
    return null;
end $$;
create trigger matching_account_withheld after update on users
    for each row when (old.suspended_at is distinct from new.suspended_at)
    execute function matching_account_withheld();
