-- What is made at Stripe once: customers, what they set up, people's accounts. The key that each is asked for under is
-- kept before it is asked, so that a lost answer is had under it later, and nothing is made twice.
create table stripe_makings (
    what     text not null check (what in ('customer', 'set_up', 'account', 'recipient', 'bank_account')),
    -- An organization, or a payout method.
    subject  uuid not null,
    key      text not null unique check (length(key) between 1 and 255),
    -- How often it was asked for under this key, and since when.
    asks     integer not null default 1 check (asks > 0),
    asked_at timestamptz not null,
    primary key (what, subject)
);
