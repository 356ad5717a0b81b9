-- Deals: offers, contracts, milestones with their money, payments, payouts, reviews. What a state
-- needs beyond its name is kept beside it as one JSON value, whose name of the state must agree.

-- Fees and time limits: dated, never changed, copied onto what is made under them.
create table policy_versions (
    number         integer primary key check (number > 0),
    effective_from timestamptz not null,
    note           text not null,
    terms          jsonb not null
);
create trigger policy_versions_append_only before update or delete on policy_versions
    for each row execute function refuse_change();

insert into policy_versions (number, effective_from, note, terms) values (1, '2026-01-01T00:00:00Z', 'The first policy', '{"freelancer_fee":500,"client_fee":300,"tip_fee":0,"client_fee_returned":true,"milestone_min":{"minor":100,"currency":"USD"},"milestone_max":{"minor":100000000,"currency":"USD"},"offer_expiry_days":7,"funding_expiry_hours":24,"review_days":14,"review_notice_days":[7,12,13],"dispute_from_round":3,"security_hold_days":5,"refund_request_days":7,"dormancy_notice_days":[76,83],"dormancy_days":90,"dormancy_answer_days":14,"refund_after_days":180,"chargeback_takes_pending":true,"grace_cap_hours":72,"weekly_limit_minutes":2400,"charge_retry_days":[1,3,5],"dispute_answer_business_days":5,"arbitration_days":7,"arbitration_fee":{"minor":15000,"currency":"USD"},"small_claims_under":{"minor":50000,"currency":"USD"},"payout_min":{"minor":1000,"currency":"USD"},"payout_method_cooling_days":3,"payout_poll_minutes":15,"review_writing_days":14}');

create table offers (
    id                 uuid primary key,
    -- The id its contract has, or would have: money paid before there is a contract is booked for it.
    contract_id        uuid not null constraint offers_contract_once unique,
    gig_id             uuid,
    proposal_id        uuid,
    organization_id    uuid not null references organizations (id),
    freelancer_id      uuid not null references users (id),
    title              text not null check (length(title) between 1 and 120),
    message            text not null check (length(message) <= 5000),
    engagement         jsonb not null,
    first_milestone_id uuid,
    policy             integer not null references policy_versions (number),
    terms              jsonb not null,
    version            bigint not null,
    status             text not null check (status in ('draft', 'pending_funding', 'sent', 'accepted', 'declined', 'withdrawn', 'expired')),
    state              jsonb not null,
    created_at         timestamptz not null,
    constraint offers_state_agrees check (state ->> 'status' = status),
    constraint offers_first_milestone check ((engagement ->> 'kind' = 'fixed') = (first_milestone_id is not null))
);
-- One live offer for a proposal.
create unique index offers_one_live on offers (proposal_id) where status in ('draft', 'pending_funding', 'sent');
create index offers_of_organization on offers (organization_id, id);
create index offers_of_freelancer on offers (freelancer_id, id) where status <> 'draft';

create table contracts (
    id              uuid primary key,
    offer_id        uuid not null references offers (id),
    gig_id          uuid,
    proposal_id     uuid,
    organization_id uuid not null references organizations (id),
    freelancer_id   uuid not null references users (id),
    title           text not null,
    engagement      jsonb not null,
    policy          integer not null references policy_versions (number),
    terms           jsonb not null,
    version         bigint not null,
    status          text not null check (status in ('active', 'paused', 'on_hold', 'ending', 'ended')),
    state           jsonb not null,
    created_at      timestamptz not null,
    constraint contracts_offer_once unique (offer_id),
    constraint contracts_state_agrees check (state ->> 'status' = status)
);
create index contracts_of_organization on contracts (organization_id, id);
create index contracts_of_freelancer on contracts (freelancer_id, id);
create index contracts_of_gig on contracts (gig_id);

create table milestones (
    id              uuid primary key,
    contract_id     uuid references contracts (id),
    offer_id        uuid references offers (id),
    organization_id uuid not null references organizations (id),
    freelancer_id   uuid not null references users (id),
    terms           jsonb not null,
    kind            text not null check (kind in ('work', 'bonus', 'tip')),
    title           text not null check (length(title) between 1 and 120),
    description     text not null check (length(description) <= 5000),
    due_at          timestamptz,
    currency        text not null check (currency in ('USD', 'PKR')),
    amount_minor    bigint not null check (amount_minor >= 0),
    version         bigint not null,
    status          text not null check (status in (
        'proposed', 'agreed', 'funding', 'funded', 'submitted', 'changes_requested', 'approved', 'released',
        'refund_requested', 'refunded', 'disputed', 'split', 'dormant', 'refunded_after', 'charged_back', 'cancelled')),
    state           jsonb not null,
    -- Where its money is. What is held is the balance of its escrow account, or nothing is written.
    escrow_account  text not null,
    held_minor            bigint not null check (held_minor >= 0),
    released_net_minor    bigint not null check (released_net_minor >= 0),
    fee_minor             bigint not null check (fee_minor >= 0),
    refunded_minor        bigint not null check (refunded_minor >= 0),
    charged_back_minor    bigint not null check (charged_back_minor >= 0),
    escrow          jsonb not null,
    holds           jsonb not null,
    submissions     integer not null check (submissions >= 0),
    rounds          integer not null check (rounds >= 0),
    grace_hours     integer not null check (grace_hours >= 0),
    payments        jsonb not null,
    chargebacks     jsonb not null,
    early_chargebacks jsonb not null,
    constraint milestones_state_agrees check (state ->> 'status' = status),
    constraint milestones_belong check (contract_id is not null or offer_id is not null)
    -- Room on each page for the next version of a row. No index is on what changes from state to state,
    -- so a new version beside the old one is all that is written.
) with (fillfactor = 70);
create index milestones_of_contract on milestones (contract_id, id);
create index milestones_of_offer on milestones (offer_id, id);
create index milestones_of_organization on milestones (organization_id);
create index milestones_of_freelancer on milestones (freelancer_id);

-- The row and the books say the same, whoever wrote last; it is asked when the transaction ends.
create function milestone_held_agrees() returns trigger language plpgsql as $$
declare
    kept record;
    booked bigint;
begin
    select id, escrow_account, currency, held_minor into kept from milestones where id = new.id;
    select balance_minor into booked from ledger_balances
    where account = kept.escrow_account and currency = kept.currency;
    if coalesce(booked, 0) <> kept.held_minor then
        raise exception 'milestone % holds % but its account has %', kept.id, kept.held_minor, coalesce(booked, 0)
            using errcode = 'check_violation', constraint = 'milestone_held_agrees';
    end if;
    return null;
end $$;
create constraint trigger milestone_held_agrees after insert or update of held_minor on milestones
    deferrable initially deferred for each row execute function milestone_held_agrees();

create table submissions (
    id           uuid primary key,
    milestone_id uuid not null references milestones (id),
    author_id    uuid not null references users (id),
    message      text not null check (length(message) between 1 and 5000),
    links        jsonb not null,
    created_at   timestamptz not null
);
create index submissions_of_milestone on submissions (milestone_id, id);

create table payments (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    milestone_id    uuid not null references milestones (id),
    method          text not null check (method like 'pm\_%'),
    quote           jsonb not null,
    total_minor     bigint not null check (total_minor > 0),
    status          text not null check (status in ('starting', 'processing', 'succeeded', 'failed')),
    state           jsonb not null,
    created_at      timestamptz not null,
    constraint payments_state_agrees check (state ->> 'status' = status)
);
create index payments_of_milestone on payments (milestone_id, id);
create index payments_of_organization on payments (organization_id, id);

-- What processors and rails told us: an event's id is written in the transaction that acts on it.
create table processor_events (
    source      text not null check (source in ('sandbox', 'stripe', 'rail_sandbox')),
    id          text not null check (length(id) between 1 and 255),
    kind        text not null,
    subject     text not null,
    received_at timestamptz not null,
    primary key (source, id)
);

-- The sandbox processor keeps its own books, as a real one would; nothing refers to them from here.
create table sandbox_intents (
    id              text primary key,
    idempotency_key text not null constraint sandbox_intents_key unique,
    payment         text not null,
    method          text not null,
    total_minor     bigint not null,
    currency        text not null,
    client_secret   text not null,
    created_at      timestamptz not null
);
create table sandbox_events (
    id         text primary key,
    body       jsonb not null,
    deliver_at timestamptz not null,
    told_at    timestamptz
);
create index sandbox_events_due on sandbox_events (deliver_at) where told_at is null;

create table reviews (
    id              uuid primary key,
    contract_id     uuid not null references contracts (id),
    organization_id uuid not null references organizations (id),
    freelancer_id   uuid not null references users (id),
    side            text not null check (side in ('client', 'freelancer')),
    author_id       uuid not null references users (id),
    rating          smallint not null check (rating between 1 and 5),
    text            text not null check (length(text) between 10 and 5000),
    written_at      timestamptz not null,
    published_at    timestamptz,
    reply           text check (length(reply) between 1 and 2000),
    replied_at      timestamptz,
    constraint reviews_once unique (contract_id, side),
    constraint reviews_reply_whole check ((reply is null) = (replied_at is null)),
    constraint reviews_reply_after check (reply is null or published_at is not null)
);
create index reviews_of_freelancer on reviews (freelancer_id, id) where published_at is not null and side = 'client';
create index reviews_of_organization on reviews (organization_id, id) where published_at is not null and side = 'freelancer';

-- The statement of a contract: its entries numbered, each sealed over its content and the seal
-- before it, so that a party who keeps one seal can tell whether anything before it was changed.
create table ledger_statements (
    contract_id uuid primary key,
    entries     bigint not null,
    seal        bytea not null
);
alter table ledger_entries add column number bigint;
alter table ledger_entries add column seal bytea;
create unique index ledger_entries_statement on ledger_entries (contract_id, number) where contract_id is not null;

-- The canonical form of an entry, over which its seal is made: lines of UTF-8, each ended by a line
-- feed; the previous seal in hexadecimal (empty for the first), number, reason, key, instant in UTC
-- to the microsecond, then a line a posting in the order of posting: from, to, currency, minor units.
create function ledger_canonical(previous bytea, number bigint, reason text, key text, posted_at timestamptz, postings jsonb)
returns text language sql immutable as $$
    select concat_ws(E'\n', coalesce(encode(previous, 'hex'), ''), number::text, reason, key,
        to_char(posted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        (select string_agg(concat_ws(' ', leg ->> 'from_account', leg ->> 'to_account', leg ->> 'currency', leg ->> 'amount_minor'), E'\n' order by place)
         from jsonb_array_elements(postings) with ordinality as legs (leg, place))) || E'\n'
$$;

drop function ledger_post(uuid, text, text, uuid, uuid, text, text, timestamptz, jsonb);
-- One call posts one entry: all that happens under lock is one round trip. Money of an offer's
-- milestone is booked for the contract the offer may become.
create function ledger_post(
    entry_id uuid, reason text, key text, contract_id uuid, milestone_id uuid, actor text, trace text,
    posted_at timestamptz, postings jsonb
) returns void language plpgsql as $$
declare
    of_contract uuid := ledger_post.contract_id;
    previous ledger_statements;
    next_number bigint;
    next_seal bytea;
begin
    if of_contract is null and ledger_post.milestone_id is not null then
        select coalesce(milestone.contract_id, offer.contract_id) into of_contract
        from milestones milestone left join offers offer on offer.id = milestone.offer_id
        where milestone.id = ledger_post.milestone_id;
    end if;
    if of_contract is not null then
        insert into ledger_statements values (of_contract, 0, '') on conflict do nothing;
        select * into previous from ledger_statements statement where statement.contract_id = of_contract for update;
        next_number := previous.entries + 1;
        next_seal := sha256(convert_to(ledger_canonical(previous.seal, next_number, ledger_post.reason, ledger_post.key,
            ledger_post.posted_at, ledger_post.postings), 'UTF8'));
        update ledger_statements statement set entries = next_number, seal = next_seal where statement.contract_id = of_contract;
    end if;
    insert into ledger_entries (id, reason, key, contract_id, milestone_id, actor, trace, posted_at, number, seal) values
        (ledger_post.entry_id, ledger_post.reason, ledger_post.key, of_contract,
         ledger_post.milestone_id, ledger_post.actor, ledger_post.trace, ledger_post.posted_at, next_number, next_seal);
    insert into ledger_postings (entry_id, from_account, to_account, currency, amount_minor)
    select ledger_post.entry_id, leg.value ->> 'from_account', leg.value ->> 'to_account', leg.value ->> 'currency',
           (leg.value ->> 'amount_minor')::bigint
    from jsonb_array_elements(ledger_post.postings) with ordinality as leg (value, place)
    order by leg.place;
end $$;
