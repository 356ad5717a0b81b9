-- What learning from use needs and makes: the values of the factors of whatever was shown, versions of
-- the scoring model fitted to the log, and which version ranks.

-- In millionths, in the order of domain::matching::learn::ORDER. Older impressions have none.
alter table exposures
    add column factor_micro integer[] check (cardinality(factor_micro) = 16);

-- Versions up to a thousand ship with the program; those fitted here have the numbers after. One that
-- was used is what its impressions were ranked by, so none is changed or thrown away.
create table model_versions (
    version   integer primary key check (version > 1000),
    -- The whole model.
    model     jsonb not null,
    -- What it was fitted to, and how it fared against the one before.
    evidence  jsonb not null,
    fitted_at timestamptz not null,
    constraint model_versions_names_itself check ((model ->> 'version')::integer = version)
);
create trigger model_versions_append_only before update or delete on model_versions
    for each row execute function refuse_change();
create trigger model_versions_no_truncate before truncate on model_versions
    for each statement execute function refuse_change();

-- Which version ranks: the last line says. With none, the one that ships.
create table model_uses (
    id      bigint generated always as identity primary key,
    version integer not null check (version >= 1),
    used_at timestamptz not null
);
create trigger model_uses_append_only before update or delete on model_uses
    for each row execute function refuse_change();
create trigger model_uses_no_truncate before truncate on model_uses
    for each statement execute function refuse_change();

-- What became of an impression.
create index match_acts_of_exposure on match_acts (exposure_id);
