-- The trade: gigs, and how people come to work on them.

-- The figures that the trade is held to, by the instant they begin. The latest that has begun holds.
create table trade_terms (
    effective_from timestamptz primary key,
    note           text not null,
    -- What is absent has the default of the program.
    terms          jsonb not null default '{}'
);
insert into trade_terms (effective_from, note) values ('2026-01-01', 'the first terms');

create table gigs (
    id              uuid primary key,
    client_id       uuid not null references organizations (id),
    created_by      uuid not null references users (id),
    title           text not null,
    description     text not null,
    kind            text not null check (kind in ('fixed', 'hourly')),
    low_minor       bigint not null,
    high_minor      bigint not null,
    currency        text not null check (currency = 'USD'),
    questions       jsonb not null,
    experience      text check (experience in ('junior', 'mid', 'senior')),
    -- The client's working day, on the wall clock of its zone.
    time_zone       text,
    work_starts     time,
    work_ends       time,
    overlap_minutes integer check (overlap_minutes between 1 and 1440),
    languages       jsonb not null,
    weekly_hours    integer check (weekly_hours between 1 and 168),
    visibility      text not null check (visibility in ('public', 'invite_only')),
    state           text not null
        check (state in ('draft', 'open', 'paused', 'filled', 'expired', 'cancelled', 'removed')),
    -- Since when it is paused, filled, expired, cancelled or removed.
    state_at        timestamptz,
    reopen_until    timestamptz,
    removed_reason  text,
    published_at    timestamptz,
    active_at       timestamptz not null,
    version         bigint not null,
    created_at      timestamptz not null,
    search          tsvector not null generated always as (
        setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', description), 'B')) stored,
    constraint gigs_title_length check (length(title) between 5 and 120),
    constraint gigs_description_length check (length(description) <= 10000),
    constraint gigs_budget check (0 < low_minor and low_minor <= high_minor),
    constraint gigs_work_day check (num_nonnulls(time_zone, work_starts, work_ends) in (0, 3)),
    constraint gigs_overlap_has_a_day check (overlap_minutes is null or time_zone is not null),
    constraint gigs_state_at check ((state in ('draft', 'open')) = (state_at is null)),
    constraint gigs_reopen_until check ((state in ('expired', 'cancelled')) = (reopen_until is not null)),
    constraint gigs_removed_reason check ((state = 'removed') = (removed_reason is not null)),
    constraint gigs_published check (state not in ('open', 'paused', 'filled', 'expired') or published_at is not null)
);
create index gigs_newest on gigs (published_at desc, id desc) where published_at is not null;
create index gigs_of_client on gigs (client_id, id);
create index gigs_search on gigs using gin (search);

create table gig_skills (
    gig_id   uuid not null references gigs (id) on delete cascade,
    skill_id uuid not null references skill (id),
    required boolean not null,
    position integer not null,
    primary key (gig_id, skill_id)
);
create index gig_skills_skill on gig_skills (skill_id, gig_id);
