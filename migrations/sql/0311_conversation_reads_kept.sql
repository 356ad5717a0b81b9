-- Nobody reads backwards, not by being forgotten and read anew either: how far somebody has read goes with their account
-- alone. It is looked for when the transaction ends, in which the account is erased.
create function conversation_reads_kept() returns trigger language plpgsql as $$
begin
    if exists (select 1 from users where id = old.user_id and erased_at is null) then
        raise exception 'nobody reads backwards' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create constraint trigger conversation_reads_kept after delete on conversation_reads deferrable initially deferred
    for each row execute function conversation_reads_kept();
create trigger conversation_reads_no_truncate before truncate on conversation_reads
    for each statement execute function refuse_change();
