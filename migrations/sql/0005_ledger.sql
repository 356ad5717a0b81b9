-- The books. Append-only, balanced, and never below zero where an account is someone's money.

create table ledger_entries (
    id           uuid primary key,
    reason       text not null,
    -- Makes a repeat of the same fact impossible.
    key          text not null constraint ledger_entries_key unique,
    contract_id  uuid,
    milestone_id uuid,
    actor        text not null,
    trace        text not null,
    posted_at    timestamptz not null
);
create index ledger_entries_milestone on ledger_entries (milestone_id, id) where milestone_id is not null;

-- A row moves an amount from one account to another, so every entry balances as it is written.
-- Accounts are named by kind and owner. Platform accounts have no row of their own that a posting
-- would have to lock or refer to.
create table ledger_postings (
    id           bigint generated always as identity primary key,
    entry_id     uuid not null references ledger_entries (id),
    from_account text not null,
    to_account   text not null,
    currency     text not null check (currency in ('USD', 'PKR')),
    amount_minor bigint not null check (amount_minor > 0),
    constraint ledger_postings_between_two check (from_account <> to_account)
);
create index ledger_postings_entry on ledger_postings (entry_id);
create index ledger_postings_from on ledger_postings (from_account, id);
create index ledger_postings_to on ledger_postings (to_account, id);

-- What is in the accounts that may never go below zero: someone's money. Platform accounts are
-- summed from the postings when somebody asks.
create table ledger_balances (
    account       text not null,
    currency      text not null,
    balance_minor bigint not null,
    primary key (account, currency),
    constraint ledger_balances_never_negative check (balance_minor >= 0)
) with (fillfactor = 70);

create trigger ledger_entries_append_only before update or delete on ledger_entries for each row execute function refuse_change();
create trigger ledger_entries_no_truncate before truncate on ledger_entries for each statement execute function refuse_change();
create trigger ledger_postings_append_only before update or delete on ledger_postings for each row execute function refuse_change();
create trigger ledger_postings_no_truncate before truncate on ledger_postings for each statement execute function refuse_change();

-- Is this account someone's money? The same rule as LedgerAccount::guarded in the domain.
create function ledger_guarded(account text) returns boolean language sql immutable as $$
    select split_part(account, ':', 1) in
        ('client_credit', 'escrow', 'timesheet_escrow', 'pending', 'available', 'in_transit')
$$;

-- Balances follow the postings, whoever writes them. Rows are locked in the order of their
-- account's name, so that two entries that share accounts queue up instead of deadlocking.
create function ledger_apply() returns trigger language plpgsql as $$
declare
    leg record;
begin
    for leg in
        select account, currency, sum(delta)::bigint as delta
        from posted, lateral (values (from_account, -amount_minor), (to_account, amount_minor)) as legs (account, delta)
        where ledger_guarded(account)
        group by account, currency
        order by account, currency
    loop
        if leg.delta >= 0 then
            insert into ledger_balances values (leg.account, leg.currency, leg.delta)
            on conflict (account, currency) do update set balance_minor = ledger_balances.balance_minor + excluded.balance_minor;
        else
            update ledger_balances set balance_minor = balance_minor + leg.delta
            where account = leg.account and currency = leg.currency;
            if not found then
                raise exception 'account % has nothing to take from', leg.account
                    using errcode = 'check_violation', constraint = 'ledger_balances_never_negative';
            end if;
        end if;
    end loop;
    return null;
end $$;
create trigger ledger_apply after insert on ledger_postings
    referencing new table as posted for each statement execute function ledger_apply();

-- Balances change only together with postings.
create function ledger_balances_guard() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() < 2 then
        raise exception 'balances follow postings; post an entry instead' using errcode = 'restrict_violation';
    end if;
    return coalesce(new, old);
end $$;
create trigger ledger_balances_guard before insert or update or delete on ledger_balances
    for each row execute function ledger_balances_guard();
create trigger ledger_balances_no_truncate before truncate on ledger_balances
    for each statement execute function refuse_change();

-- An entry without postings says nothing; it is refused when the transaction ends.
create function ledger_entry_has_postings() returns trigger language plpgsql as $$
begin
    if not exists (select 1 from ledger_postings where entry_id = new.id) then
        raise exception 'ledger entry % moves nothing', new.id using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger ledger_entry_has_postings after insert on ledger_entries
    deferrable initially deferred for each row execute function ledger_entry_has_postings();

-- One call posts one entry: all that happens under lock is one round trip.
create function ledger_post(
    entry_id uuid, reason text, key text, contract_id uuid, milestone_id uuid, actor text, trace text,
    posted_at timestamptz, postings jsonb
) returns void language plpgsql as $$
begin
    insert into ledger_entries values
        (ledger_post.entry_id, ledger_post.reason, ledger_post.key, ledger_post.contract_id,
         ledger_post.milestone_id, ledger_post.actor, ledger_post.trace, ledger_post.posted_at);
    insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor)
    select ledger_post.entry_id, leg.from_account, leg.to_account, leg.currency, leg.amount_minor
    from jsonb_to_recordset(ledger_post.postings)
        as leg (from_account text, to_account text, currency text, amount_minor bigint);
end $$;
