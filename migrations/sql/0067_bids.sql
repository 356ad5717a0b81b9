-- Submitting a proposal in two statements: what it is decided on is read, and written is all of it in one call, if that
-- still stands.

-- How many bids of a person count against the quota: those of the last days that the terms say; those whose gig closed
-- unfilled, and those that ended unopened, are given back.
create function bids_used(bidder uuid, at timestamptz, window_days integer) returns bigint language sql stable as $$
    select count(*) from proposals p join gigs g on g.id = p.gig_id
    where p.freelancer_id = bidder and p.submitted_at > at - make_interval(days => window_days)
      and g.state not in ('expired', 'cancelled', 'removed')
      and not (p.viewed_at is null and p.status in ('withdrawn', 'declined', 'not_selected', 'expired', 'removed'))
$$;

-- What a bid is decided on, in words: it is another when something of it has changed.
create function bid_ground(bid_on uuid, bidder uuid) returns text language sql stable as $$
    select concat_ws(' ',
        (select version from gigs where id = bid_on),
        (select status from invitations where gig_id = bid_on and freelancer_id = bidder),
        (select string_agg(id || '@' || version, ' ' order by id) from proposals
         where gig_id = bid_on and freelancer_id = bidder))
$$;

-- Write a bid with all that comes with it; false, and nothing is written, if what it was decided on is no more. A person's
-- bids are written one after the other, whatever gigs they are for, so that each is counted before the next. Every
-- statement in here sees what was committed before it began, and so what was committed while a lock was waited for.
create function bid_settle(bid proposals, body jsonb, ground text, quota bigint, window_days integer, accepted uuid, facts jsonb)
returns boolean language plpgsql as $$
declare
    at constant timestamptz := facts ->> 'at';
begin
    perform from users where id = bid.freelancer_id for no key update;
    perform from gigs where id = bid.gig_id for share;
    perform from proposals where gig_id = bid.gig_id and freelancer_id = bid.freelancer_id order by id for update;
    perform from invitations where gig_id = bid.gig_id and freelancer_id = bid.freelancer_id for update;
    if bid_ground(bid.gig_id, bid.freelancer_id) is distinct from ground
        or bids_used(bid.freelancer_id, at, window_days) >= quota then
        return false;
    end if;
    insert into proposals select bid.*
    on conflict (id) do update set terms = excluded.terms, status = excluded.status, state = excluded.state,
        revision = excluded.revision, submitted_at = excluded.submitted_at, version = excluded.version,
        updated_at = excluded.updated_at;
    insert into proposal_revisions (proposal_id, number, side, body, created_at)
    values (bid.id, bid.revision, 'freelancer', body, at);
    update invitations set status = 'accepted', answered_at = at where id = accepted;
    perform settle(facts);
    return true;
end $$;
