-- What freelancers say of themselves.

create table freelancer_profiles (
    id           uuid primary key,
    user_id      uuid not null unique references users (id),
    headline     text not null,
    overview     text not null,
    rate_minor   bigint check (rate_minor between 100 and 100000),
    currency     text not null default 'USD' check (currency = 'USD'),
    time_zone    text not null,
    -- Their working day, on the wall clock of their zone; past midnight if it ends before it starts.
    work_starts  time,
    work_ends    time,
    weekly_hours integer check (weekly_hours between 1 and 80),
    languages    jsonb not null,
    visibility   text not null check (visibility in ('public', 'hidden')),
    version      bigint not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    search       tsvector not null generated always as (
        setweight(to_tsvector('english', headline), 'A') || setweight(to_tsvector('english', overview), 'B')) stored,
    constraint freelancer_profiles_headline_length check (length(headline) between 3 and 120),
    constraint freelancer_profiles_overview_length check (length(overview) <= 5000),
    constraint freelancer_profiles_hours check ((work_starts is null) = (work_ends is null) and work_starts <> work_ends)
);
create index freelancer_profiles_search on freelancer_profiles using gin (search);

create table profile_skills (
    profile_id uuid not null references freelancer_profiles (id),
    skill_id   uuid not null references skill (id),
    level      text not null check (level in ('beginner', 'intermediate', 'expert')),
    years      integer not null check (years between 0 and 60),
    position   integer not null,
    primary key (profile_id, skill_id)
);
create index profile_skills_of_skill on profile_skills (skill_id, profile_id);

create table portfolio_items (
    id          uuid primary key,
    profile_id  uuid not null references freelancer_profiles (id),
    title       text not null check (length(title) between 2 and 120),
    description text not null check (length(description) <= 2000),
    link        text check (link like 'https://%' and length(link) <= 500),
    position    integer not null
);
create index portfolio_items_of_profile on portfolio_items (profile_id, position);
