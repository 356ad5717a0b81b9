-- The sandbox's rail tells of some transfers by itself, as a real one does: of what was paid after a long silence, and of
-- what a bank sends back days after it had it.
alter table sandbox_transfers
    add column tells text check (tells in ('paid', 'returned')),
    add column tells_at timestamptz,
    add column told_at timestamptz,
    add constraint sandbox_transfers_tells check ((tells is null) = (tells_at is null));
create index sandbox_transfers_due on sandbox_transfers (tells_at) where told_at is null and tells_at is not null;
