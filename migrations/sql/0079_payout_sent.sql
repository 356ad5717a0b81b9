-- Which event handed a payout over is asked before each transfer.
create index events_payout_sent on events ((body ->> 'payout')) where name = 'payout_sent';
