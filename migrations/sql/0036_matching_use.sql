-- What became of what was shown: who opened, invited, shortlisted, hired whom, in which place they
-- had stood and by which model. With the impressions it is what learning from use rests on.

alter table exposures
    -- Those who were shown together have the same.
    add column page            uuid not null default gen_random_uuid(),
    -- The attention the place gets, and what the score deserved of the page's, in thousandths of a first place.
    add column attention_milli bigint not null default 0 check (attention_milli >= 0),
    add column merit_milli     bigint not null default 0 check (merit_milli >= 0);
create index exposures_of_pair on exposures (gig_id, freelancer_id, id);
create index exposures_newest on exposures using brin (shown_at) with (pages_per_range = 32, autosummarize = on);

create table match_acts (
    id            bigint generated always as identity primary key,
    at            timestamptz not null,
    kind          text not null check (kind in ('click', 'invite', 'bid', 'shortlist', 'hire')),
    gig_id        uuid not null references gigs (id),
    freelancer_id uuid not null references users (id),
    -- The event that told of it; a click has none.
    event_id      uuid constraint match_acts_event_once unique,
    -- The last impression of the pair before it, if there was one, and what was true of it.
    exposure_id   bigint references exposures (id),
    direction     text check (direction in ('people', 'gigs')),
    position      integer check (position >= 1),
    placement     text check (placement in ('merit', 'near_tie', 'newcomer')),
    model_version integer,
    constraint match_acts_shown check (num_nonnulls(exposure_id, direction, position, placement, model_version) in (0, 5)),
    constraint match_acts_click check ((kind = 'click') = (event_id is null)),
    constraint match_acts_click_is_of_a_page check (kind <> 'click' or exposure_id is not null)
);
-- What is opened twice was opened.
create unique index match_acts_click_once on match_acts (exposure_id) where kind = 'click';
create index match_acts_of_gig on match_acts (gig_id, id);
create trigger match_acts_append_only before update or delete on match_acts for each row execute function refuse_change();
create trigger match_acts_no_truncate before truncate on match_acts for each statement execute function refuse_change();

-- What each person got and deserved, all impressions together: the sums of the log, kept by whoever
-- writes to it.
create table exposure_sums (
    freelancer_id   uuid primary key references users (id),
    attention_milli bigint not null check (attention_milli >= 0),
    merit_milli     bigint not null check (merit_milli >= 0),
    -- Impressions in a newcomer's place since a client last opened one.
    unanswered      integer not null check (unanswered >= 0),
    changed_at      timestamptz not null
);
create index exposure_sums_changed on exposure_sums (changed_at);
