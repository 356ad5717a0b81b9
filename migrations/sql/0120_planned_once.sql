-- A function in SQL that can't be put in place of its call is read, planned and begun anew with each statement that calls
-- it, which takes longer than what it does: a check of each written milestone, and the ground of each bid, twice. One in
-- PL/pgSQL is planned once for each connection. What they say is what they said.
create or replace function milestone_sources_held(sources jsonb) returns bigint language plpgsql immutable as $$
begin
    return (select coalesce(sum((source -> 'held' ->> 'minor')::bigint), 0) from jsonb_array_elements(sources) source);
end $$;

create or replace function bids_used(bidder uuid, at timestamptz, window_days integer) returns bigint
language plpgsql stable as $$
begin
    return (select count(*) from proposals p join gigs g on g.id = p.gig_id
            where p.freelancer_id = bidder and p.submitted_at > at - make_interval(days => window_days)
              and g.state not in ('expired', 'cancelled', 'removed')
              and not (p.viewed_at is null and p.status in ('withdrawn', 'declined', 'not_selected', 'expired', 'removed')));
end $$;

create or replace function bid_ground(bid_on uuid, bidder uuid) returns text language plpgsql stable as $$
begin
    return concat_ws(' ',
        (select version from gigs where id = bid_on),
        (select status from invitations where gig_id = bid_on and freelancer_id = bidder),
        (select string_agg(id || '@' || version, ' ' order by id) from proposals
         where gig_id = bid_on and freelancer_id = bidder));
end $$;

create or replace function has_dealings(person uuid, client uuid, freelancer uuid) returns boolean
language plpgsql stable as $$
begin
    return person = freelancer
        or exists (select 1 from memberships_ever m where m.user_id = person and m.organization_id = client)
        or exists (select 1 from contracts c where c.freelancer_id = person and c.organization_id = client)
        or exists (select 1 from contracts c join memberships_ever m on m.organization_id = c.organization_id
                   where m.user_id = person and c.freelancer_id = freelancer);
end $$;
