-- A refund that nothing is heard of is looked at now and then, less and less often.
alter table payment_refunds add column looked_at timestamptz;
alter table payment_refunds add column looks integer not null default 0 check (looks >= 0);
create index payment_refunds_open on payment_refunds (created_at) where status in ('started', 'pending');
create index events_refunding on events ((body ->> 'refund')) where name = 'payment_refund_started';
