-- What an organization began to set up at the processor last, to be gone on with.
create table processor_set_ups (
    organization_id uuid primary key references organizations (id),
    intent          text not null,
    begun_at        timestamptz not null
);
