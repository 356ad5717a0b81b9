-- What somebody was told of a contract and has not read is counted when it could be told without end.
create index notifications_unread_of_contract on notifications (user_id, contract_id, kind)
    where read_at is null and contract_id is not null;
