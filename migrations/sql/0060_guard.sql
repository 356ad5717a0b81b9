-- Networks that a person was at without a session: where they set another password with the code of a
-- letter. Signing in from there is not counted as a stranger's guess.
create table known_networks (
    user_id  uuid not null references users (id),
    network  text not null check (length(network) between 1 and 64),
    known_at timestamptz not null,
    primary key (user_id, network)
);

-- Letters to a mailbox are counted over time, and so are those of an organization.
create index member_invitations_to_mailbox on member_invitations (email, created_at);
create index member_invitations_lately on member_invitations (organization_id, created_at);
