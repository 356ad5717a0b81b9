-- Sessions that are over stay, for they say where somebody was before; of their refresh tokens nothing is needed. Once
-- those are gone a session says so: else each look for more would go through all sessions that ever were.
alter table sessions add column tokens_gone boolean not null default false;
create index sessions_with_tokens on sessions (expires_at) where not tokens_gone;
