-- Freelancers are screened like clients, and the countries they live in: a hit is of one or the other.
alter table screening_hits
    alter column organization_id drop not null,
    add column freelancer_id uuid references users (id),
    add constraint screening_hits_of_one check (num_nonnulls(organization_id, freelancer_id) = 1);
-- What was found to be nothing is not found again.
create unique index screening_hits_once_of_freelancer on screening_hits (freelancer_id, words, listed)
    where freelancer_id is not null;
create index screening_hits_open_of_freelancer on screening_hits (freelancer_id) where status = 'open';

-- Under which names, and in which countries, each freelancer was screened last.
create table freelancer_screenings (
    freelancer_id uuid primary key references users (id),
    names         text[] not null,
    countries     text[] not null,
    screened_at   timestamptz not null
);
alter table screening_sweeps add column freelancers bigint not null default 0;

-- Whom screening holds is not matched: the index looks at them again when something is found of them, and when our
-- people found that it is nothing.
create trigger matching_screened_found after insert on screening_hits
    for each row when (new.freelancer_id is not null)
    execute function matching_person_changed('freelancer_id');
create trigger matching_screened after update on screening_hits
    for each row when (new.freelancer_id is not null and old.status is distinct from new.status)
    execute function matching_person_changed('freelancer_id');

-- What our people found to be nothing: of a payout, and of who is paid. As screening says it.
create function cleared_of(payout uuid, freelancer uuid) returns setof text language sql stable as $$
    select reason from payout_clearances where payout_id = payout
    union
    select 'on the list as ' || listed from screening_hits where freelancer_id = freelancer and status = 'cleared'
$$;
