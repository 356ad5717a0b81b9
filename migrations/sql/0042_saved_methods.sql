-- Cards and bank accounts that an organization may be charged with later: the processor's tokens, and what
-- helps to tell them apart.
create table saved_payment_methods (
    organization_id uuid not null references organizations (id),
    method          text not null check (method like 'pm\_%'),
    kind            text not null check (length(kind) between 1 and 64),
    label           text check (length(label) between 1 and 200),
    last4           text check (length(last4) = 4),
    saved_at        timestamptz not null,
    primary key (organization_id, method)
);
