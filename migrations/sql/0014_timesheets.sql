-- Work by the hour: the weeks of a contract with what was worked in them and their money, and the
-- cards that weeks are charged to.

create table timesheets (
    id              uuid primary key,
    contract_id     uuid not null references contracts (id),
    organization_id uuid not null references organizations (id),
    freelancer_id   uuid not null references users (id),
    terms           jsonb not null,
    week            date not null constraint timesheets_begin_on_monday check (extract(isodow from week) = 1),
    -- The week whose disputed entries went apart to this one.
    split_from      uuid references timesheets (id),
    currency           text not null check (currency in ('USD', 'PKR')),
    hourly_rate_minor  bigint not null check (hourly_rate_minor > 0),
    limit_minutes      integer not null check (limit_minutes between 1 and 10080),
    awarded_minor      bigint check (awarded_minor >= 0),
    version         bigint not null,
    status          text not null check (status in (
        'open', 'submitted', 'disputed', 'approved', 'charging', 'unpaid', 'held', 'paid', 'void', 'charged_back')),
    state           jsonb not null,
    -- Where its money is. What is held is the balance of its escrow account, or nothing is written.
    escrow_account  text not null,
    held_minor            bigint not null check (held_minor >= 0),
    released_net_minor    bigint not null check (released_net_minor >= 0),
    fee_minor             bigint not null check (fee_minor >= 0),
    refunded_minor        bigint not null check (refunded_minor >= 0),
    charged_back_minor    bigint not null check (charged_back_minor >= 0),
    escrow            jsonb not null,
    payments          jsonb not null,
    credited          jsonb not null,
    chargebacks       jsonb not null,
    early_chargebacks jsonb not null,
    constraint timesheets_state_agrees check (state ->> 'status' = status),
    constraint timesheets_settled_hold_nothing check (held_minor = 0 or status not in ('open', 'paid', 'void', 'charged_back'))
);
-- One a week, whoever comes first; what a dispute splits off stands beside it.
create unique index timesheets_once on timesheets (contract_id, week) where split_from is null;
create index timesheets_of_contract on timesheets (contract_id, id);
create index timesheets_split on timesheets (split_from) where split_from is not null;
create index timesheets_of_organization on timesheets (organization_id) where held_minor > 0;
create index timesheets_held_of_freelancer on timesheets (freelancer_id) where held_minor > 0;
create index timesheets_of_freelancer on timesheets (freelancer_id, id);

-- The row and the books say the same, whoever wrote last; it is asked when the transaction ends.
create function timesheet_held_agrees() returns trigger language plpgsql as $$
declare
    kept timesheets;
    booked bigint;
begin
    select * into kept from timesheets where id = new.id;
    select balance_minor into booked from ledger_balances
    where account = kept.escrow_account and currency = kept.currency;
    if coalesce(booked, 0) <> kept.held_minor then
        raise exception 'timesheet % holds % but its account has %', kept.id, kept.held_minor, coalesce(booked, 0)
            using errcode = 'check_violation', constraint = 'timesheet_held_agrees';
    end if;
    return null;
end $$;
create constraint trigger timesheet_held_agrees after insert or update of held_minor on timesheets
    deferrable initially deferred for each row execute function timesheet_held_agrees();

create table time_entries (
    id           uuid primary key,
    timesheet_id uuid not null references timesheets (id),
    date         date not null,
    minutes      integer not null check (minutes between 1 and 1440),
    note         text not null check (length(note) between 1 and 500),
    -- Written by hand afterwards, rather than tracked.
    manual       boolean not null
);
create index time_entries_of_timesheet on time_entries (timesheet_id, id);

-- What was written down is added and taken back only while the week is open, and never rewritten:
-- once the client looks at it, it stays as it is. A dispute moves an entry, as it is, to the
-- timesheet that is split off.
create function time_entry_stands() returns trigger language plpgsql as $$
declare
    of_timesheet timesheets;
begin
    if tg_op = 'UPDATE' then
        if (new.id, new.date, new.minutes, new.note, new.manual) is distinct from (old.id, old.date, old.minutes, old.note, old.manual)
            or not exists (select 1 from timesheets where id = new.timesheet_id and split_from = old.timesheet_id) then
            raise exception 'time entry % stands as it was written', old.id
                using errcode = 'check_violation', constraint = 'time_entry_stands';
        end if;
        return new;
    end if;
    select * into of_timesheet from timesheets where id = case tg_op when 'DELETE' then old.timesheet_id else new.timesheet_id end;
    if of_timesheet.status <> 'open' then
        raise exception 'timesheet % is %, its entries stand', of_timesheet.id, of_timesheet.status
            using errcode = 'check_violation', constraint = 'time_entry_stands';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
create trigger time_entry_stands before insert or update or delete on time_entries
    for each row execute function time_entry_stands();

-- A week has seven days of 24 hours, and no more than its limit.
create function time_entries_fit() returns trigger language plpgsql as $$
declare
    of_timesheet timesheets;
    total bigint;
    longest_day bigint;
begin
    select * into of_timesheet from timesheets where id = new.timesheet_id;
    select coalesce(sum(minutes), 0), coalesce(max(of_day), 0) into total, longest_day
    from (select minutes, sum(minutes) over (partition by date) as of_day from time_entries where timesheet_id = new.timesheet_id) entries;
    if new.date < of_timesheet.week or new.date > of_timesheet.week + 6 or longest_day > 1440 or total > of_timesheet.limit_minutes then
        raise exception 'timesheet % of % can not hold % minutes on %', of_timesheet.id, of_timesheet.week, total, new.date
            using errcode = 'check_violation', constraint = 'time_entries_fit';
    end if;
    return null;
end $$;
create constraint trigger time_entries_fit after insert or update on time_entries
    deferrable initially deferred for each row execute function time_entries_fit();

-- The cards of contracts by the hour, with who named them: the last is charged. Append-only.
create table contract_payment_methods (
    id          bigint generated always as identity primary key,
    contract_id uuid not null references contracts (id),
    method      text not null check (method like 'pm\_%' and length(method) <= 63),
    set_by      uuid not null references users (id),
    set_at      timestamptz not null
);
create index contract_payment_methods_of_contract on contract_payment_methods (contract_id, id);
create trigger contract_payment_methods_append_only before update or delete on contract_payment_methods
    for each row execute function refuse_change();
create trigger contract_payment_methods_no_truncate before truncate on contract_payment_methods
    for each statement execute function refuse_change();

-- A payment is for a milestone or for a week. One without a card failed before it began.
alter table payments alter column milestone_id drop not null;
alter table payments alter column method drop not null;
alter table payments add column timesheet_id uuid references timesheets (id);
alter table payments add constraint payments_for_one check (num_nonnulls(milestone_id, timesheet_id) = 1);
alter table payments add constraint payments_without_card check (method is not null or status = 'failed');
create index payments_of_timesheet on payments (timesheet_id, id) where timesheet_id is not null;
