-- What the indexes of matching have to look at again: a line whenever something changes that tells
-- how well a person or a gig matches, written in the transaction that changes it, by whomever.

create table matching_changes (
    id      bigint generated always as identity primary key,
    -- Which transaction wrote it. Whoever has read all lines of transactions before one that is older
    -- than all that run has missed nothing; ids would not do, because they commit out of order.
    xact    bigint not null default (pg_current_xact_id()::text::bigint),
    kind    text not null check (kind in ('person', 'gig')),
    subject uuid not null
);
create index matching_changes_xact on matching_changes (xact);

-- Only the last of them are kept. All are there of transactions from this one on.
create table matching_log (
    single        boolean primary key default true check (single),
    complete_from bigint not null
);
insert into matching_log (complete_from) values (0);

-- Throw away all but the last so many lines, and those that came here from another cluster, whose
-- transactions are numbered otherwise; how many. One at a time: another goes away with 0.
create function matching_changes_trim(keep bigint) returns bigint language plpgsql as $$
declare
    gone bigint;
    newest bigint;
begin
    perform 1 from matching_log for update skip locked;
    if not found then
        return 0;
    end if;
    delete from matching_changes where xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    with old as (
        delete from matching_changes where id <= (select max(id) from matching_changes) - keep returning xact
    )
    select count(*), max(xact) into gone, newest from old;
    if gone > 0 then
        update matching_log set complete_from = greatest(complete_from, newest + 1);
    end if;
    return gone;
end $$;

create function matching_person_changed() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject) values ('person', (to_jsonb(new) ->> tg_argv[0])::uuid);
    return null;
end $$;
create function matching_gig_changed() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject) values ('gig', (to_jsonb(new) ->> tg_argv[0])::uuid);
    return null;
end $$;

-- Skills are rows of their own, written together with the profile or the gig.
create trigger matching_changed after insert or update on freelancer_profiles
    for each row execute function matching_person_changed('user_id');
create trigger matching_changed after update on users
    for each row when (old.suspended_at is distinct from new.suspended_at)
    execute function matching_person_changed('id');
create trigger matching_taken after insert on contracts
    for each row execute function matching_person_changed('freelancer_id');
create trigger matching_changed after update on contracts
    for each row when (old.status is distinct from new.status)
    execute function matching_person_changed('freelancer_id');
create trigger matching_asked after insert on invitations
    for each row execute function matching_person_changed('freelancer_id');
create trigger matching_changed after update on invitations
    for each row when (old.status is distinct from new.status)
    execute function matching_person_changed('freelancer_id');
create trigger matching_bid after insert on proposals
    for each row execute function matching_person_changed('freelancer_id');
create trigger matching_changed after update on proposals
    for each row when (old.status is distinct from new.status)
    execute function matching_person_changed('freelancer_id');
create trigger matching_reviewed after update on reviews
    for each row when (old.published_at is distinct from new.published_at)
    execute function matching_person_changed('freelancer_id');

create trigger matching_changed after insert or update on gigs
    for each row execute function matching_gig_changed('id');
create trigger matching_gig_bid after insert on proposals
    for each row execute function matching_gig_changed('gig_id');
create trigger matching_gig_changed after update on proposals
    for each row when (old.status is distinct from new.status)
    execute function matching_gig_changed('gig_id');
