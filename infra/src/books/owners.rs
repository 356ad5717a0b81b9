//! Who got the money, and on what ground: the deals, weeks, payouts, corrections and refunds beside the books, against
//! what was posted for them. Each is a query for [`super::count`]; those with `$1` can be asked of one contract.

/// What [`DEALS`] holds.
pub(super) const DEALS_RULE: &str =
    "offers, contracts, milestones and weeks name one freelancer, one client, one deal's terms";

/// Contracts, milestones and weeks against the offer they come from, and offers against the policy.
pub(super) const DEALS: &str = "
    with said as (
        select public_id('con', contract.id) as what, contract.id as contract_id, contract.offer_id, contract.organization_id,
               contract.freelancer_id, contract.terms::text as terms, null as account, null as own_account
        from contracts contract
        union all
        select public_id('mil', milestone.id), milestone.contract_id, coalesce(contract.offer_id, milestone.offer_id),
               milestone.organization_id, milestone.freelancer_id, milestone.terms::text,
               milestone.escrow_account, 'escrow:' || public_id('mil', milestone.id)
        from milestones milestone left join contracts contract on contract.id = milestone.contract_id
        union all
        select public_id('tsh', week.id), week.contract_id, contract.offer_id, week.organization_id, week.freelancer_id,
               week.terms::text, week.escrow_account, 'timesheet_escrow:' || public_id('tsh', week.id)
        from timesheets week join contracts contract on contract.id = week.contract_id
    )
    select case
        when said.account <> said.own_account then format('%s keeps its money in %s', said.what, said.account)
        when offer.id is null then format('%s comes from no offer', said.what)
        when (said.organization_id, said.freelancer_id) <> (offer.organization_id, offer.freelancer_id)
            or said.contract_id <> offer.contract_id
            then format('%s is said to be of %s and %s, its offer was of %s and %s', said.what,
                public_id('org', said.organization_id), public_id('usr', said.freelancer_id),
                public_id('org', offer.organization_id), public_id('usr', offer.freelancer_id))
        when said.terms <> offer.terms::text and exists (
            select from jsonb_each(offer.terms::jsonb) agreed join jsonb_each(said.terms::jsonb) says using (key)
            where says.value <> agreed.value)
            then format('%s has other terms than were offered', said.what)
        end as why
    from said left join offers offer on offer.id = said.offer_id
    where $1::uuid is null or coalesce(said.contract_id, offer.contract_id) = $1
    union all
    select case
        when statement.freelancer is distinct from public_id('usr', offer.freelancer_id)
            then format('%s was offered to %s, its statement began with %s', public_id('con', offer.contract_id),
                public_id('usr', offer.freelancer_id), coalesce(statement.freelancer, 'nobody'))
        end
    from ledger_statements statement join offers offer on offer.contract_id = statement.contract_id
    where $1::uuid is null or statement.contract_id = $1
    union all
    select case
        when exists (select from (values ('freelancer_fee'), ('client_fee'), ('client_fee_returned')) fee (key)
                     where policy.terms -> fee.key <> offer.terms::jsonb -> fee.key)
            then format('%s has other fees than policy %s', public_id('off', offer.id), offer.policy) end
    from offers offer join policy_versions policy on policy.number = offer.policy
    where $1::uuid is null or offer.contract_id = $1";

/// What [`MOVEMENTS`] holds.
pub(super) const MOVEMENTS_RULE: &str =
    "a statement moves money of its own pots, freelancer and client; without one, no pot is moved";

/// Each account of somebody's that was moved, against the contract in whose statement it was; and the payments that credit
/// is said to have come with, against whose they were.
pub(super) const MOVEMENTS: &str = "
    with deal as (
        select offer.contract_id, public_id('usr', offer.freelancer_id) as freelancer,
               public_id('org', offer.organization_id) as client
        from offers offer where $1::uuid is null or offer.contract_id = $1
    ), pot as (
        select milestone.escrow_account as account, coalesce(milestone.contract_id, offer.contract_id) as contract_id
        from milestones milestone left join offers offer on offer.id = milestone.offer_id
        union all
        select escrow_account, contract_id from timesheets
    ), leg as (
        select entry.id, entry.contract_id, entry.reason, side.account, side.other, split_part(side.account, ':', 1) as kind,
               split_part(side.account, ':', 2) as owner
        from ledger_postings posting join ledger_entries entry on entry.id = posting.entry_id,
        lateral (values (posting.from_account, posting.to_account), (posting.to_account, posting.from_account)) as side (account, other)
        where ledger_guarded(side.account) and ($1::uuid is null or entry.contract_id = $1)
    )
    select case
        when leg.contract_id is null and leg.kind in ('escrow', 'timesheet_escrow', 'pending')
            then format('%s moves what %s has, and is in no statement', public_id('ent', leg.id), leg.account)
        -- Those have a check of their own each. What a bank took, and we bore, is made up for before it is credit again.
        when leg.contract_id is null then case
            when leg.reason in ('payout_send', 'payout_arrive', 'payout_return', 'card_refund', 'card_refund_failed', 'correction')
                or (leg.reason = 'chargeback' and leg.kind = 'client_credit' and leg.other = 'losses') then null
            else format('%s moves what %s has by a %s, and is in no statement', public_id('ent', leg.id), leg.account, leg.reason)
            end
        when deal.contract_id is null then format('%s is of no deal', public_id('ent', leg.id))
        when leg.kind in ('escrow', 'timesheet_escrow') and pot.contract_id is distinct from leg.contract_id
            then format('%s moves what %s has, which is not of %s', public_id('ent', leg.id), leg.account, public_id('con', leg.contract_id))
        when leg.kind in ('pending', 'available') and leg.owner <> deal.freelancer
            or leg.kind = 'client_credit' and leg.owner <> deal.client or leg.kind = 'in_transit'
            then format('%s moves what %s has, who is not of %s', public_id('ent', leg.id), leg.account, public_id('con', leg.contract_id))
        end as why
    from leg left join deal on deal.contract_id = leg.contract_id
    left join pot on pot.account = leg.account
    union all
    select case
        when coalesce(milestone.contract_id, offer.contract_id) is distinct from entry.contract_id
            then format('%s is about %s, which is not of its contract', public_id('ent', entry.id), public_id('mil', milestone.id))
        end
    from ledger_entries entry join milestones milestone on milestone.id = entry.milestone_id
    left join offers offer on offer.id = milestone.offer_id
    where $1::uuid is null or entry.contract_id = $1
    union all
    select case
        when payment.id is null or side.account <> 'client_credit:' || public_id('org', payment.organization_id)
            then format('%s says that credit of %s came with %s, which is no payment of theirs', public_id('ent', entry.id),
                side.account, public_id('pay', posting.payment_id))
        end
    from ledger_postings posting join ledger_entries entry on entry.id = posting.entry_id
    left join payments payment on payment.id = posting.payment_id,
    lateral (values (posting.from_account), (posting.to_account)) as side (account)
    where posting.payment_id is not null and split_part(side.account, ':', 1) = 'client_credit'
        and ($1::uuid is null or entry.contract_id = $1)";

/// What [`ESCROW`] holds.
pub(super) const ESCROW_RULE: &str = "a statement has in escrow what its milestones and weeks hold";

/// The last line of each statement against what is held under its contract.
pub(super) const ESCROW: &str = "
    with holding as (
        select coalesce(milestone.contract_id, offer.contract_id) as contract_id, held_minor
        from milestones milestone left join offers offer on offer.id = milestone.offer_id
        union all
        select contract_id, held_minor from timesheets
    ), held as (
        select contract_id, sum(held_minor)::bigint as minor from holding
        where $1::uuid is null or contract_id = $1 group by contract_id
    )
    select case
        when coalesce(statement.in_escrow_minor, 0) <> coalesce(held.minor, 0)
            then format('%s has %s in escrow, and holds %s', public_id('con', contract_id),
                coalesce(statement.in_escrow_minor, 0), coalesce(held.minor, 0))
        end as why
    from (select * from ledger_statements where $1::uuid is null or contract_id = $1) statement
    full join held using (contract_id)";

/// What [`HOLDS`] holds.
pub(super) const HOLDS_RULE: &str = "what is pending for a freelancer is what their milestones hold back";

/// What is pending, by its postings, against the security holds of milestones.
pub(super) const HOLDS: &str = "
    with posted as (
        select account, currency, sum(minor)::bigint as minor from (
            select from_account as account, currency, -amount_minor as minor from ledger_postings
            union all
            select to_account, currency, amount_minor from ledger_postings
        ) leg where split_part(account, ':', 1) = 'pending' group by account, currency
    ), held as (
        select 'pending:' || public_id('usr', milestone.freelancer_id) as account, milestone.currency,
               sum((hold #>> '{share,net,minor}')::bigint)::bigint as minor
        from milestones milestone, jsonb_array_elements(milestone.holds) hold
        group by milestone.freelancer_id, milestone.currency
    )
    select case when coalesce(posted.minor, 0) <> coalesce(held.minor, 0)
        then format('%s has %s %s, and milestones hold back %s', account, currency, coalesce(posted.minor, 0), coalesce(held.minor, 0)) end as why
    from posted full join held using (account, currency)";

/// What [`PAYOUTS`] holds.
pub(super) const PAYOUTS_RULE: &str =
    "a payout under way is in transit, a paid one has left, any other is neither; to its own person's account";

/// Payouts against the entries that name them, and the accounts that only payouts move.
pub(super) const PAYOUTS: &str = "
    with kept as (
        select payout.*, public_id('pyo', payout.id) as name, 'available:' || public_id('usr', payout.user_id) as owner,
               payout.user_id <> method.user_id or payout.user_id <> retention.user_id as elsewhere
        from payouts payout left join payout_methods method on method.id = payout.method_id
        left join payout_methods retention on retention.id = payout.retention_method_id
    ), leg as (
        select case when entry.reason in ('payout_send', 'payout_arrive', 'payout_return') then split_part(entry.key, ':', 1) end as name,
               posting.from_account, posting.to_account, posting.currency, posting.amount_minor
        from ledger_postings posting join ledger_entries entry on entry.id = posting.entry_id
        where entry.reason in ('payout_send', 'payout_arrive', 'payout_return')
            or (entry.reason <> 'correction'
                and ('paid_out' in (posting.from_account, posting.to_account)
                    or 'in_transit' in (split_part(posting.from_account, ':', 1), split_part(posting.to_account, ':', 1))))
    ), told as (
        select leg.name,
               sum(case 'in_transit:' || leg.name when leg.to_account then leg.amount_minor when leg.from_account then -leg.amount_minor else 0 end)::bigint as in_transit,
               sum(case 'paid_out' when leg.to_account then leg.amount_minor when leg.from_account then -leg.amount_minor else 0 end)::bigint as paid_out,
               bool_and(leg.currency = kept.currency
                   and leg.from_account in ('in_transit:' || leg.name, kept.owner, 'paid_out', 'losses')
                   and leg.to_account in ('in_transit:' || leg.name, kept.owner, 'paid_out', 'losses')) as own
        from leg left join kept on kept.name = leg.name
        group by leg.name
    ), wanted as (
        select name, elsewhere,
               case when status in ('paid', 'returned', 'cancelled') then 0 else amount_minor end as in_transit,
               case when status = 'paid' then amount_minor else 0 end as paid_out
        from kept
    )
    select case
        when wanted.name is null then format('%s moves what is in transit or paid out, and is no payout', coalesce(told.name, 'an entry'))
        when wanted.elsewhere then format('%s goes to an account of somebody else', wanted.name)
        when told.name is null then format('nothing was posted for %s', wanted.name)
        when not told.own then format('%s moved money of others', wanted.name)
        when (told.in_transit, told.paid_out) <> (wanted.in_transit, wanted.paid_out)
            then format('%s: %s is in transit and %s has left, its postings say %s and %s', wanted.name,
                wanted.in_transit, wanted.paid_out, told.in_transit, told.paid_out)
        end as why
    from told full join wanted on wanted.name = told.name";

/// What [`CORRECTIONS`] holds.
pub(super) const CORRECTIONS_RULE: &str =
    "what two of our people approved is posted, as they approved it, and nothing else";

/// Corrections against the entries with their keys.
pub(super) const CORRECTIONS: &str = "
    with posted as (
        select entry.key, min(posting.from_account) as from_account, min(posting.to_account) as to_account,
               min(posting.currency) as currency, sum(posting.amount_minor) as amount_minor,
               count(distinct (posting.from_account, posting.to_account, posting.currency)) as ways
        from ledger_entries entry left join ledger_postings posting on posting.entry_id = entry.id
        where entry.reason = 'correction' group by entry.id, entry.key
    )
    select case
        when approved.id is null then format('%s was not approved by two', posted.key)
        when approved.approved_by is null or approved.approved_by = approved.proposed_by
            then format('%s was approved by whoever proposed it', public_id('cor', approved.id))
        when posted.key is null then format('%s was approved, and is not in the books', public_id('cor', approved.id))
        when posted.ways <> 1 or (posted.from_account, posted.to_account, posted.currency, posted.amount_minor)
            is distinct from (approved.from_account, approved.to_account, approved.currency, approved.amount_minor)
            then format('%s moves something else than was approved', posted.key)
        end as why
    from posted full join (select * from corrections where status = 'posted') approved on approved.entry_key = posted.key";

/// What [`REFUNDS`] holds.
pub(super) const REFUNDS_RULE: &str = "what goes back to a card left its client's credit, of its payment, once";

/// Refunds to cards against the entries that name them.
pub(super) const REFUNDS: &str = "
    with kept as (
        select refund.*, public_id('prf', refund.id) as name, 'client_credit:' || public_id('org', refund.organization_id) as owner,
               refund.organization_id is distinct from payment.organization_id as elsewhere,
               case when refund.status = 'failed' then 0 else refund.amount_minor end as gone
        from payment_refunds refund left join payments payment on payment.id = refund.payment_id
    ), leg as (
        select split_part(entry.key, ':', 2) as name, posting.*
        from ledger_postings posting join ledger_entries entry on entry.id = posting.entry_id
        where entry.reason in ('card_refund', 'card_refund_failed')
    ), told as (
        select leg.name,
               sum(case 'processor_clearing' when leg.to_account then leg.amount_minor when leg.from_account then -leg.amount_minor else 0 end)::bigint as gone,
               bool_and(leg.from_account in (kept.owner, 'processor_clearing', 'losses')
                   and leg.to_account in (kept.owner, 'processor_clearing', 'losses')
                   and (kept.owner not in (leg.from_account, leg.to_account) or coalesce(leg.payment_id, kept.payment_id) = kept.payment_id)) as own
        from leg left join kept on kept.name = leg.name
        group by leg.name
    )
    select case
        when kept.name is null then format('%s is no refund that was asked for', told.name)
        when kept.elsewhere then format('%s is of a payment of somebody else', kept.name)
        when told.name is null then format('nothing was posted for %s', kept.name)
        when not told.own then format('%s moved money of others', kept.name)
        when told.gone <> kept.gone
            then format('%s: %s has gone back, its postings say %s', kept.name, kept.gone, told.gone)
        end as why
    from told full join kept on kept.name = told.name";
