-- Entries that one of our people proposes and another one approves, to set the books right.
create table corrections (
    id                uuid primary key,
    from_account      text not null,
    to_account        text not null check (to_account <> from_account),
    currency          text not null,
    amount_minor      bigint not null check (amount_minor > 0),
    reason            text not null check (length(reason) between 1 and 500),
    -- What it is about, in the words of reconciliation.
    class             text,
    about             text,
    reconciliation_id uuid references reconciliations (id),
    came_with         uuid references payments (id),
    entry_key         text not null,
    proposed_by       uuid not null references users (id),
    proposed_at       timestamptz not null,
    status            text not null check (status in ('proposed', 'posted', 'declined', 'withdrawn', 'expired')),
    approved_by       uuid references users (id),
    state             jsonb not null,
    version           bigint not null,
    constraint corrections_about_something check ((class is null) = (about is null)),
    -- It takes two.
    constraint corrections_approved check ((status = 'posted') = (approved_by is not null)),
    constraint corrections_by_another check (approved_by <> proposed_by),
    constraint corrections_name_no_pot check (
        split_part(from_account, ':', 1) not in ('escrow', 'timesheet_escrow', 'pending', 'in_transit')
        and split_part(to_account, ':', 1) not in ('escrow', 'timesheet_escrow', 'pending', 'in_transit')),
    constraint corrections_one_side_ours check (not (ledger_guarded(from_account) and ledger_guarded(to_account)))
);
-- A difference is settled once.
create unique index corrections_once on corrections (entry_key) where status in ('proposed', 'posted');
create index corrections_reconciliation on corrections (reconciliation_id) where reconciliation_id is not null;

-- What is in the books as a correction was approved as it stands there.
create function ledger_correction_has_two() returns trigger language plpgsql set search_path = public, pg_temp as $$
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
    return null;
end $$;
create constraint trigger ledger_correction_has_two after insert on ledger_entries
    deferrable initially deferred
    for each row when (new.reason = 'correction') execute function ledger_correction_has_two();

-- Reconciliation looks for corrections of a time long after it.
create index ledger_entries_corrections on ledger_entries (posted_at) where reason = 'correction';
