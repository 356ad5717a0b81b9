-- Up to which saved search a gig was tried, while there are more of them than are tried at once.
create table saved_search_turns (
    gig_id   uuid primary key references gigs (id) on delete cascade,
    tried_to uuid not null
);
