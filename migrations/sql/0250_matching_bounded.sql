-- Without the index of matching, PostgreSQL looks for people and gigs: through so many at most, in the order of these.

create index freelancer_profiles_public on freelancer_profiles (user_id) where visibility = 'public';
create index gigs_open on gigs (published_at desc, id desc) where state = 'open' and visibility = 'public';
