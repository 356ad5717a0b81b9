-- The open ledger: what a party can recompute. An entry's seal now covers the milestone and the side
-- that acted, a chain begins with the contract it belongs to, and each entry keeps what its contract
-- has in escrow after it, so that any page of a statement can be read by itself.

-- How an id is shown: its prefix, and 128 bits in Crockford's base 32. The same as in domain::id.
create function public_id(prefix text, id uuid) returns text language plpgsql immutable strict parallel safe as $$
declare
    alphabet constant text := '0123456789abcdefghjkmnpqrstvwxyz';
    b constant bytea := uuid_send(id);
begin
    -- In one expression, since a release needs it: a loop takes twice as long.
    return prefix || '_'
        || substr(alphabet, 1 + (get_byte(b, 0) >> 5), 1) || substr(alphabet, 1 + (get_byte(b, 0) & 31), 1)
        || substr(alphabet, 1 + ((get_byte(b, 1) >> 3) & 31), 1) || substr(alphabet, 1 + (((get_byte(b, 1) << 2) | (get_byte(b, 2) >> 6)) & 31), 1)
        || substr(alphabet, 1 + ((get_byte(b, 2) >> 1) & 31), 1) || substr(alphabet, 1 + (((get_byte(b, 2) << 4) | (get_byte(b, 3) >> 4)) & 31), 1)
        || substr(alphabet, 1 + (((get_byte(b, 3) << 1) | (get_byte(b, 4) >> 7)) & 31), 1) || substr(alphabet, 1 + ((get_byte(b, 4) >> 2) & 31), 1)
        || substr(alphabet, 1 + (((get_byte(b, 4) << 3) | (get_byte(b, 5) >> 5)) & 31), 1) || substr(alphabet, 1 + (get_byte(b, 5) & 31), 1)
        || substr(alphabet, 1 + ((get_byte(b, 6) >> 3) & 31), 1) || substr(alphabet, 1 + (((get_byte(b, 6) << 2) | (get_byte(b, 7) >> 6)) & 31), 1)
        || substr(alphabet, 1 + ((get_byte(b, 7) >> 1) & 31), 1) || substr(alphabet, 1 + (((get_byte(b, 7) << 4) | (get_byte(b, 8) >> 4)) & 31), 1)
        || substr(alphabet, 1 + (((get_byte(b, 8) << 1) | (get_byte(b, 9) >> 7)) & 31), 1) || substr(alphabet, 1 + ((get_byte(b, 9) >> 2) & 31), 1)
        || substr(alphabet, 1 + (((get_byte(b, 9) << 3) | (get_byte(b, 10) >> 5)) & 31), 1) || substr(alphabet, 1 + (get_byte(b, 10) & 31), 1)
        || substr(alphabet, 1 + ((get_byte(b, 11) >> 3) & 31), 1) || substr(alphabet, 1 + (((get_byte(b, 11) << 2) | (get_byte(b, 12) >> 6)) & 31), 1)
        || substr(alphabet, 1 + ((get_byte(b, 12) >> 1) & 31), 1) || substr(alphabet, 1 + (((get_byte(b, 12) << 4) | (get_byte(b, 13) >> 4)) & 31), 1)
        || substr(alphabet, 1 + (((get_byte(b, 13) << 1) | (get_byte(b, 14) >> 7)) & 31), 1) || substr(alphabet, 1 + ((get_byte(b, 14) >> 2) & 31), 1)
        || substr(alphabet, 1 + (((get_byte(b, 14) << 3) | (get_byte(b, 15) >> 5)) & 31), 1) || substr(alphabet, 1 + (get_byte(b, 15) & 31), 1);
end $$;

-- Is the money in this account held for work?
create function ledger_is_pot(account text) returns boolean language sql immutable parallel safe as $$
    select split_part(account, ':', 1) in ('escrow', 'timesheet_escrow')
$$;

alter table ledger_statements set (fillfactor = 50);
alter table ledger_statements
    add column in_escrow_minor bigint not null default 0,
    -- The global id of the contract's freelancer: who acts under it is their side.
    add column freelancer text;
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
update ledger_statements statement
set in_escrow_minor = last.in_escrow_minor, freelancer = public_id('usr', offer.freelancer_id)
from ledger_entries last, offers offer
where last.contract_id = statement.contract_id and last.number = statement.entries and offer.contract_id = statement.contract_id;

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

-- The side that acted, as far as the other may know.
create function ledger_party(actor text, freelancer text, staff boolean) returns text language sql immutable as $$
    select case when actor in ('system', 'nobody') then 'system' when actor = freelancer then 'freelancer'
                when staff then 'staff' else 'client' end
$$;

-- Begin the statement of a contract, or of what may become one.
create function ledger_begin(contract_id uuid) returns void language sql as $$
    insert into ledger_statements (contract_id, entries, seal, in_escrow_minor, freelancer)
    select $1, 0, ledger_genesis($1), 0, public_id('usr', (select freelancer_id from offers where offers.contract_id = $1))
    on conflict do nothing
$$;

drop function ledger_post(uuid, text, text, uuid, uuid, text, text, timestamptz, jsonb);
-- One call posts one entry: all that happens under lock is one round trip. Money of an offer's
-- milestone is booked for the contract the offer may become. `staff`: the actor works for us.
create function ledger_post(
    entry_id uuid, reason text, key text, contract_id uuid, milestone_id uuid, actor text, trace text,
    posted_at timestamptz, postings jsonb, staff boolean default false
) returns void language plpgsql as $$
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
    insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor)
    select ledger_post.entry_id, leg.value ->> 'from_account', leg.value ->> 'to_account', leg.value ->> 'currency',
           (leg.value ->> 'amount_minor')::bigint
    from jsonb_array_elements(ledger_post.postings) with ordinality as leg (value, place)
    order by leg.place;
end $$;
