-- What others have certified of a freelancer, by the freelancer's own account.

alter table freelancer_profiles
    add column credentials jsonb not null default '[]'
        constraint freelancer_profiles_credentials
        check (jsonb_typeof(credentials) = 'array' and jsonb_array_length(credentials) <= 20);
