-- Who issued a paper that is final, as they were called when it was first handed out: whoever runs the marketplace may
-- be called otherwise by the time it is made again.
create table paper_issuers (
    paper        text primary key,
    name         text not null,
    address      text not null,
    registration text,
    kept_at      timestamptz not null
);
create trigger paper_issuers_stay before update or delete on paper_issuers
    for each row execute function refuse_change();
create trigger paper_issuers_no_truncate before truncate on paper_issuers
    for each statement execute function refuse_change();
