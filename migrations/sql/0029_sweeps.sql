-- What the worker throws away is found by when it is over.

create index throttles_age on throttles (resets_at);
