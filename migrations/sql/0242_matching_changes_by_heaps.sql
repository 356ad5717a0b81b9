-- Lines of changes are thrown away a heap at a time: after a day on which nobody did, all of them at once take longer
-- than a statement may.
drop function matching_changes_trim(bigint);
create function matching_changes_trim(keep bigint, most bigint default 1000) returns bigint language plpgsql as $$
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
        delete from matching_changes where id in (
            select id from matching_changes where id <= (select max(id) from matching_changes) - keep
            order by id limit most)
        returning xact
    )
    select count(*), max(xact) into gone, newest from old;
    if gone > 0 then
        update matching_log set complete_from = greatest(complete_from, newest + 1);
    end if;
    return gone;
end $$;
