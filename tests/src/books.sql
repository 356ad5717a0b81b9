-- What must be true of the books, of the deals beside them and of answered requests, at any moment,
-- counted from the rows alone. A row for each violation: what it is, and where.
with moved as (
    select to_account as account, currency, amount_minor as minor from ledger_postings
    union all
    select from_account, currency, -amount_minor from ledger_postings
),
sums as (
    select account, currency, sum(minor)::bigint as minor from moved group by account, currency
),
-- Into an escrow from outside, less what was handed on to another; a reclaim, and a chargeback that was won, only bring back.
funded as (
    select milestone.id,
           coalesce(sum(case when posting.to_account = milestone.escrow_account and entry.reason not in ('reclaim', 'chargeback_won')
                             then posting.amount_minor else 0 end)
                  - sum(case when posting.from_account = milestone.escrow_account and posting.to_account like 'escrow:%'
                             then posting.amount_minor else 0 end), 0)::bigint as minor
    from milestones milestone
    left join ledger_postings posting on milestone.escrow_account in (posting.from_account, posting.to_account)
    left join ledger_entries entry on entry.id = posting.entry_id
    group by milestone.id
),
chain as (
    select entry.contract_id, entry.number, entry.seal,
           lag(entry.number, 1, 0) over statement as number_before,
           lag(entry.seal, 1, ledger_genesis(entry.contract_id)) over statement as seal_before,
           entry.reason, entry.key, entry.milestone_id, entry.party, entry.posted_at, legs.postings
    from ledger_entries entry, lateral (
        select jsonb_agg(jsonb_build_object('from_account', from_account, 'to_account', to_account,
                                            'currency', currency, 'amount_minor', amount_minor) order by id) as postings
        from ledger_postings where entry_id = entry.id) legs
    where entry.contract_id is not null
    window statement as (partition by entry.contract_id order by entry.number)
)
select 'the books do not sum to zero' as what, currency as place
from sums group by currency having sum(minor) <> 0
union all
select 'a balance is not the sum of its postings', coalesce(sums.account, balance.account)
from sums full join ledger_balances balance using (account, currency)
where ledger_guarded(coalesce(sums.account, balance.account))
  and coalesce(sums.minor, 0) <> coalesce(balance.balance_minor, 0)
union all
select 'somebody''s money is below zero', account
from sums where minor < 0 and ledger_guarded(account)
union all
select 'a milestone''s parts are not what was funded', milestone.id::text
from milestones milestone join funded on funded.id = milestone.id
where funded.minor <> milestone.held_minor + milestone.released_net_minor + milestone.fee_minor
                    + milestone.refunded_minor + milestone.charged_back_minor
union all
select 'a milestone does not hold what its account has', milestone.id::text
from milestones milestone
left join sums on sums.account = milestone.escrow_account and sums.currency = milestone.currency
where coalesce(sums.minor, 0) <> milestone.held_minor
union all
select 'money in transit is not that of payouts under way', 'payouts'
where (select coalesce(sum(minor), 0) from sums where account like 'in_transit:%')
   <> (select coalesce(sum(amount_minor), 0) from payouts where status not in ('paid', 'returned', 'cancelled'))
union all
select 'a seal does not follow from the entry and the seal before it', contract_id::text || ' ' || number
from chain
where number <> number_before + 1
   or seal <> sha256(convert_to(ledger_canonical(seal_before, number, reason, key, milestone_id, party, posted_at, postings), 'UTF8'))
union all
select 'a statement is not as long as it says', statement.contract_id::text
from ledger_statements statement
where statement.entries <> (select count(*) from ledger_entries entry where entry.contract_id = statement.contract_id)
