-- What an escrow account has is what its milestone or week says it holds: looked at from the ledger's side as well, so
-- that no posting alone can move escrowed money.
create unique index milestones_escrow_account on milestones (escrow_account);
create unique index timesheets_escrow_account on timesheets (escrow_account);

create function escrow_balance_agrees() returns trigger language plpgsql as $$
declare
    booked bigint;
    held bigint;
begin
    select balance_minor into booked from ledger_balances where account = new.account and currency = new.currency;
    if new.account like 'escrow:%' then
        select held_minor into held from milestones where escrow_account = new.account and currency = new.currency;
    else
        select held_minor into held from timesheets where escrow_account = new.account and currency = new.currency;
    end if;
    if coalesce(held, 0) <> coalesce(booked, 0) then
        raise exception 'account % has % but % is held', new.account, coalesce(booked, 0), coalesce(held, 0)
            using errcode = 'check_violation', constraint = 'escrow_balance_agrees';
    end if;
    return null;
end $$;
create constraint trigger escrow_balance_agrees after insert or update of balance_minor on ledger_balances
    deferrable initially deferred for each row
    when (new.account like 'escrow:%' or new.account like 'timesheet_escrow:%')
    execute function escrow_balance_agrees();
