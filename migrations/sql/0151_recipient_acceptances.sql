-- That people accept the processor's agreement for recipients, under which their own accounts there are made. Each row
-- is what somebody did, and proves it for as long as the account stands, also when they have left: it is added, and
-- never changed.
create table recipient_acceptances (
    user_id     uuid not null references users (id),
    accepted_at timestamptz not null,
    address     text not null check (length(address) between 2 and 45),
    agent       text check (length(agent) between 1 and 400),
    primary key (user_id, accepted_at)
);
create trigger recipient_acceptances_append_only before update or delete on recipient_acceptances
    for each row execute function refuse_change();
create trigger recipient_acceptances_no_truncate before truncate on recipient_acceptances
    for each statement execute function refuse_change();

-- What a rail wanted to know of who is paid, and was not told: the payout went on by the next.
alter table payouts add column lacks text check (lacks in ('agreement_missing', 'name_missing'));
