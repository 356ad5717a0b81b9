-- Who joins an organization, and what people are told.

create table member_invitations (
    id              uuid primary key,
    organization_id uuid not null references organizations (id),
    email           text not null check (email = lower(email) and length(email) between 3 and 254),
    role            text not null check (role in ('admin', 'finance', 'recruiter', 'hiring_manager', 'viewer')),
    invited_by      uuid not null references users (id),
    state           text not null check (state in ('pending', 'accepted', 'declined', 'revoked')),
    -- Until when it may be answered, or when it was.
    state_at        timestamptz not null,
    created_at      timestamptz not null
);
create index member_invitations_of_organization on member_invitations (organization_id, id);
-- One invitation at a time waits in a mailbox.
create unique index member_invitations_once on member_invitations (organization_id, email) where state = 'pending';

create table notifications (
    id           uuid primary key,
    user_id      uuid not null references users (id),
    event_id     uuid not null references events (id),
    kind         text not null,
    contract_id  uuid,
    milestone_id uuid,
    created_at   timestamptz not null,
    read_at      timestamptz,
    -- An event that is told again tells nobody twice.
    constraint notifications_once unique (event_id, user_id)
);
create index notifications_of_user on notifications (user_id, id);
create index notifications_unread on notifications (user_id) where read_at is null;
