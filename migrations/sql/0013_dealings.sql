-- Who may not judge: whoever has, or ever had, dealings with a side.

-- Everybody who ever belonged to an organization. Memberships end; that they were does not.
create table memberships_ever (
    organization_id uuid not null references organizations (id),
    user_id         uuid not null references users (id),
    primary key (organization_id, user_id)
);
create index memberships_ever_of_user on memberships_ever (user_id);
insert into memberships_ever (organization_id, user_id) select organization_id, user_id from members;

create function members_remembered() returns trigger language plpgsql as $$
begin
    insert into memberships_ever (organization_id, user_id) values (new.organization_id, new.user_id)
    on conflict do nothing;
    return null;
end $$;
create trigger members_remembered after insert or update of organization_id, user_id on members
    for each row execute function members_remembered();
create trigger memberships_ever_append_only before update or delete on memberships_ever
    for each row execute function refuse_change();
create trigger memberships_ever_no_truncate before truncate on memberships_ever
    for each statement execute function refuse_change();

-- Is this person a side, did they ever belong to the client, work for the client, or belong to a
-- client the freelancer worked for?
create function has_dealings(person uuid, client uuid, freelancer uuid) returns boolean language sql stable as $$
    select person = freelancer
        or exists (select 1 from memberships_ever m where m.user_id = person and m.organization_id = client)
        or exists (select 1 from contracts c where c.freelancer_id = person and c.organization_id = client)
        or exists (select 1 from contracts c join memberships_ever m on m.organization_id = c.organization_id
                   where m.user_id = person and c.freelancer_id = freelancer)
$$;
