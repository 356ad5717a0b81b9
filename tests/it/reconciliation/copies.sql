-- Everything that moved at the processor, and the entries that say so, once more and once more: as other payments, refunds
-- and payouts, of the same amounts and instants. What an entry had on its other side, somebody's money, is the platform's
-- own in the copy, so that what is held for people stays what it was.
create temp table copies on commit drop as
select about, number, public_id(split_part(about, '_', 1), gen_random_uuid()) as copy
from (select distinct about from sandbox_balance where about is not null) moved
cross join generate_series(1, {times}) number;

insert into processor_events (source, id, kind, subject, received_at)
select told.source, told.id || ':' || copies.number, told.kind, copies.copy, told.received_at
from processor_events told join copies on copies.about = told.subject;

insert into sandbox_balance (id, about, class, flow, currency, amount_minor, fee_minor, at)
select moved.id || ':' || copies.number, copies.copy, moved.class, moved.flow, moved.currency, moved.amount_minor,
       moved.fee_minor, moved.at
from sandbox_balance moved join copies on copies.about = moved.about;

select count(ledger_post(gen_random_uuid(), entry.reason, replace(entry.key, copies.about, copies.copy) || ':' || copies.number,
           null, null, 'system', entry.trace || ':' || copies.number, entry.posted_at, legs.postings)::text)
from ledger_entries entry
left join processor_events told
    on told.source = split_part(entry.trace, ':', 1)
   and told.id = substr(entry.trace, strpos(entry.trace, ':') + 1)
join copies on copies.about = coalesce(told.subject, split_part(regexp_replace(entry.key, '^refund:', ''), ':', 1))
cross join lateral (
    select jsonb_agg(jsonb_build_object('from_account', case when leaves then from_account else 'losses' end,
               'to_account', case when comes then to_account else 'losses' end,
               'currency', currency, 'amount_minor', amount_minor) order by id) as postings
    from ledger_postings
    cross join lateral (select from_account in ('processor_clearing', 'processor_fees', 'paid_out') as leaves,
                               to_account in ('processor_clearing', 'processor_fees', 'paid_out') as comes) ours
    where entry_id = entry.id and (leaves or comes)) legs
where legs.postings is not null;
