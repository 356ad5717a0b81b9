-- What goes on from a person's own account to their bank is asked for under one key by whoever asks at the same time:
-- which, and since when.
alter table stripe_transfers
    add column onward_tries    integer not null default 0 check (onward_tries >= 0),
    add column onward_asked_at timestamptz,
    add constraint stripe_transfers_onward_asked check ((onward_tries > 0) = (onward_asked_at is not null));
