-- The least somebody takes, where they work from, and from where a gig may be worked on.

alter table freelancer_profiles
    add column least_rate_minor  bigint check (least_rate_minor between 100 and 100000),
    add column least_price_minor bigint check (least_price_minor between 500 and 100000000),
    add column country           text check (country ~ '^[A-Z]{2}$'),
    add constraint freelancer_profiles_asks_no_less_than_they_take check (least_rate_minor <= rate_minor);

alter table gigs
    add column countries jsonb not null default '[]'
        constraint gigs_countries check (jsonb_typeof(countries) = 'array' and jsonb_array_length(countries) <= 50);
