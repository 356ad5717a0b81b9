-- A correction of the books is proposed by one of our admins and approved by another. The database takes none of anybody
-- whom it does not know as an admin with a second factor, and none without a line of each of the two in the audit log.

create function corrects_the_books(person uuid) returns boolean language plpgsql stable as $$
begin
    return exists (
        select from users u join second_factors f on f.user_id = u.id
        where u.id = person and u.staff = 'admin' and u.suspended_at is null and u.erased_at is null
            and f.confirmed_at is not null);
end $$;

create function correction_is_proposed() returns trigger language plpgsql as $$
begin
    if new.status <> 'proposed' or not corrects_the_books(new.proposed_by) then
        raise exception 'the correction % was not proposed by an admin with a second factor', new.id
            using errcode = 'check_violation', constraint = 'corrections_by_admins';
    end if;
    return null;
end $$;
create trigger corrections_are_proposed after insert on corrections
    for each row execute function correction_is_proposed();

-- What was proposed is what is approved, by whoever did the one and the other.
create function correction_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the correction % stays as it was proposed, and as it was decided', old.id
        using errcode = 'restrict_violation', constraint = 'correction_stays';
end $$;
create trigger corrections_stay before update on corrections for each row
    when (old.from_account is distinct from new.from_account
        or old.to_account is distinct from new.to_account
        or old.currency is distinct from new.currency
        or old.amount_minor is distinct from new.amount_minor
        or old.reason is distinct from new.reason
        or old.class is distinct from new.class
        or old.about is distinct from new.about
        or old.reconciliation_id is distinct from new.reconciliation_id
        or old.came_with is distinct from new.came_with
        or old.entry_key is distinct from new.entry_key
        or old.proposed_by is distinct from new.proposed_by
        or old.proposed_at is distinct from new.proposed_at
        or old.status <> 'proposed' and (old.status is distinct from new.status
            or old.approved_by is distinct from new.approved_by or old.state is distinct from new.state))
    execute function correction_stays();
create trigger corrections_are_kept before delete on corrections for each row execute function correction_stays();

create or replace function ledger_correction_has_two() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    approved corrections;
begin
    select * into approved from corrections where entry_key = new.key and status = 'posted';
    if not found then
        raise exception 'the correction % was not approved by two', new.key using errcode = 'check_violation';
    end if;
    if (select count(*) <> count(*) filter (where from_account = approved.from_account and to_account = approved.to_account
                and currency = approved.currency) or coalesce(sum(amount_minor), 0) <> approved.amount_minor
        from ledger_postings where entry_id = new.id) then
        raise exception 'the correction % moves something else than what was approved', new.key
            using errcode = 'check_violation';
    end if;
    -- Who proposed it was looked at when they did.
    if not corrects_the_books(approved.approved_by) then
        raise exception 'the correction % was not approved by an admin with a second factor', new.key
            using errcode = 'check_violation', constraint = 'corrections_by_admins';
    end if;
    if (select count(distinct act) from audit_log
        where subject = public_id('cor', approved.id)
            and (act = 'correction_propose' and actor = public_id('usr', approved.proposed_by)
                or act = 'correction_approve' and actor = public_id('usr', approved.approved_by))) <> 2 then
        raise exception 'the audit log does not say who proposed and who approved the correction %', new.key
            using errcode = 'check_violation', constraint = 'corrections_by_admins';
    end if;
    return null;
end $$;
