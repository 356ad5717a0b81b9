//! What freelancers say of themselves to clients in the United States, and what is told of a contract.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use domain::Timestamp;
use domain::access::{self, Actor, Denied, Subject, Verb};
use domain::compliance::{
    Assurance, Attestation, Certification, Charged, Compliance, Known, Proof, Review, TaxForm, invoice_sums,
    must_not_have_lapsed, screening_log, tax_form_status,
};
use domain::contract::{Contract, HoldReason, Status};
use domain::id::{ContractId, Id, MilestoneId, TimesheetId, UserId};
use domain::matching::features::Country;
use domain::milestone;
use domain::money::Rate;
use domain::papers::{CompliancePack, Passed, PassedState};
use domain::payee::Payee;
use domain::policy::Quote;
use domain::refusal::Refusal;
use domain::timesheet::TimesheetState;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::doc::Doc;
use crate::market::Market;
use crate::papers::Paper;
use crate::sql::{ids, sql};
use crate::{Call, Failure, Fault, Tx, run};

/// Milestones and weeks that are on a pack; more are read from the API.
const WORKS: usize = 2_000;

/// The last tax form of somebody, with when it was withdrawn.
const LAST_FORM: &str = "select form.*, gone.withdrawn_at from tax_forms form
    left join tax_form_withdrawals gone on gone.user_id = form.user_id and gone.number = form.number";

#[derive(FromQueryResult)]
struct FormRow {
    user_id: Uuid,
    number: i32,
    country: String,
    wording: i16,
    certified_at: Timestamp,
    lapses_on: NaiveDate,
    withdrawn_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct Home {
    country: Option<String>,
}

#[derive(FromQueryResult)]
struct Held {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct AttestationRow {
    contract_id: Uuid,
    number: i32,
    country: String,
    wording: i16,
    attested_at: Timestamp,
}

/// What is known of somebody, for how well that is.
#[derive(FromQueryResult)]
struct PersonRow {
    id: Uuid,
    name: String,
    reads_mail: bool,
    is_protected: bool,
    latin_name: Option<String>,
    address: Option<String>,
    phone: Option<String>,
    has_number: bool,
    is_screened: bool,
}

#[derive(FromQueryResult)]
struct SidesRow {
    contract_id: Uuid,
    client_at: Option<Timestamp>,
    freelancer_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct ReviewRow {
    contract_id: Uuid,
    found_at: Timestamp,
    cleared_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct ChargeRow {
    contract_id: Uuid,
    quote: Doc<Quote>,
    share_bp: Option<i32>,
}

#[derive(FromQueryResult)]
struct MilestoneRow {
    id: Uuid,
    title: String,
    state: Doc<milestone::State>,
}

#[derive(FromQueryResult)]
struct WeekRow {
    id: Uuid,
    week: NaiveDate,
    state: Doc<TimesheetState>,
}

impl Market {
    /// The caller certifies what IRS Form W-8BEN asks for.
    pub async fn tax_form_certify(&self, call: &Call, said: &Certification) -> Result<TaxForm, Failure> {
        let user = call.actor.person()?.user;
        run!(self, call, tx => {
            // The person's row is what two of their requests queue up at, so that forms are numbered one after the other.
            let person = tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let home = Home::find_by_statement(sql(
                "select country from freelancer_profiles where user_id = $1",
                [user.uuid().into()],
            ));
            let home = home.one(tx.conn()).await?.and_then(|home| home.country);
            let home = home.map(|code| country("freelancer_profiles", &code)).transpose()?;
            let standing = tx.tax_form_last(user).await?;
            let number = standing.as_ref().map_or(0, |(number, _)| *number) + 1;
            let standing = standing.map(|(_, form)| form);
            let change = TaxForm::certify(tx.actor(), standing, said, &person.name, home, tx.now())?;
            if change.changed {
                tx.must_be_proved(call).await?;
                let form = &change.next;
                let insert = sql(
                    "insert into tax_forms (user_id, number, country, wording, certified_at, lapses_on)
                     values ($1, $2, $3, $4, $5, $6)",
                    [
                        user.uuid().into(),
                        number.into(),
                        form.country.as_str().into(),
                        kept(form.wording).into(),
                        form.certified_at.into(),
                        form.lapses_on.into(),
                    ],
                );
                tx.conn().execute_raw(insert).await?;
                let detail = serde_json::json!({ "country": form.country, "wording": form.wording });
                tx.audit("tax_form_certify", user, detail).await?;
                tx.contracts_heed_tax_form(user, false).await?;
            }
            tx.settle(change).await
        })
    }

    /// Somebody's tax form lapses: they are told, if it is still so. When it has, their contracts are held.
    pub(crate) async fn tax_form_remind(&self, call: &Call, user: UserId) -> Result<(), Failure> {
        run!(self, call, tx => {
            tx.user_for_update(user).await?.ok_or(Refusal::HIDDEN)?;
            let Some((number, form)) = tx.tax_form_last(user).await? else { return Ok(()) };
            let terms = tx.policy_in_force().await?.terms;
            let has_lapsed = form.has_lapsed(&terms, tx.now());
            let change = form.remind(tx.actor(), &terms, tx.now())?;
            if has_lapsed {
                tx.audit("tax_form_lapse", user, serde_json::json!({ "number": number })).await?;
                tx.contracts_heed_tax_form(user, true).await?;
            }
            tx.settle(change.map(drop)).await
        })
    }

    /// The freelancer of a contract attests where its work is done.
    pub async fn contract_place_attest(
        &self,
        call: &Call,
        id: ContractId,
        place: &str,
        wording: i32,
    ) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.shown(tx.contract_for_update(id).await?, Contract::subject)?;
            let said = attestations(tx.conn(), &[id]).await?;
            let before = said.first().map_or(0, |(number, _)| *number);
            let last = said.into_iter().next().map(|(_, attestation)| attestation);
            let count = u32::try_from(before).unwrap_or(u32::MAX);
            let change = Attestation::attest(tx.actor(), &contract, last, count, place, wording, tx.now())?;
            if change.changed {
                let attestation = &change.next;
                let insert = sql(
                    "insert into place_attestations (contract_id, number, country, wording, attested_at)
                     values ($1, $2, $3, $4, $5)",
                    [
                        id.uuid().into(),
                        (before + 1).into(),
                        attestation.country.as_str().into(),
                        kept(attestation.wording).into(),
                        attestation.attested_at.into(),
                    ],
                );
                tx.conn().execute_raw(insert).await?;
                let detail = serde_json::json!({ "country": attestation.country, "wording": attestation.wording });
                tx.audit("contract_place_attest", id, detail).await?;
            }
            tx.settle(change.map(|_| contract)).await
        })
    }

    /// The last tax form that the caller gave.
    pub async fn tax_form_of_viewer(&self, call: &Call) -> Result<Option<TaxForm>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(None) };
        Ok(last_forms(self.db(), &[user]).await?.remove(&user).map(|(_, form)| form))
    }

    /// Of these people the caller alone: has their tax form lapsed by the policy in force, so that they accept nothing?
    /// Who never gave one is missing.
    pub async fn tax_forms_lapsed(&self, call: &Call, people: &[UserId]) -> Result<HashMap<UserId, bool>, Failure> {
        let own: Vec<UserId> = people.iter().copied().filter(|user| call.actor.user() == Some(*user)).collect();
        let forms = last_forms(self.db(), &own).await?;
        if forms.is_empty() {
            return Ok(HashMap::new());
        }
        let (terms, now) = (self.policy_in_force().await?.terms, self.clock().now());
        Ok(forms.into_iter().map(|(user, (_, form))| (user, form.has_lapsed(&terms, now))).collect())
    }

    /// How well we know who the caller is, and what that rests on.
    pub async fn assurance_of_viewer(&self, call: &Call) -> Result<Option<(Assurance, Vec<Proof>)>, Failure> {
        let Some(user) = call.actor.user() else { return Ok(None) };
        let known = self.known_of(&[user]).await?.remove(&user);
        Ok(known.map(|known| (known.assurance(), known.proofs())))
    }

    /// What is told of these contracts, of those whose pack the caller may have.
    pub async fn compliance_of(
        &self,
        call: &Call,
        contracts: &[&Contract],
    ) -> Result<HashMap<ContractId, Compliance>, Failure> {
        let seen =
            |contract: &&&Contract| access::allows(&call.actor, Verb::ContractComplianceRead, &contract.subject());
        let contracts: Vec<&Contract> = contracts.iter().filter(seen).copied().collect();
        if contracts.is_empty() {
            return Ok(HashMap::new());
        }
        let wanted: Vec<ContractId> = contracts.iter().map(|contract| contract.id).collect();
        let freelancers: HashSet<UserId> = contracts.iter().map(|contract| contract.freelancer).collect();
        let freelancers: Vec<UserId> = freelancers.into_iter().collect();
        let now = self.clock().now();
        let forms = last_forms(self.db(), &freelancers).await?;
        let known = self.known_of(&freelancers).await?;
        let mut said: HashMap<ContractId, Vec<Attestation>> = HashMap::new();
        for (_, attestation) in attestations(self.db(), &wanted).await? {
            said.entry(attestation.contract).or_default().push(attestation);
        }
        let sides = self.screened_sides(&wanted).await?;
        let mut reviews = self.screening_reviews(&wanted).await?;
        let pays = |contract: &&&Contract| {
            access::allows(&call.actor, Verb::PaymentRead, &Subject::of_client(contract.client))
        };
        let paying: Vec<ContractId> = contracts.iter().filter(pays).map(|contract| contract.id).collect();
        let mut charged = self.charged(&paying).await?;
        let mut told = HashMap::new();
        for contract in contracts {
            let id = contract.id;
            let form = forms.get(&contract.freelancer).map(|(_, form)| form);
            let known = known.get(&contract.freelancer).copied().unwrap_or_default();
            let invoices = match paying.contains(&id) {
                true => Some(invoice_sums(&charged.remove(&id).unwrap_or_default())?),
                false => None,
            };
            let sides = sides.get(&id).copied().unwrap_or_default();
            let reviews = reviews.remove(&id).unwrap_or_default();
            let compliance = Compliance {
                contract: id,
                tax_form_status: tax_form_status(form, now),
                tax_form: form.cloned(),
                clauses: Some(contract.terms.clauses).filter(|version| *version > 0),
                attestations: said.remove(&id).unwrap_or_default(),
                invoices,
                screening: screening_log(contract.created_at, sides, &reviews),
                assurance: known.assurance(),
                proofs: known.proofs(),
            };
            told.insert(id, compliance);
        }
        Ok(told)
    }

    /// The compliance pack of a contract on paper.
    pub(crate) async fn compliance_paper(&self, call: &Call, id: ContractId) -> Result<Option<Paper>, Failure> {
        let Some(contract) = self.contract_find(call, id).await? else { return Ok(None) };
        let Some(told) = self.compliance_of(call, &[&contract]).await?.remove(&id) else {
            return Err(Refusal::Denied { reason: Denied::NotAllowed }.into());
        };
        let (works, is_cut_off) = self.works_passed(id).await?;
        let now = self.clock().now();
        let pack = CompliancePack {
            title: contract.title.clone(),
            client: self.named("select name from organizations where id = $1", contract.client.uuid()).await?,
            freelancer: self.named("select name from users where id = $1", contract.freelancer.uuid()).await?,
            contract_made_at: contract.created_at,
            made_at: now,
            issuer: self.operator().clone(),
            told,
            works,
            is_cut_off,
        };
        Ok(Some(Paper::new(pack.reference(), now, &pack, pack.sheet())?))
    }

    /// The milestones and weeks of a contract, oldest first, and whether there are more. Bonuses and tips are no work, and
    /// what was called off before there was money in it never was any.
    async fn works_passed(&self, id: ContractId) -> Result<(Vec<Passed>, bool), Failure> {
        let most = i64::try_from(WORKS + 1).unwrap_or(i64::MAX);
        let milestones = MilestoneRow::find_by_statement(sql(
            "select id, title, state from milestones
             where contract_id = $1 and kind = 'work' and status <> 'cancelled' order by id limit $2",
            [id.uuid().into(), most.into()],
        ));
        let weeks = WeekRow::find_by_statement(sql(
            "select id, week, state from timesheets where contract_id = $1 order by id limit $2",
            [id.uuid().into(), most.into()],
        ));
        let milestones = milestones.all(self.db()).await?.into_iter().map(|row| Passed {
            work: MilestoneId::from_uuid(row.id).to_string(),
            work_title: row.title,
            state: PassedState::of_milestone(&row.state.0),
        });
        let weeks = weeks.all(self.db()).await?.into_iter().map(|row| Passed {
            work: TimesheetId::from_uuid(row.id).to_string(),
            work_title: format!("Week of {}", row.week),
            state: PassedState::of_week(&row.state.0),
        });
        let mut works: Vec<Passed> = milestones.chain(weeks).collect();
        let is_cut_off = works.len() > WORKS;
        works.truncate(WORKS);
        Ok((works, is_cut_off))
    }

    async fn known_of(&self, people: &[UserId]) -> Result<HashMap<UserId, Known>, Failure> {
        let rows = PersonRow::find_by_statement(sql(
            "select u.id, u.name, u.email_verified_at is not null as reads_mail,
                    exists (select from second_factors f where f.user_id = u.id and f.confirmed_at is not null)
                        or exists (select from passkeys k where k.user_id = u.id) as is_protected,
                    y.latin_name, y.address, y.phone,
                    y.cnic_last4 is not null or y.ntn_last4 is not null as has_number,
                    exists (select from freelancer_screenings s where s.freelancer_id = u.id) as is_screened
             from users u left join payees y on y.user_id = u.id where u.id = any($1)",
            [ids(people)],
        ));
        let now = self.clock().now();
        let known = |row: PersonRow| {
            let user = UserId::from_uuid(row.id);
            let blank = Payee::blank(user, now);
            let payee = Payee { latin_name: row.latin_name, address: row.address, phone: row.phone, ..blank };
            // The number itself is sealed, and stays so: that there is one is enough here.
            let is_missing = |what: &str| what != "cnic" || !row.has_number;
            let known = Known {
                reads_mail: row.reads_mail,
                is_protected: row.is_protected,
                is_declared: !payee.missing_for_wire(&row.name).into_iter().any(is_missing),
                is_screened: row.is_screened,
            };
            (user, known)
        };
        Ok(rows.all(self.db()).await?.into_iter().map(known).collect())
    }

    /// When the two sides of contracts were screened last.
    async fn screened_sides(
        &self,
        contracts: &[ContractId],
    ) -> Result<HashMap<ContractId, [Option<Timestamp>; 2]>, Failure> {
        let rows = SidesRow::find_by_statement(sql(
            "select deal.id as contract_id, client.screened_at as client_at, freelancer.screened_at as freelancer_at
             from contracts deal
             left join client_screenings client on client.organization_id = deal.organization_id
             left join freelancer_screenings freelancer on freelancer.freelancer_id = deal.freelancer_id
             where deal.id = any($1)",
            [ids(contracts)],
        ));
        let sides = |row: SidesRow| (Id::from_uuid(row.contract_id), [row.client_at, row.freelancer_at]);
        Ok(rows.all(self.db()).await?.into_iter().map(sides).collect())
    }

    /// When our people looked at either side of contracts.
    async fn screening_reviews(&self, contracts: &[ContractId]) -> Result<HashMap<ContractId, Vec<Review>>, Failure> {
        let rows = ReviewRow::find_by_statement(sql(
            "select deal.id as contract_id, hit.found_at, (hit.state ->> 'at')::timestamptz as cleared_at
             from contracts deal join screening_hits hit on hit.organization_id = deal.organization_id
             where deal.id = any($1)
             union all
             select deal.id, hit.found_at, (hit.state ->> 'at')::timestamptz
             from contracts deal join screening_hits hit on hit.freelancer_id = deal.freelancer_id
             where deal.id = any($1)",
            [ids(contracts)],
        ));
        let mut found: HashMap<ContractId, Vec<Review>> = HashMap::new();
        for row in rows.all(self.db()).await? {
            let review = Review { found_at: row.found_at, cleared_at: row.cleared_at };
            found.entry(Id::from_uuid(row.contract_id)).or_default().push(review);
        }
        Ok(found)
    }

    /// What clients were charged for contracts, and which share of it each invoice calls development: the last word
    /// before it, or else the first after.
    async fn charged(&self, contracts: &[ContractId]) -> Result<HashMap<ContractId, Vec<Charged>>, Failure> {
        if contracts.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = ChargeRow::find_by_statement(sql(
            "select paid.contract_id, paid.quote, share.share_bp
             from (select work.contract_id, payment.quote, (payment.state ->> 'succeeded_at')::timestamptz as at
                   from milestones work join payments payment on payment.milestone_id = work.id
                   where work.contract_id = any($1) and payment.status = 'succeeded'
                   union all
                   select work.contract_id, payment.quote, (payment.state ->> 'succeeded_at')::timestamptz
                   from timesheets work join payments payment on payment.timesheet_id = work.id
                   where work.contract_id = any($1) and payment.status = 'succeeded') paid
             left join lateral (
                 select share_bp from development_shares where contract_id = paid.contract_id
                 order by (set_at <= paid.at) desc, case when set_at <= paid.at then set_at end desc, set_at limit 1) share on true",
            [ids(contracts)],
        ));
        let mut charged: HashMap<ContractId, Vec<Charged>> = HashMap::new();
        for row in rows.all(self.db()).await? {
            let share = row.share_bp.map(|bp| u16::try_from(bp).ok().and_then(|bp| Rate::basis_points_of(bp).ok()));
            let share = share.map(|share| share.ok_or_else(|| Fault::bad_row("development_shares", "no share")));
            let Quote { amount, client_fee: fee, .. } = row.quote.0;
            let charge = Charged { amount, fee, share: share.transpose()? };
            charged.entry(Id::from_uuid(row.contract_id)).or_default().push(charge);
        }
        Ok(charged)
    }
}

impl Tx {
    /// Somebody lives in another country from now on: a tax form that names the one they left holds no more.
    pub(crate) async fn tax_form_heed_move(&self, user: UserId, home: Country) -> Result<(), Failure> {
        let Some((number, form)) = self.tax_form_last(user).await? else { return Ok(()) };
        let change = form.heed_move(home, &self.policy_in_force().await?.terms, self.now());
        if change.changed {
            let withdraw = sql(
                "insert into tax_form_withdrawals (user_id, number, withdrawn_at) values ($1, $2, $3)",
                [user.uuid().into(), number.into(), self.now().into()],
            );
            self.conn().execute_raw(withdraw).await?;
            self.audit("tax_form_withdraw", user, serde_json::json!({ "number": number })).await?;
        }
        self.settle(change.map(drop)).await
    }

    /// Whose tax form has lapsed accepts no offer. When it does is said by the policy in force, whatever the terms of the
    /// offer: by that their contracts are held, and one made later is not.
    pub(crate) async fn tax_form_must_not_have_lapsed(&self, user: UserId) -> Result<(), Failure> {
        let Some((_, last)) = self.tax_form_last(user).await? else { return Ok(()) };
        Ok(must_not_have_lapsed(Some(&last), &self.policy_in_force().await?.terms, self.now())?)
    }

    /// A freelancer's tax form has lapsed, and their contracts are held for it; or they gave another, and nothing of it
    /// stands against their contracts any more. The person is locked already, and contracts come after people.
    async fn contracts_heed_tax_form(&self, user: UserId, has_lapsed: bool) -> Result<(), Failure> {
        let reason = HoldReason::IdentityLapsed;
        for id in self.contracts_of_freelancer(user, has_lapsed).await? {
            let Some(contract) = self.contract_for_update(id).await? else { continue };
            let (act, change) = match has_lapsed {
                true => ("contract_hold", contract.put_on_hold(&Actor::System, self.now(), reason)?),
                false => ("contract_lift_hold", contract.lift_hold(&Actor::System, reason)?),
            };
            if change.changed {
                let detail = serde_json::json!({ "reason": reason, "note": "the freelancer's tax form" });
                self.audit(act, id, detail).await?;
                self.contract_lifted(change).await?;
            }
        }
        Ok(())
    }

    /// The contracts of a freelancer that something may yet be held against, or those that are on hold, in the order in
    /// which they are locked.
    async fn contracts_of_freelancer(&self, user: UserId, all: bool) -> Result<Vec<ContractId>, Failure> {
        let select = sql(
            "select id from contracts
             where freelancer_id = $1 and (status = $2 or $3 and status <> all ($4)) order by id",
            [
                user.uuid().into(),
                Status::OnHold.as_str().into(),
                all.into(),
                [Status::Ending, Status::Ended].map(|status| status.as_str().to_owned()).to_vec().into(),
            ],
        );
        let rows = Held::find_by_statement(select).all(self.conn()).await?;
        Ok(rows.into_iter().map(|row| Id::from_uuid(row.id)).collect())
    }

    async fn tax_form_last(&self, user: UserId) -> Result<Option<(i32, TaxForm)>, Failure> {
        Ok(last_forms(self.conn(), &[user]).await?.remove(&user))
    }
}

/// The last tax form of each of these people who gave one, with its number.
async fn last_forms(
    conn: &impl ConnectionTrait,
    people: &[UserId],
) -> Result<HashMap<UserId, (i32, TaxForm)>, Failure> {
    let select = format!(
        "{LAST_FORM} where form.user_id = any($1)
             and form.number = (select max(number) from tax_forms other where other.user_id = form.user_id)"
    );
    let rows = FormRow::find_by_statement(sql(&select, [ids(people)])).all(conn).await?;
    let form = |row: FormRow| {
        let user = UserId::from_uuid(row.user_id);
        let form = TaxForm {
            user,
            country: country("tax_forms", &row.country)?,
            wording: wording("tax_forms", row.wording)?,
            certified_at: row.certified_at,
            lapses_on: row.lapses_on,
            withdrawn_at: row.withdrawn_at,
        };
        Ok((user, (row.number, form)))
    };
    rows.into_iter().map(form).collect()
}

/// Where the freelancers of these contracts said that their work is done, the latest first, each with its number.
async fn attestations(
    conn: &impl ConnectionTrait,
    contracts: &[ContractId],
) -> Result<Vec<(i32, Attestation)>, Failure> {
    let select = sql(
        "select contract_id, number, country, wording, attested_at from place_attestations
         where contract_id = any($1) order by contract_id, number desc",
        [ids(contracts)],
    );
    let attestation = |row: AttestationRow| {
        let said = Attestation {
            contract: Id::from_uuid(row.contract_id),
            country: country("place_attestations", &row.country)?,
            wording: wording("place_attestations", row.wording)?,
            attested_at: row.attested_at,
        };
        Ok((row.number, said))
    };
    AttestationRow::find_by_statement(select).all(conn).await?.into_iter().map(attestation).collect()
}

fn country(table: &'static str, code: &str) -> Result<Country, Fault> {
    code.parse().map_err(|bad| Fault::bad_row(table, bad))
}

fn wording(table: &'static str, number: i16) -> Result<u16, Fault> {
    u16::try_from(number).map_err(|bad| Fault::bad_row(table, bad))
}

/// The number of a wording as it is kept: there are never so many that one is not itself.
fn kept(wording: u16) -> i16 {
    i16::try_from(wording).unwrap_or(i16::MAX)
}
