-- What freelancers say of themselves to clients in the United States. Each row is somebody's statement on a day: it is
-- added, and never changed. No tax number and no document is kept.
create table tax_forms (
    user_id      uuid not null references users (id),
    number       integer not null check (number > 0),
    country      text not null check (country ~ '^[A-Z]{2}$' and country <> 'US'),
    wording      smallint not null check (wording > 0),
    certified_at timestamptz not null,
    -- The last day of the third calendar year after the one it was signed in.
    lapses_on    date not null constraint tax_forms_lapse check
        (lapses_on = make_date(extract(year from certified_at at time zone 'utc')::integer + 3, 12, 31)),
    primary key (user_id, number)
);
create trigger tax_forms_append_only before update or delete on tax_forms
    for each row execute function refuse_change();
create trigger tax_forms_no_truncate before truncate on tax_forms
    for each statement execute function refuse_change();

-- Forms that hold no more, because their person moved.
create table tax_form_withdrawals (
    user_id      uuid not null,
    number       integer not null,
    withdrawn_at timestamptz not null,
    primary key (user_id, number),
    foreign key (user_id, number) references tax_forms (user_id, number)
);
create trigger tax_form_withdrawals_append_only before update or delete on tax_form_withdrawals
    for each row execute function refuse_change();
create trigger tax_form_withdrawals_no_truncate before truncate on tax_form_withdrawals
    for each statement execute function refuse_change();

-- Where a contract's freelancer says that its work is done.
create table place_attestations (
    contract_id uuid not null references contracts (id),
    number      integer not null check (number between 1 and 100),
    country     text not null check (country ~ '^[A-Z]{2}$' and country <> 'US'),
    wording     smallint not null check (wording > 0),
    attested_at timestamptz not null,
    primary key (contract_id, number)
);
create trigger place_attestations_append_only before update or delete on place_attestations
    for each row execute function refuse_change();
create trigger place_attestations_no_truncate before truncate on place_attestations
    for each statement execute function refuse_change();
