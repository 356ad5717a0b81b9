-- Who looks how many letters somebody got lately, and what addresses they had, reads theirs alone, used ones too.
create index mail_codes_by_user on mail_codes (user_id, created_at);
