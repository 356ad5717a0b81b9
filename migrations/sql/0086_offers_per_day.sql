-- When a client meant an offer to somebody who had not bid: such offers are counted, as invitations are.
alter table offers add column approached_at timestamptz;
create index offers_lately on offers (organization_id, approached_at) where approached_at is not null;
