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

create table proposals (
    id            uuid primary key,
    gig_id        uuid not null references gigs (id),
    client_id     uuid not null references organizations (id),
    freelancer_id uuid not null references users (id),
    terms         jsonb not null,
    status        text not null check (status in (
        'draft', 'submitted', 'viewed', 'shortlisted', 'interviewing', 'countered', 'offered', 'hired', 'withdrawn',
        'declined', 'not_selected', 'expired', 'removed')),
    state         jsonb not null,
    revision      integer not null check (revision >= 0),
    submitted_at  timestamptz,
    viewed_at     timestamptz,
    version       bigint not null,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint proposals_state_agrees check (state ->> 'status' = status),
    constraint proposals_submitted check ((submitted_at is null) = (revision = 0))
);
create unique index proposals_one_live on proposals (gig_id, freelancer_id)
    where status in ('draft', 'submitted', 'viewed', 'shortlisted', 'interviewing', 'countered', 'offered');
create index proposals_of_gig on proposals (gig_id, id) where submitted_at is not null;
create index proposals_of_freelancer on proposals (freelancer_id, id);

-- What each side proposed, in order. Append-only.
create table proposal_revisions (
    proposal_id uuid not null references proposals (id),
    number      integer not null check (number > 0),
    side        text not null check (side in ('freelancer', 'client')),
    body        jsonb not null,
    created_at  timestamptz not null,
    primary key (proposal_id, number)
);
create trigger proposal_revisions_append_only before update or delete on proposal_revisions
    for each row execute function refuse_change();

create table invitations (
    id            uuid primary key,
    gig_id        uuid not null references gigs (id),
    client_id     uuid not null references organizations (id),
    freelancer_id uuid not null references users (id),
    invited_by    uuid not null references users (id),
    message       text not null check (length(message) <= 2000),
    status        text not null check (status in ('sent', 'declined', 'accepted')),
    -- When it was answered.
    answered_at   timestamptz,
    created_at    timestamptz not null,
    constraint invitations_once unique (gig_id, freelancer_id),
    constraint invitations_answered check ((status = 'sent') = (answered_at is null))
);
create index invitations_of_freelancer on invitations (freelancer_id, id);
create index invitations_of_client on invitations (client_id, created_at);
