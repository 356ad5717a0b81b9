-- The open ledger: what a party can recompute. An entry's seal now covers the milestone and the side
-- that acted, a chain begins with the contract it belongs to, and each entry keeps what its contract
-- has in escrow after it, so that any page of a statement can be read by itself.

-- How an id is shown: its prefix, and 128 bits in Crockford's base 32. The same as in domain::id.
create function public_id(prefix text, id uuid) returns text language plpgsql immutable strict parallel safe as $$
declare
    alphabet constant text := '0123456789abcdefghjkmnpqrstvwxyz';
    bits constant bit varying := B'00' || ('x' || replace(id::text, '-', ''))::bit(128);
    shown text := prefix || '_';
begin
    for place in 0 .. 25 loop
        shown := shown || substr(alphabet, 1 + substring(bits from place * 5 + 1 for 5)::bit(5)::integer, 1);
    end loop;
    return shown;
end $$;

-- Is the money in this account held for work?
create function ledger_is_pot(account text) returns boolean language sql immutable parallel safe as $$
    select split_part(account, ':', 1) in ('escrow', 'timesheet_escrow')
$$;

alter table ledger_statements add column in_escrow_minor bigint not null default 0;
alter table ledger_entries
    -- Which canonical form its seal is made over; see VERIFYING.md.
    add column form smallint,
    -- Who acted, as far as the other side may know.
    add column party text,
    add column in_escrow_minor bigint;

-- What was sealed before keeps its seal, and its form.
alter table ledger_entries disable trigger ledger_entries_append_only;
update ledger_entries entry set form = 1, in_escrow_minor = running.in_escrow
from (
    select sealed.id, sum(moved.into_pots) over (partition by sealed.contract_id order by sealed.number) as in_escrow
    from ledger_entries sealed, lateral (
        select sum(case when ledger_is_pot(to_account) then amount_minor else 0 end
                 - case when ledger_is_pot(from_account) then amount_minor else 0 end) as into_pots
        from ledger_postings where entry_id = sealed.id) moved
    where sealed.contract_id is not null
) running
where entry.id = running.id;
alter table ledger_entries enable trigger ledger_entries_append_only;
update ledger_statements statement set in_escrow_minor = last.in_escrow_minor
from ledger_entries last
where last.contract_id = statement.contract_id and last.number = statement.entries;

alter table ledger_statements add constraint ledger_statements_never_negative check (in_escrow_minor >= 0);
alter table ledger_entries
    add constraint ledger_entries_party check (party in ('system', 'client', 'freelancer', 'staff')),
    -- An entry of a contract is part of its statement; any other is part of none.
    add constraint ledger_entries_sealed check (
        case when contract_id is null then num_nonnulls(number, seal, form, party, in_escrow_minor) = 0
        else num_nulls(number, seal, form, in_escrow_minor) = 0 and form in (1, 2) and (form = 1) = (party is null) end),
    -- Each is one line of what is sealed.
    add constraint ledger_entries_lines check (reason !~ '[[:cntrl:]]' and key !~ '[[:cntrl:]]');

-- What the chain of a contract hangs on: the seal before its first entry.
create function ledger_genesis(contract_id uuid) returns bytea language sql immutable as $$
    select sha256(convert_to('rabta statement of ' || public_id('con', contract_id) || E'\n', 'UTF8'))
$$;

drop function ledger_canonical(bytea, bigint, text, text, timestamptz, jsonb);
-- The canonical form of an entry (form 2), over which its seal is made: lines of UTF-8, each ended by
-- a line feed. The seal before it in hexadecimal, number, reason, key, milestone (empty if it is about
-- none), side that acted, instant in UTC to the microsecond; then a line a posting in the order of
-- posting: from, to, currency, minor units.
create function ledger_canonical(previous bytea, number bigint, reason text, key text, milestone_id uuid, party text,
    posted_at timestamptz, postings jsonb)
returns text language plpgsql immutable as $$
declare
    lines text := concat_ws(E'\n', encode(previous, 'hex'), number::text, reason, key,
        coalesce(public_id('mil', milestone_id), ''), party,
        to_char(posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
    leg jsonb;
begin
    for leg in select value from jsonb_array_elements(postings) loop
        lines := lines || E'\n' || concat_ws(' ', leg ->> 'from_account', leg ->> 'to_account', leg ->> 'currency', leg ->> 'amount_minor');
    end loop;
    return lines || E'\n';
end $$;

drop function ledger_post(uuid, text, text, uuid, uuid, text, text, timestamptz, jsonb);
-- One call posts one entry: all that happens under lock is one round trip. Money of an offer's
-- milestone is booked for the contract the offer may become. `staff`: the actor works for us.
create function ledger_post(
    entry_id uuid, reason text, key text, contract_id uuid, milestone_id uuid, actor text, trace text,
    posted_at timestamptz, postings jsonb, staff boolean default false
) returns void language plpgsql as $$
declare
    of_contract uuid := ledger_post.contract_id;
    freelancer uuid;
    party text;
    previous ledger_statements;
    next ledger_statements;
begin
    if ledger_post.milestone_id is not null then
        select coalesce(of_contract, milestone.contract_id, offer.contract_id), milestone.freelancer_id
        into of_contract, freelancer
        from milestones milestone left join offers offer on offer.id = milestone.offer_id
        where milestone.id = ledger_post.milestone_id;
        of_contract := coalesce(of_contract, ledger_post.contract_id);
    end if;
    if of_contract is not null then
        select * into previous from ledger_statements statement where statement.contract_id = of_contract for update;
        if not found then
            insert into ledger_statements values (of_contract, 0, ledger_genesis(of_contract), 0) on conflict do nothing;
            select * into previous from ledger_statements statement where statement.contract_id = of_contract for update;
        end if;
        if ledger_post.actor in ('system', 'nobody') then
            party := 'system';
        else
            if freelancer is null then
                select contract.freelancer_id into freelancer from contracts contract where contract.id = of_contract;
            end if;
            party := case when ledger_post.actor = public_id('usr', freelancer) then 'freelancer'
                          when ledger_post.staff then 'staff' else 'client' end;
        end if;
        next := previous;
        next.entries := previous.entries + 1;
        next.in_escrow_minor := previous.in_escrow_minor + (
            select coalesce(sum(case when ledger_is_pot(leg ->> 'to_account') then (leg ->> 'amount_minor')::bigint else 0 end
                              - case when ledger_is_pot(leg ->> 'from_account') then (leg ->> 'amount_minor')::bigint else 0 end), 0)
            from jsonb_array_elements(ledger_post.postings) as legs (leg));
        next.seal := sha256(convert_to(ledger_canonical(previous.seal, next.entries, ledger_post.reason, ledger_post.key,
            ledger_post.milestone_id, party, ledger_post.posted_at, ledger_post.postings), 'UTF8'));
        update ledger_statements statement
        set entries = next.entries, seal = next.seal, in_escrow_minor = next.in_escrow_minor
        where statement.contract_id = of_contract;
    end if;
    insert into ledger_entries
        (id, reason, key, contract_id, milestone_id, actor, trace, posted_at, number, seal, form, party, in_escrow_minor) values
        (ledger_post.entry_id, ledger_post.reason, ledger_post.key, of_contract, ledger_post.milestone_id, ledger_post.actor,
         ledger_post.trace, ledger_post.posted_at, next.entries, next.seal, case when of_contract is not null then 2 end,
         party, next.in_escrow_minor);
    insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor)
    select ledger_post.entry_id, leg.value ->> 'from_account', leg.value ->> 'to_account', leg.value ->> 'currency',
           (leg.value ->> 'amount_minor')::bigint
    from jsonb_array_elements(ledger_post.postings) with ordinality as leg (value, place)
    order by leg.place;
end $$;
