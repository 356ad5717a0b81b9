-- A bid that was given back stays so: one that ended with its gig, unfilled or taken down, counts no more, whatever
-- becomes of the gig. It did again as soon as the gig was reopened.
create or replace function bids_used(bidder uuid, at timestamptz, window_days integer) returns bigint
language plpgsql stable as $$
begin
    return (select count(*) from proposals p join gigs g on g.id = p.gig_id
            where p.freelancer_id = bidder and p.submitted_at > at - make_interval(days => window_days)
              and g.state not in ('expired', 'cancelled', 'removed') and p.status not in ('expired', 'removed')
              and not (p.viewed_at is null and p.status in ('withdrawn', 'declined', 'not_selected')));
end $$;
