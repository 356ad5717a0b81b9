-- Wires: payouts that go by our own bank, in files and by hand.

-- Days on which banks of a country don't work. Those that hang on the moon are added when they are announced.
create table bank_holidays (
    country text not null check (country in ('US', 'PK')),
    day     date not null,
    name    text not null check (length(name) between 1 and 80),
    primary key (country, day)
);
insert into bank_holidays values
    ('US', '2026-11-26', 'Thanksgiving'), ('US', '2026-12-25', 'Christmas Day'),
    ('US', '2027-01-01', 'New Year''s Day'), ('US', '2027-01-18', 'Martin Luther King Jr. Day'),
    ('US', '2027-02-15', 'Washington''s Birthday'), ('US', '2027-05-31', 'Memorial Day'),
    ('US', '2027-06-18', 'Juneteenth'), ('US', '2027-07-05', 'Independence Day'),
    ('US', '2027-09-06', 'Labor Day'), ('US', '2027-10-11', 'Columbus Day'),
    ('US', '2027-11-11', 'Veterans Day'), ('US', '2027-11-25', 'Thanksgiving'),
    ('PK', '2026-12-25', 'Quaid-e-Azam Day'), ('PK', '2027-02-05', 'Kashmir Day'),
    ('PK', '2027-03-23', 'Pakistan Day'), ('PK', '2027-05-01', 'Labour Day'),
    ('PK', '2027-08-14', 'Independence Day'), ('PK', '2027-11-09', 'Iqbal Day'),
    ('PK', '2027-12-25', 'Quaid-e-Azam Day');

create table wire_batches (
    id          uuid primary key,
    made_at     timestamptz not null,
    made_by     uuid not null references users (id),
    value_date  date not null,
    lines       integer not null check (lines > 0),
    total_minor bigint not null check (total_minor > 0)
);

-- What our bank was handed, or is to be: the key is the payout's and its attempt's.
create table wire_lines (
    key        text primary key,
    payout_id  uuid not null references payouts (id),
    rail       text not null check (rail in ('bank_wire', 'manual')),
    queued_at  timestamptz not null,
    batch_id   uuid references wire_batches (id),
    outcome    text check (outcome in ('paid', 'returned')),
    reason     text check (length(reason) between 1 and 500),
    settled_at timestamptz,
    settled_by uuid references users (id),
    constraint wire_lines_settled check (num_nulls(outcome, settled_at, settled_by) in (0, 3))
);
create index wire_lines_waiting on wire_lines (queued_at) where batch_id is null and outcome is null;
create index wire_lines_of_batch on wire_lines (batch_id);
create index wire_lines_of_payout on wire_lines (payout_id);
