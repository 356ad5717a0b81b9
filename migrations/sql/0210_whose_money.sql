-- Whose money it is does not change once it is written down, and what a pot has moves by an entry of its contract alone.

-- Does this pot belong to this contract, or to the offer that may become it? All rows that name the pot are asked.
create function ledger_pot_is_of(pot text, of_contract uuid) returns boolean language plpgsql stable as $$
begin
    if starts_with(pot, 'escrow:') then
        return (select coalesce(bool_and(coalesce(milestone.contract_id,
                    (select offer.contract_id from offers offer where offer.id = milestone.offer_id)) = of_contract), false)
                from milestones milestone where milestone.escrow_account = pot);
    end if;
    return (select coalesce(bool_and(week.contract_id = of_contract), false)
            from timesheets week where week.escrow_account = pot);
end $$;

create or replace function ledger_post(
    entry_id uuid, reason text, key text, contract_id uuid, milestone_id uuid, actor text, trace text,
    posted_at timestamptz, postings jsonb, staff boolean default false
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
declare
    of_contract uuid := ledger_post.contract_id;
    into_pots bigint := 0;
    leg jsonb;
    pot text;
    -- The pot that was asked about last: most entries have one.
    known text;
    -- Who acted, number, seal, and what is in escrow.
    next record;
begin
    if of_contract is null and ledger_post.milestone_id is not null then
        select coalesce(milestone.contract_id, offer.contract_id) into of_contract
        from milestones milestone left join offers offer on offer.id = milestone.offer_id
        where milestone.id = ledger_post.milestone_id;
    end if;
    for leg in select value from jsonb_array_elements(ledger_post.postings) loop
        foreach pot in array array[leg ->> 'to_account', leg ->> 'from_account'] loop
            continue when not ledger_is_pot(pot);
            into_pots := into_pots
                + case when pot = leg ->> 'to_account' then 1 else -1 end * (leg ->> 'amount_minor')::bigint;
            if pot is distinct from known and (of_contract is null or not ledger_pot_is_of(pot, of_contract)) then
                raise exception 'the entry % moves what % has, and is not of its contract', ledger_post.key, pot
                    using errcode = 'check_violation', constraint = 'ledger_pot_of_contract';
            end if;
            known := pot;
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

-- These are asked of statements alone that write such a column: what a release writes has none of them.
create function whose_it_is_stays() returns trigger language plpgsql as $$
begin
    raise exception 'whose the money of % % is, and where it goes, stays as it was', tg_table_name, old.id
        using errcode = 'restrict_violation', constraint = 'whose_it_is_stays';
end $$;

create trigger offers_stay before update of contract_id, organization_id, freelancer_id on offers for each row
    when ((old.contract_id, old.organization_id, old.freelancer_id)
        is distinct from (new.contract_id, new.organization_id, new.freelancer_id))
    execute function whose_it_is_stays();
create trigger contracts_stay before update of offer_id, organization_id, freelancer_id on contracts for each row
    when ((old.offer_id, old.organization_id, old.freelancer_id)
        is distinct from (new.offer_id, new.organization_id, new.freelancer_id))
    execute function whose_it_is_stays();
create trigger milestones_stay before update of contract_id, offer_id, organization_id, freelancer_id, currency, escrow_account
    on milestones for each row
    when ((old.offer_id, old.organization_id, old.freelancer_id, old.currency, old.escrow_account)
        is distinct from (new.offer_id, new.organization_id, new.freelancer_id, new.currency, new.escrow_account)
        or (old.contract_id is not null and new.contract_id is distinct from old.contract_id))
    execute function whose_it_is_stays();
create trigger timesheets_stay before update of contract_id, organization_id, freelancer_id, currency, escrow_account, split_from
    on timesheets for each row
    when ((old.contract_id, old.organization_id, old.freelancer_id, old.currency, old.escrow_account, old.split_from)
        is distinct from (new.contract_id, new.organization_id, new.freelancer_id, new.currency, new.escrow_account, new.split_from))
    execute function whose_it_is_stays();
create trigger payouts_stay before update of user_id, method_id, currency, amount_minor, retention_method_id, retention_minor
    on payouts for each row
    when ((old.user_id, old.method_id, old.currency, old.amount_minor, old.retention_method_id, old.retention_minor)
        is distinct from (new.user_id, new.method_id, new.currency, new.amount_minor, new.retention_method_id, new.retention_minor))
    execute function whose_it_is_stays();
create trigger payout_methods_stay before update of user_id, currency on payout_methods for each row
    when ((old.user_id, old.currency) is distinct from (new.user_id, new.currency))
    execute function whose_it_is_stays();

-- A milestone of an offer joins the contract that the offer becomes, and no other.
create function milestone_joins_its_contract() returns trigger language plpgsql as $$
begin
    if not exists (select from offers where id = new.offer_id and contract_id = new.contract_id) then
        raise exception 'milestone % does not belong to contract %', new.id, new.contract_id
            using errcode = 'restrict_violation', constraint = 'whose_it_is_stays';
    end if;
    return new;
end $$;
create trigger milestone_joins_its_contract before update of contract_id on milestones for each row
    when (old.contract_id is null and new.contract_id is not null)
    execute function milestone_joins_its_contract();

-- What was agreed stays word for word. A later program writes its own words for the same: what both say must be the same,
-- and what it was written as is kept.
create function terms_stay() returns trigger language plpgsql as $$
begin
    if exists (select from jsonb_each(old.terms::jsonb) was join jsonb_each(new.terms::jsonb) said using (key)
               where said.value is distinct from was.value) then
        raise exception 'the terms of % % stay as they were agreed', tg_table_name, old.id
            using errcode = 'restrict_violation', constraint = 'terms_stay';
    end if;
    new.terms := old.terms;
    return new;
end $$;
create trigger offers_terms_stay before update of terms on offers for each row
    when (old.terms::text <> new.terms::text) execute function terms_stay();
create trigger contracts_terms_stay before update of terms on contracts for each row
    when (old.terms::text <> new.terms::text) execute function terms_stay();
create trigger milestones_terms_stay before update of terms on milestones for each row
    when (old.terms::text <> new.terms::text) execute function terms_stay();
create trigger timesheets_terms_stay before update of terms on timesheets for each row
    when (old.terms::text <> new.terms::text) execute function terms_stay();
create trigger payouts_terms_stay before update of terms on payouts for each row
    when (old.terms::text <> new.terms::text) execute function terms_stay();
