-- Searches that people keep, and what they have found.

create table saved_searches (
    id         uuid primary key,
    user_id    uuid not null references users (id),
    name       text not null check (length(name) between 1 and 80),
    criteria   jsonb not null,
    -- When its person was last told of something it found.
    told_at    timestamptz,
    created_at timestamptz not null
);
create index saved_searches_of_user on saved_searches (user_id, id);

create table saved_search_skills (
    search_id uuid not null references saved_searches (id) on delete cascade,
    skill_id  uuid not null references skill (id),
    primary key (search_id, skill_id)
);
create index saved_search_skills_of_skill on saved_search_skills (skill_id, search_id);

-- A gig is told to a person once, however often it is published.
create table saved_search_hits (
    search_id uuid not null references saved_searches (id) on delete cascade,
    gig_id    uuid not null references gigs (id),
    user_id   uuid not null references users (id),
    found_at  timestamptz not null,
    primary key (search_id, gig_id),
    constraint saved_search_hits_once unique (user_id, gig_id)
);
