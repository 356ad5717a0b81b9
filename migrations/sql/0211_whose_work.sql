-- What a contract pays is its own freelancer's: an entry of its statement moves nobody else's pending or available money.

create or replace function ledger_post(
    entry_id uuid, reason text, key text, contract_id uuid, milestone_id uuid, actor text, trace text,
    posted_at timestamptz, postings jsonb, staff boolean default false
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
    of_contract uuid := ledger_post.contract_id;
    into_pots bigint := 0;
    leg jsonb;
    account text;
    -- The pot that was asked about last: most entries have one.
    known text;
    -- Those whose pending or available money is moved.
    persons text[] := '{}';
    -- Who acted, number, seal, what is in escrow, and whose work the contract is about.
    next record;
begin
    if of_contract is null and ledger_post.milestone_id is not null then
        select coalesce(milestone.contract_id, offer.contract_id) into of_contract
        from milestones milestone left join offers offer on offer.id = milestone.offer_id
        where milestone.id = ledger_post.milestone_id;
    end if;
    for leg in select value from jsonb_array_elements(ledger_post.postings) loop
        foreach account in array array[leg ->> 'to_account', leg ->> 'from_account'] loop
            if ledger_is_pot(account) then
                into_pots := into_pots
                    + case when account = leg ->> 'to_account' then 1 else -1 end * (leg ->> 'amount_minor')::bigint;
                if account is distinct from known
                    and (of_contract is null or not ledger_pot_is_of(account, of_contract)) then
                    raise exception 'the entry % moves what % has, and is not of its contract', ledger_post.key, account
                        using errcode = 'check_violation', constraint = 'ledger_pot_of_contract';
                end if;
                known := account;
            elsif split_part(account, ':', 1) in ('pending', 'available') then
                persons := persons || split_part(account, ':', 2);
            end if;
        end loop;
    end loop;
    if of_contract is null then
        select null::text as party, null::bigint as entries, null::bytea as seal, null::bigint as in_escrow_minor into next;
    else
        loop
            update ledger_statements statement
            set entries = statement.entries + 1, in_escrow_minor = statement.in_escrow_minor + into_pots,
                seal = sha256(convert_to(ledger_canonical(statement.seal, statement.entries + 1, ledger_post.reason,
                    ledger_post.key, ledger_post.milestone_id,
                    ledger_party(ledger_post.actor, statement.freelancer, ledger_post.staff),
                    ledger_post.posted_at, ledger_post.postings), 'UTF8'))
            where statement.contract_id = of_contract
            returning ledger_party(ledger_post.actor, statement.freelancer, ledger_post.staff) as party,
                statement.entries, statement.seal, statement.in_escrow_minor, statement.freelancer into next;
            exit when found;
            perform ledger_begin(of_contract);
        end loop;
        if not persons <@ array[next.freelancer] then
            raise exception 'the entry % moves money of %, and the work of its contract is done by %',
                ledger_post.key, array_to_string(persons, ' and '), next.freelancer
                using errcode = 'check_violation', constraint = 'ledger_person_of_contract';
        end if;
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
