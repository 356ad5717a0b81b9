-- Payouts that are on their way are few, and counted often.
create index payouts_open on payouts (status) where status not in ('paid', 'returned', 'cancelled');
