-- What our bank is told of a payout is kept, sealed, as it was when the payout was handed to it, and files are printed
-- from that alone: what a person changes afterwards changes nothing of what is on its way. It is forgotten once no bank
-- can send the payout back any more.

alter table wire_lines
    add column sealed bytea,
    -- When our people took what it takes to send it by hand.
    add column taken_at timestamptz,
    drop constraint wire_lines_outcome_check,
    drop constraint wire_lines_settled,
    -- A line that our bank was not told of can be taken back.
    add constraint wire_lines_outcome_check check (outcome in ('paid', 'returned', 'recalled')),
    add constraint wire_lines_settled check (
        num_nulls(outcome, settled_at) in (0, 2)
        and (outcome is not null or settled_by is null)
        and (settled_by is not null or outcome is null or outcome = 'recalled')),
    add constraint wire_lines_recalled check (outcome <> 'recalled' or (batch_id is null and taken_at is null));
create index wire_lines_settled_at on wire_lines (settled_at) where sealed is not null;

-- What our people found to be no reason to stop a payout: it is not stopped for the same again.
create table payout_clearances (
    payout_id  uuid not null references payouts (id),
    reason     text not null check (length(reason) between 1 and 500),
    cleared_at timestamptz not null,
    cleared_by uuid not null references users (id),
    primary key (payout_id, reason)
);
