-- Which token a refresh token was given for, so that one whose answer was lost may come once more: as long as nothing
-- that was given for it has been used.
alter table refresh_tokens add column given_for bytea check (length(given_for) = 32);
create index refresh_tokens_given_for on refresh_tokens (given_for) where given_for is not null;
