-- What a person pays out in a day has a limit, and part of a payout may go to an account in dollars that exporters of
-- services may keep. The policy says how much; the terms it was asked for under are on each payout.

alter table payout_methods
    add column currency text not null default 'PKR' check (currency in ('USD', 'PKR'));
alter table payouts
    add column retention_method_id uuid references payout_methods (id),
    add column retention_minor bigint check (retention_minor > 0 and retention_minor <= amount_minor),
    add constraint payouts_retention_whole check (num_nulls(retention_method_id, retention_minor) in (0, 2));
create index payouts_recent on payouts (user_id, requested_at);

-- The same rules from the other side. Whoever asks holds the person's row, so two at once can't both be the last.
create function payouts_keep_to_limits() returns trigger language plpgsql as $$
declare
    most bigint := (new.terms -> 'payout_day_max' ->> 'minor')::bigint;
    often bigint := (new.terms ->> 'payout_day_count')::bigint;
    day_minor bigint;
    day_count bigint;
begin
    select coalesce(sum(amount_minor), 0), count(*) into day_minor, day_count from payouts
    where user_id = new.user_id and requested_at > new.requested_at - interval '1 day'
      and status not in ('returned', 'cancelled');
    if day_minor > most or day_count > often then
        raise exception 'a day of payouts beyond its limit' using errcode = 'check_violation', constraint = 'payouts_day_limit';
    end if;
    if not exists (select from payout_methods where id = new.method_id and user_id = new.user_id and currency = 'PKR')
       or (new.retention_method_id is not null and not exists (
            select from payout_methods
            where id = new.retention_method_id and user_id = new.user_id and currency = 'USD')) then
        raise exception 'a payout to an account of another kind' using errcode = 'check_violation', constraint = 'payouts_accounts';
    end if;
    return null;
end $$;
create trigger payouts_keep_to_limits after insert on payouts for each row execute function payouts_keep_to_limits();
