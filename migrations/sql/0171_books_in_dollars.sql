-- The books are kept in dollars: rupees stand in quotes, and in what a bank account is kept in. What is written is checked
-- from now on, and nobody waits for longer than it takes to say so. What was written before is looked through in the next
-- step, beside whoever reads and writes.
alter table ledger_postings
    drop constraint ledger_postings_currency_check,
    add constraint ledger_postings_in_dollars check (currency = 'USD') not valid;
alter table milestones
    drop constraint milestones_currency_check,
    add constraint milestones_in_dollars check (currency = 'USD') not valid;
alter table timesheets
    drop constraint timesheets_currency_check,
    add constraint timesheets_in_dollars check (currency = 'USD') not valid;
alter table disputes
    drop constraint disputes_currency_check,
    add constraint disputes_in_dollars check (currency = 'USD') not valid;
alter table payouts
    drop constraint payouts_currency_check,
    add constraint payouts_in_dollars check (currency = 'USD') not valid;
