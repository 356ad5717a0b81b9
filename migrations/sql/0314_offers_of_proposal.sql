-- How many offers were made on a proposal lately is counted for each.
create index offers_of_proposal on offers (proposal_id, created_at) where proposal_id is not null;
