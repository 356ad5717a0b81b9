-- What happened on a contract, as its sides may see it, in an order that can be followed: whoever
-- has been told up to a position has missed nothing before it.

create sequence events_position;
alter table events
    -- No foreign key: it would wait for whoever holds the contract's row.
    add column contract_id    uuid,
    add column for_client     boolean not null default false,
    add column for_freelancer boolean not null default false,
    add column position       bigint,
    add constraint events_placed check ((contract_id is null) = (position is null)),
    add constraint events_seen check (contract_id is null or for_client or for_freelancer);
create unique index events_of_contract on events (contract_id, position) where contract_id is not null;

create function events_place() returns trigger language plpgsql as $$
begin
    if new.contract_id is null then
        new.position := null;
    else
        -- Held until the transaction ends, so the positions of one contract become visible in their order.
        perform pg_advisory_xact_lock(hashtextextended(new.contract_id::text, 23));
        new.position := nextval('events_position');
    end if;
    return new;
end $$;
create trigger events_place before insert on events for each row execute function events_place();

-- The same for what a person is told.
create sequence notifications_position;
alter table notifications
    -- The global id of what it is about.
    add column subject  text check (length(subject) between 1 and 64),
    add column position bigint;
update notifications n set position = numbered.position
    from (select id, nextval('notifications_position') as position from (select id from notifications order by id) ordered) numbered
    where numbered.id = n.id;
alter table notifications alter column position set not null;
create unique index notifications_followed on notifications (user_id, position);

create function notifications_place() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(new.user_id::text, 24));
    new.position := nextval('notifications_position');
    return new;
end $$;
create trigger notifications_place before insert on notifications for each row execute function notifications_place();

create function notifications_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('rabta_told', new.user_id::text);
    return null;
end $$;
create trigger notifications_notify after insert on notifications for each row execute function notifications_notify();
