-- Who is not to be brought together: a client and a freelancer, as either side set it. The index of matching looks at
-- the freelancer again.

create table blocks (
    client_id     uuid not null references organizations (id),
    freelancer_id uuid not null references users (id),
    set_by        text not null check (set_by in ('client', 'freelancer')),
    set_at        timestamptz not null,
    primary key (freelancer_id, client_id, set_by)
);
create index blocks_of_client on blocks (client_id, set_by);

create function matching_person_blocked() returns trigger language plpgsql as $$
begin
    insert into matching_changes (kind, subject) values ('person', coalesce(new.freelancer_id, old.freelancer_id));
    return null;
end $$;
create trigger matching_blocked after insert or delete on blocks for each row execute function matching_person_blocked();
