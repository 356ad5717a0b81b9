-- Since when acting on what was told is put off each time: after a day of that it is parked, for an operator to look at.
alter table webhook_events add column put_off_since timestamptz;
