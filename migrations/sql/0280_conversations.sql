-- What a client and a freelancer write to each other: one conversation for the two of them, and its messages, which are
-- added and never changed.
create table conversations (
    id            uuid primary key,
    client_id     uuid not null references organizations (id),
    freelancer_id uuid not null references users (id),
    -- Of its last message; both follow the messages by a trigger.
    last_number   integer not null check (last_number >= 0),
    last_at       timestamptz not null,
    opened_at     timestamptz not null,
    constraint conversations_between unique (client_id, freelancer_id),
    -- What messages say of the two is what stands here.
    constraint conversations_parties unique (id, client_id, freelancer_id)
);
create index conversations_of_client on conversations (client_id, last_at, id);
create index conversations_of_freelancer on conversations (freelancer_id, last_at, id);

create table messages (
    id              uuid primary key,
    conversation_id uuid not null,
    client_id       uuid not null,
    freelancer_id   uuid not null,
    number          integer not null check (number > 0),
    sender_id       uuid not null references users (id),
    side            text not null check (side in ('client', 'freelancer')),
    body            text not null check (length(body) between 1 and 5000),
    sent_at         timestamptz not null,
    constraint messages_parties foreign key (conversation_id, client_id, freelancer_id)
        references conversations (id, client_id, freelancer_id),
    constraint messages_numbered unique (conversation_id, number),
    -- Nobody but the freelancer writes for the freelancer's side.
    constraint messages_side check ((side = 'freelancer') = (sender_id = freelancer_id))
);
create index messages_of_sender on messages (sender_id, id);
create trigger messages_append_only before update or delete on messages
    for each row execute function refuse_change();
create trigger messages_no_truncate before truncate on messages
    for each statement execute function refuse_change();

-- A message is the next of its conversation, whoever writes at the same moment: the conversation's row is locked until
-- both are there, so its messages become visible in their order and without a gap.
create function messages_follow() returns trigger language plpgsql as $$
begin
    update conversations set last_number = new.number, last_at = greatest(last_at, new.sent_at)
        where id = new.conversation_id and last_number = new.number - 1;
    if not found then
        raise exception 'message % is not the next of its conversation', new.number using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger messages_follow before insert on messages for each row execute function messages_follow();

-- A conversation moves with its messages alone, and is kept as long as they are.
create function conversations_follow() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() < 2 or new.last_number <> old.last_number + 1 or new.last_at < old.last_at
        or (new.id, new.client_id, new.freelancer_id, new.opened_at)
            is distinct from (old.id, old.client_id, old.freelancer_id, old.opened_at) then
        raise exception 'a conversation moves with its messages alone' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger conversations_follow before update on conversations
    for each row execute function conversations_follow();
create trigger conversations_kept before delete on conversations for each row execute function refuse_change();
create trigger conversations_no_truncate before truncate on conversations
    for each statement execute function refuse_change();

-- One begins with a message; it is looked for when the transaction ends.
create function conversations_begin() returns trigger language plpgsql as $$
begin
    if new.last_number <> 0 then
        raise exception 'a conversation begins with its first message' using errcode = 'check_violation';
    end if;
    if not exists (select 1 from messages where conversation_id = new.id) then
        raise exception 'nothing is said in conversation %', new.id using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger conversations_begin after insert on conversations deferrable initially deferred
    for each row execute function conversations_begin();

-- Up to which message somebody has read. Nobody reads backwards.
create table conversation_reads (
    user_id         uuid not null references users (id),
    conversation_id uuid not null,
    up_to           integer not null,
    read_at         timestamptz not null,
    primary key (user_id, conversation_id),
    constraint conversation_reads_message foreign key (conversation_id, up_to)
        references messages (conversation_id, number)
);
create function conversation_reads_forward() returns trigger language plpgsql as $$
begin
    if new.up_to < old.up_to
        or (new.user_id, new.conversation_id) is distinct from (old.user_id, old.conversation_id) then
        raise exception 'nobody reads backwards' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger conversation_reads_forward before update on conversation_reads
    for each row execute function conversation_reads_forward();

-- When a letter followed what somebody was told and did not look at.
alter table notifications add column mailed_at timestamptz;
