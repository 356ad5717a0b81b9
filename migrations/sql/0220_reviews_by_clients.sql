-- The reviews that a client wrote and that are published, to tell whether there is one.
create index reviews_by_organization on reviews (organization_id) where published_at is not null and side = 'client';
