-- How far the sandbox's clock is ahead of the machine's. One row at most; none in production.
create table sandbox_clock (
    single       boolean primary key default true check (single),
    ahead_micros bigint not null
);
