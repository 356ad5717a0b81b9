-- An outage looks for the offers that somebody has to move on, in the order of their ids.
create index offers_that_wait on offers (id) where status in ('pending_funding', 'sent');
