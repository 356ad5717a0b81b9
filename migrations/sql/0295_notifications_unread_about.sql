-- What somebody was told of a thing and has not read is looked for when something happens to it again; they may have
-- much that they never read.
create index notifications_unread_about on notifications (user_id, subject, kind) where read_at is null;
