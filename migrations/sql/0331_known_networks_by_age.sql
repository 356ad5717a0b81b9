-- Networks at which nobody was for long are forgotten, the oldest first.
create index known_networks_by_age on known_networks (known_at);
