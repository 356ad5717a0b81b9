-- Kept answers that hold somebody's address, by the address and by what they tell of: whoever is erased is taken out of
-- those of others.

create index idempotency_address on idempotency ((answer ->> 'email')) where answer ->> 'email' is not null;
create index idempotency_addressee on idempotency ((answer ->> 'id')) where answer ->> 'email' is not null;
