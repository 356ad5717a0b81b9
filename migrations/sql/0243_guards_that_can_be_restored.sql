-- What these triggers look at, column by column. Rows that are compared as a whole are kept in a form that a dump
-- writes down and a restore reads as another, of the same meaning: an audit of the restored books then found these
-- guards bent.
create or replace trigger offers_stay before update of contract_id, organization_id, freelancer_id on offers
    for each row
    when (old.contract_id is distinct from new.contract_id or old.organization_id is distinct from new.organization_id
        or old.freelancer_id is distinct from new.freelancer_id)
    execute function whose_it_is_stays();
create or replace trigger contracts_stay before update of offer_id, organization_id, freelancer_id on contracts
    for each row
    when (old.offer_id is distinct from new.offer_id or old.organization_id is distinct from new.organization_id
        or old.freelancer_id is distinct from new.freelancer_id)
    execute function whose_it_is_stays();
create or replace trigger milestones_stay
    before update of contract_id, offer_id, organization_id, freelancer_id, currency, escrow_account on milestones
    for each row
    when (old.offer_id is distinct from new.offer_id or old.organization_id is distinct from new.organization_id
        or old.freelancer_id is distinct from new.freelancer_id or old.currency is distinct from new.currency
        or old.escrow_account is distinct from new.escrow_account
        or (old.contract_id is not null and new.contract_id is distinct from old.contract_id))
    execute function whose_it_is_stays();
create or replace trigger timesheets_stay
    before update of contract_id, organization_id, freelancer_id, currency, escrow_account, split_from on timesheets
    for each row
    when (old.contract_id is distinct from new.contract_id or old.organization_id is distinct from new.organization_id
        or old.freelancer_id is distinct from new.freelancer_id or old.currency is distinct from new.currency
        or old.escrow_account is distinct from new.escrow_account or old.split_from is distinct from new.split_from)
    execute function whose_it_is_stays();
create or replace trigger payouts_stay
    before update of user_id, method_id, currency, amount_minor, retention_method_id, retention_minor on payouts
    for each row
    when (old.user_id is distinct from new.user_id or old.method_id is distinct from new.method_id
        or old.currency is distinct from new.currency or old.amount_minor is distinct from new.amount_minor
        or old.retention_method_id is distinct from new.retention_method_id
        or old.retention_minor is distinct from new.retention_minor)
    execute function whose_it_is_stays();
