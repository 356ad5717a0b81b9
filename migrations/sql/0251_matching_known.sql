-- What a newcomer is known by, so that whoever makes many accounts does not take the places that wait for newcomers:
-- that they read mail, and a bank account that nobody gave before them. The index looks at them again when that
-- changes.

create index payout_methods_of_number on payout_methods (iban_lookup);
create index payout_methods_usable on payout_methods (usable_from);
-- Has this client opened them before?
create index match_acts_clicks on match_acts (freelancer_id) where kind = 'click';

create trigger matching_reads_mail after update on users
    for each row when ((old.email_verified_at is null) is distinct from (new.email_verified_at is null))
    execute function matching_person_changed('id');

create trigger matching_account_given after insert on payout_methods
    for each row execute function matching_person_changed('user_id');
create trigger matching_account_changed after update on payout_methods
    for each row when (old.removed_at is distinct from new.removed_at)
    execute function matching_person_changed('user_id');

-- A number that was erased is whose who gave it next.
create function matching_account_erased() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject)
    select distinct 'person', user_id from payout_methods where iban_lookup = old.iban_lookup;
    return null;
end $$;
create trigger matching_account_erased after update on payout_methods
    for each row when (old.iban_lookup is distinct from new.iban_lookup)
    execute function matching_account_erased();
