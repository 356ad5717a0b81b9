-- A client's credit, told apart by the payment it came with: what came with one card goes back to that card and to no
-- other. A posting says with which payment the credit that it moves came; none where that is not known.

alter table ledger_postings
    add column payment_id uuid,
    add constraint ledger_postings_payment_of_credit check (payment_id is null
        or split_part(from_account, ':', 1) = 'client_credit' or split_part(to_account, ':', 1) = 'client_credit');

-- What is left of each; their sum is the account's balance. The oldest is spent first.
create table ledger_credits (
    account       text not null,
    currency      text not null,
    payment_id    uuid,
    balance_minor bigint not null,
    place         bigint not null generated always as identity,
    constraint ledger_credits_of_payment unique nulls not distinct (account, currency, payment_id),
    constraint ledger_credits_never_negative check (balance_minor >= 0)
) with (fillfactor = 70);

create index ledger_credits_payment on ledger_credits (payment_id) where payment_id is not null;

-- Of what was there before nobody knows.
insert into ledger_credits (account, currency, balance_minor)
select account, currency, balance_minor from ledger_balances
where split_part(account, ':', 1) = 'client_credit' and balance_minor > 0;

-- Balances follow the postings, whoever writes them. Rows are locked in the order of their account's name, so that two
-- entries that share accounts queue up instead of deadlocking. The parts of a credit follow under its own balance's row.
create or replace function ledger_apply() returns trigger language plpgsql as $$
declare
    leg record;
    part record;
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
        if split_part(leg.account, ':', 1) = 'client_credit' then
            for part in
                select payment_id, sum(delta)::bigint as delta
                from posted, lateral (values (from_account, -amount_minor), (to_account, amount_minor)) as legs (account, delta)
                where account = leg.account and currency = leg.currency
                group by payment_id
                order by min(posted.id)
            loop
                update ledger_credits set balance_minor = balance_minor + part.delta
                where account = leg.account and currency = leg.currency and payment_id is not distinct from part.payment_id;
                if not found then
                    insert into ledger_credits (account, currency, payment_id, balance_minor)
                    values (leg.account, leg.currency, part.payment_id, part.delta);
                end if;
            end loop;
        end if;
    end loop;
    return null;
end $$;
create trigger ledger_credits_guard before insert or update or delete on ledger_credits
    for each row execute function ledger_balances_guard();
create trigger ledger_credits_no_truncate before truncate on ledger_credits
    for each statement execute function refuse_change();

-- A client's credit, the oldest first. Nobody else spends of it until the transaction ends.
create function ledger_credit_for_update(account text, currency text)
returns table (payment_id uuid, balance_minor bigint)
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform from ledger_balances balance
    where balance.account = ledger_credit_for_update.account and balance.currency = ledger_credit_for_update.currency
    for update;
    return query select credit.payment_id, credit.balance_minor from ledger_credits credit
    where credit.account = ledger_credit_for_update.account and credit.currency = ledger_credit_for_update.currency
      and credit.balance_minor > 0
    order by credit.place;
end $$;

create or replace function ledger_post(
    entry_id uuid, reason text, key text, contract_id uuid, milestone_id uuid, actor text, trace text,
    posted_at timestamptz, postings jsonb, staff boolean default false
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
    of_contract uuid := ledger_post.contract_id;
    into_pots bigint := 0;
    leg jsonb;
    -- Who acted, number, seal, and what is in escrow.
    next record;
begin
    if of_contract is null and ledger_post.milestone_id is not null then
        select coalesce(milestone.contract_id, offer.contract_id) into of_contract
        from milestones milestone left join offers offer on offer.id = milestone.offer_id
        where milestone.id = ledger_post.milestone_id;
    end if;
    if of_contract is null then
        select null::text as party, null::bigint as entries, null::bytea as seal, null::bigint as in_escrow_minor into next;
    else
        for leg in select value from jsonb_array_elements(ledger_post.postings) loop
            into_pots := into_pots
                + case when ledger_is_pot(leg ->> 'to_account') then (leg ->> 'amount_minor')::bigint else 0 end
                - case when ledger_is_pot(leg ->> 'from_account') then (leg ->> 'amount_minor')::bigint else 0 end;
        end loop;
        loop
            update ledger_statements statement
            set entries = statement.entries + 1, in_escrow_minor = statement.in_escrow_minor + into_pots,
                seal = sha256(convert_to(ledger_canonical(statement.seal, statement.entries + 1, ledger_post.reason,
                    ledger_post.key, ledger_post.milestone_id,
                    ledger_party(ledger_post.actor, statement.freelancer, ledger_post.staff),
                    ledger_post.posted_at, ledger_post.postings), 'UTF8'))
            where statement.contract_id = of_contract
            returning ledger_party(ledger_post.actor, statement.freelancer, ledger_post.staff) as party,
                statement.entries, statement.seal, statement.in_escrow_minor into next;
            exit when found;
            perform ledger_begin(of_contract);
        end loop;
    end if;
    insert into ledger_entries
        (id, reason, key, contract_id, milestone_id, actor, trace, posted_at, number, seal, form, party, in_escrow_minor) values
        (ledger_post.entry_id, ledger_post.reason, ledger_post.key, of_contract, ledger_post.milestone_id, ledger_post.actor,
         ledger_post.trace, ledger_post.posted_at, next.entries, next.seal, case when of_contract is not null then 2 end,
         next.party, next.in_escrow_minor);
    insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor, payment_id)
    select ledger_post.entry_id, leg.value ->> 'from_account', leg.value ->> 'to_account', leg.value ->> 'currency',
           (leg.value ->> 'amount_minor')::bigint, (leg.value ->> 'payment')::uuid
    from jsonb_array_elements(ledger_post.postings) with ordinality as leg (value, place)
    order by leg.place;
end $$;

-- Give a role what the marketplace needs, and take from it everything else. Run again after each
-- migration, it covers what is new.
create or replace function grant_to_app(app name) returns void language plpgsql as $$
declare
    kept text;
begin
    execute format('revoke all on all tables in schema public from %I', app);
    execute format('revoke all on schema public from %I', app);
    -- A table of its own could stand before ours where a check looks for it.
    execute format('revoke temporary on database %I from public', current_database());
    execute format('grant usage on schema public to %I', app);
    execute format('grant select, insert, update, delete on all tables in schema public to %I', app);
    execute format('grant usage, select on all sequences in schema public to %I', app);
    -- The books are read; only their own functions write them.
    foreach kept in array array['ledger_entries', 'ledger_postings', 'ledger_balances', 'ledger_credits',
        'ledger_statements',
        'ledger_rollups', 'ledger_cut', 'seaql_migrations'] loop
        execute format('revoke insert, update, delete on %I from %I', kept, app);
    end loop;
    -- These are added to, and never changed.
    foreach kept in array array['audit_log', 'policy_versions', 'processor_events'] loop
        execute format('revoke update, delete on %I from %I', kept, app);
    end loop;
end $$;
