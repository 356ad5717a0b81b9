-- What was shown to whom, and where in the list: the basis of fairness that can be recomputed, and of
-- learning from use. Append-only.

create table exposures (
    id            bigint generated always as identity primary key,
    shown_at      timestamptz not null,
    -- Who was looking.
    viewer_id     uuid not null references users (id),
    direction     text not null check (direction in ('people', 'gigs')),
    gig_id        uuid not null references gigs (id),
    freelancer_id uuid not null references users (id),
    -- From 1.
    position      integer not null check (position >= 1),
    placement     text not null check (placement in ('merit', 'near_tie', 'newcomer')),
    model_version integer not null,
    -- In billionths.
    score_nano    bigint not null
);
create index exposures_of_freelancer on exposures (freelancer_id, shown_at);
create index exposures_of_gig on exposures (gig_id, shown_at);
create trigger exposures_append_only before update or delete on exposures for each row execute function refuse_change();
create trigger exposures_no_truncate before truncate on exposures for each statement execute function refuse_change();
