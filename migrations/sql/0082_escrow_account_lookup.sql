-- The balance of an escrow account is compared with what its milestone or week says: found by the name of the account.
drop index milestones_escrow_account;
drop index timesheets_escrow_account;
create index milestones_escrow_account on milestones (escrow_account);
create index timesheets_escrow_account on timesheets (escrow_account);
