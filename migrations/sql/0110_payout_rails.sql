-- Rails by which payouts to the account had come back lately, as it was when this one was asked for: they are passed over.
alter table payouts
    add column failed_rails jsonb not null default '[]',
    add constraint payouts_failed_rails check (jsonb_typeof(failed_rails) = 'array'
        and failed_rails <@ '["global_payouts", "recipient_account", "bank_wire", "manual"]');
