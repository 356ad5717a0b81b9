-- What somebody has not read is what the other side wrote after it: however much one's own side wrote meanwhile, none of
-- that is looked at.
create index messages_by_side on messages (conversation_id, side, number);
