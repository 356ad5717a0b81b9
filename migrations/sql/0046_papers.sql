-- Papers: who is paid, as a bank needs to know, what for, at which rate; and what clients say of their invoices.

-- Numbers of identity are kept encrypted, and found again only by their keyed hash.
create table payees (
    user_id     uuid primary key references users (id),
    latin_name  text check (length(latin_name) between 1 and 120),
    urdu_name   text check (length(urdu_name) between 1 and 120),
    address     text check (length(address) between 1 and 200),
    phone       text check (phone ~ '^\+[1-9][0-9]{7,14}$'),
    cnic_sealed bytea,
    cnic_lookup bytea,
    cnic_last4  text check (length(cnic_last4) = 4),
    ntn_sealed  bytea,
    ntn_lookup  bytea,
    ntn_last4   text check (length(ntn_last4) = 4),
    version     bigint not null,
    updated_at  timestamptz not null,
    constraint payees_cnic_whole check (num_nulls(cnic_sealed, cnic_lookup, cnic_last4) in (0, 3)),
    constraint payees_ntn_whole check (num_nulls(ntn_sealed, ntn_lookup, ntn_last4) in (0, 3))
);
create index payees_cnic on payees (cnic_lookup) where cnic_lookup is not null;
create index payees_ntn on payees (ntn_lookup) where ntn_lookup is not null;

-- The codes by which banks report to the State Bank what money from abroad is for. A code is never deleted: it
-- ends, and payouts keep the one they were made with.
create table purpose_codes (
    code       text not null check (code ~ '^[0-9]{4}$'),
    title      text not null check (length(title) between 1 and 120),
    valid_from timestamptz not null,
    valid_to   timestamptz,
    primary key (code, valid_from),
    check (valid_to > valid_from)
);
insert into purpose_codes (code, title, valid_from) values
    ('9102', 'Call centres', '2003-04-01Z'),
    ('9181', 'Hardware consultancy services', '2003-04-01Z'),
    ('9182', 'Software consultancy services', '2003-04-01Z'),
    ('9183', 'Maintenance and repair of computers', '2003-04-01Z'),
    ('9184', 'Export of computer software', '2003-04-01Z'),
    ('9185', 'Other computer services', '2003-04-01Z'),
    ('9186', 'Freelance computer and information services', '2020-08-01Z');

alter table payouts
    add column purpose text not null default '',
    add column written_purpose text not null default '' check (length(written_purpose) <= 140),
    add column quote jsonb,
    add column e_prc text check (e_prc ~ '^[A-Z0-9/-]{4,40}$');

-- What share of the work on a contract its client says is software development: the last word before an invoice
-- counts for it.
create table development_shares (
    id          uuid primary key,
    contract_id uuid not null references contracts (id),
    share_bp    integer not null check (share_bp between 0 and 10000),
    set_by      uuid not null references users (id),
    set_at      timestamptz not null
);
create index development_shares_of_contract on development_shares (contract_id, set_at);
