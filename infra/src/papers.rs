//! Papers: gathering what is on them, for whom they are; printing is [`mod@print`]'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{self, Actor, Verb};
use domain::contract::Contract;
use domain::id::{
    ContractId, Id, MilestoneId, OrganizationId, PaymentId, PaymentRefundId, PayoutId, PayoutMethodId, TimesheetId,
    UserId,
};
use domain::ledger::{LedgerAccount, Reason};
use domain::money::{Currency, Money, Rate};
use domain::papers::{
    Aside, Beneficiary, Beside, Certificate, CreditNote, Earned, Flow, FromNoWork, Invoice, Month, Operator, Origin,
    PayoutPart, RemittancePack, Sheet, Split, Statement, StatementLine, TaxYear, Trail, Withheld,
};
use domain::payee::Payee;
use domain::payment::{Payment, Purpose, RefundState, State};
use domain::payout::{Iban, Payout, PayoutState};
use domain::refusal::Refusal;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Serialize;
use uuid::Uuid;

use crate::bench::Bench;
use crate::market::Market;
use crate::page::PageRequest;
use crate::sql::{ids, sql};
use crate::throttle::Allowance;
use crate::{Call, Failure, Fault, run};

mod letters;
pub mod print;

/// Papers that one person may ask for.
const PAPERS: Allowance = Allowance { attempts: 120, within: TimeDelta::minutes(10) };
/// Entries of a statement that are printed; longer ones are read from the API.
const STATEMENT_ENTRIES: usize = 5_000;
/// Papers that are printed at once: printing takes a processor.
static PRINTERS: LazyLock<Bench> = LazyLock::new(|| Bench::new("papers", 2, 20));

/// Which paper is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The remittance pack of a payout.
    Pack(PayoutId),
    /// The invoice of a payment.
    Invoice(PaymentId),
    /// The credit note of a refund.
    CreditNote(PaymentRefundId),
    /// The statement of a contract.
    Statement(ContractId),
    /// The compliance pack of a contract.
    Compliance(ContractId),
    /// The caller's own certificate of earnings.
    Earnings(TaxYear),
}

/// A paper.
#[derive(Debug, Clone)]
pub struct Paper {
    /// What its file is called, without an ending.
    pub name: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// What it says, for programs.
    pub json: serde_json::Value,
    sheet: Sheet,
}

impl Paper {
    pub(crate) fn new(
        reference: String,
        made_at: Timestamp,
        content: &impl Serialize,
        sheet: Sheet,
    ) -> Result<Self, Fault> {
        let name = reference.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        Ok(Self { name, made_at, json: serde_json::to_value(content)?, sheet })
    }

    /// As PDF.
    ///
    /// # Errors
    /// [`Fault::Service`] if it can't be printed, [`Fault::Busy`] if too many are to be.
    pub async fn pdf(self) -> Result<Vec<u8>, Fault> {
        PRINTERS.at(move || print::print(&self.sheet, self.made_at)).await?
    }
}

#[derive(FromQueryResult)]
struct Named {
    name: String,
}

#[derive(FromQueryResult)]
struct FlowRow {
    reason: String,
    key: String,
    contract_id: Option<Uuid>,
    delta: i64,
    posted_at: Timestamp,
}

#[derive(FromQueryResult)]
struct WorkRow {
    work: String,
    contract_id: Option<Uuid>,
    contract_title: String,
    work_title: String,
    client: String,
    released_minor: i64,
    fee_minor: i64,
    payments: Vec<Uuid>,
}

#[derive(FromQueryResult)]
struct NumberRow {
    id: Uuid,
    organization_id: Uuid,
    number: i64,
}

#[derive(FromQueryResult)]
struct IssuerRow {
    name: String,
    address: String,
    registration: Option<String>,
}

#[derive(FromQueryResult)]
struct NoteRow {
    number: i64,
    issued_at: Timestamp,
}

#[derive(FromQueryResult)]
struct ShareRow {
    share_bp: i32,
}

#[derive(FromQueryResult)]
struct DealRow {
    contract_id: Option<Uuid>,
    title: String,
    work_title: String,
    freelancer: String,
    client: String,
    time_zone: String,
}

#[derive(FromQueryResult)]
struct BeneficiaryRow {
    name: String,
    latin_name: Option<String>,
    urdu_name: Option<String>,
    address: Option<String>,
    phone: Option<String>,
    cnic_last4: Option<String>,
    ntn_last4: Option<String>,
}

#[derive(FromQueryResult)]
struct PaidRow {
    id: Uuid,
    amount_minor: i64,
    e_prc: Option<String>,
    paid_at: Timestamp,
    returned_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct MethodRow {
    bank: String,
    iban_last4: String,
    account_title: String,
}

/// Something that moved a freelancer's available balance.
struct Moved {
    flow: Flow,
    at: Timestamp,
    /// Why, if it was neither for work nor a payout.
    aside: Option<Aside>,
}

/// Some work: where it is, and what of its money went to its freelancer and to us.
struct Work {
    origin: Origin,
    net: Money,
    fee: Money,
}

/// The number of an invoice or a credit note, which counts for its client.
fn numbered(kind: &str, client: OrganizationId, number: i64) -> String {
    let client = client.to_string().to_uppercase();
    let tail: String = client.chars().skip(client.chars().count().saturating_sub(6)).collect();
    format!("{kind}-{tail}-{number:05}")
}

fn usd(minor: i64) -> Result<Money, Failure> {
    Ok(Money::new(minor, Currency::Usd)?)
}

impl Market {
    /// The paper, if the caller may have it.
    ///
    /// # Errors
    /// A refusal to somebody who is not signed in, or asks for very many.
    pub async fn paper(&self, call: &Call, wanted: Wanted) -> Result<Option<Paper>, Failure> {
        let user = call.actor.person()?.user;
        self.throttle(&format!("papers:{user}"), PAPERS).await?;
        match wanted {
            Wanted::Pack(id) => self.pack(call, id).await,
            Wanted::Invoice(id) => self.invoice(call, id).await,
            Wanted::CreditNote(id) => self.credit_note(call, id).await,
            Wanted::Statement(id) => self.statement(call, id).await,
            Wanted::Compliance(id) => self.compliance_paper(call, id).await,
            Wanted::Earnings(year) => self.certificate(call, year, user).await,
        }
    }

    /// The client says what share of a contract's work is development, in basis points.
    pub async fn contract_development_share_set(
        &self,
        call: &Call,
        id: ContractId,
        share_bp: i32,
    ) -> Result<Contract, Failure> {
        run!(self, call, tx => {
            let contract = tx.contract_for_update(id).await?.ok_or(Refusal::HIDDEN)?;
            access::check(tx.actor(), Verb::ContractDevelopmentShareSet, &contract.subject())?;
            if !(0..=10_000).contains(&share_bp) {
                return Err(Refusal::field("shareBasisPoints", "OUT_OF_RANGE", "must be between 0 and 10000").into());
            }
            let by = tx.actor().person()?.user;
            let set = sql(
                "insert into development_shares (id, contract_id, share_bp, set_by, set_at) values ($1, $2, $3, $4, $5)",
                [
                    crate::ids::fresh_uuid(tx.now()).into(),
                    id.uuid().into(),
                    share_bp.into(),
                    by.uuid().into(),
                    tx.now().into(),
                ],
            );
            tx.conn().execute_raw(set).await?;
            tx.audit("contract_development_share_set", id, serde_json::json!({ "shareBp": share_bp })).await?;
            Ok(contract)
        })
    }

    async fn pack(&self, call: &Call, id: PayoutId) -> Result<Option<Paper>, Failure> {
        let Some(payout) = self.payout_find(call, id).await? else { return Ok(None) };
        let flows = self.flows(payout.user).await?;
        let asides: BTreeMap<String, Aside> = flows
            .iter()
            .filter_map(|moved| match &moved.flow {
                Flow::Came { work, .. } => Some((work.clone(), moved.aside?)),
                Flow::Left(..) | Flow::CameBack(_) | Flow::Undone { .. } => None,
            })
            .collect();
        let trail = Trail::follow(flows.into_iter().map(|moved| moved.flow))?;
        let parts = trail.of(id)?;
        let works = self.works(parts.iter().map(|(_, work, _)| work.clone()).collect()).await?;
        let (mut earned, mut from_no_work) = (Vec::new(), Vec::new());
        for (_, work, net) in parts {
            match works.get(&work) {
                Some(Work { origin, net: all_net, fee }) => {
                    earned.push(Earned::part(origin.clone(), net, *all_net, *fee)?);
                }
                // What no work knows of was put there by our people.
                None => {
                    let why = asides.get(&work).copied().unwrap_or(Aside::Correction);
                    from_no_work.push(FromNoWork { why, amount: net });
                }
            }
        }
        let now = self.clock().now();
        let zero = Money::zero(payout.amount.currency());
        let pack = RemittancePack {
            payout: id,
            status: payout.state.as_str().to_owned(),
            made_at: now,
            requested_at: payout.requested_at,
            paid_at: match &payout.state {
                PayoutState::Paid { at, .. } => Some(*at),
                _ => None,
            },
            remitter: match &payout.state {
                PayoutState::Paid { .. } => self.issuer_of(id.to_string()).await?,
                _ => self.operator().clone(),
            },
            beneficiary: self.beneficiary_of(&payout).await?,
            purpose_code: payout.purpose_code.clone(),
            purpose: payout.purpose.clone(),
            written_purpose: payout.written_purpose.clone(),
            gross: zero,
            fees: zero,
            net: payout.amount,
            quote: payout.quote.clone(),
            parts: self.payout_parts(&payout).await?,
            // A pack says what held when its payout was requested, whatever the law says by now.
            withheld: Withheld {
                if_registered: payout.terms.withheld_registered,
                otherwise: payout.terms.withheld_others,
            },
            withholding_if_registered: zero,
            withholding_otherwise: zero,
            earned,
            from_no_work,
            e_prc: payout.e_prc.clone(),
        };
        let pack = pack.summed()?;
        Ok(Some(Paper::new(pack.reference(), now, &pack, pack.sheet())?))
    }

    async fn payout_parts(&self, payout: &Payout) -> Result<Vec<PayoutPart>, Failure> {
        let changed = payout.changed()?;
        let rupees = payout.quote.as_ref().map(|quote| quote.rupees(changed)).transpose()?;
        let mut parts = Vec::new();
        if let Some(kept) = payout.retention {
            parts.push(self.payout_part("Retention account, in dollars", kept.method, kept.amount, None).await?);
        }
        if !changed.is_zero() {
            parts.push(self.payout_part("Account in rupees", payout.method, changed, rupees).await?);
        }
        Ok(parts)
    }

    async fn payout_part(
        &self,
        account: &str,
        method: PayoutMethodId,
        amount: Money,
        rupees: Option<Money>,
    ) -> Result<PayoutPart, Failure> {
        let select =
            sql("select bank, iban_last4, account_title from payout_methods where id = $1", [method.uuid().into()]);
        let method = MethodRow::find_by_statement(select).one(self.db()).await?;
        let method = method.ok_or_else(|| Fault::bad_row("payouts", "its method is gone"))?;
        Ok(PayoutPart {
            account: account.to_owned(),
            bank: Iban::bank_named(&method.bank).map_or(method.bank.clone(), str::to_owned),
            account_last4: method.iban_last4,
            account_title: method.account_title,
            amount,
            rupees,
        })
    }

    async fn invoice(&self, call: &Call, id: PaymentId) -> Result<Option<Paper>, Failure> {
        let Some(payment) = self.payment_find(call, id).await? else { return Ok(None) };
        let State::Succeeded { succeeded_at, .. } = &payment.state else {
            return Err(Refusal::rule("NOT_PAID", "there is an invoice once the money came").into());
        };
        let deal = self.deal_of(&payment).await?;
        let numbers = self.invoice_numbers(&[id]).await?;
        let quote = payment.quote;
        let contract: Option<ContractId> = deal.contract_id.map(Id::from_uuid);
        let share = match contract {
            Some(contract) => self.development_share(contract, *succeeded_at).await?,
            None => None,
        };
        let now = self.clock().now();
        let invoice = Invoice {
            number: numbers.get(&id).cloned().unwrap_or_default(),
            payment: id,
            issued_at: *succeeded_at,
            time_zone: deal.time_zone,
            made_at: now,
            issuer: self.issuer_of(id.to_string()).await?,
            client: deal.client,
            freelancer: deal.freelancer,
            contract,
            title: deal.title,
            work_title: deal.work_title,
            amount: quote.amount,
            fee: quote.client_fee,
            to_credit: quote.to_credit,
            total: quote.client_pays,
            split: share.map(|share| Split::of(quote.amount, quote.client_fee, share)).transpose()?,
        };
        Ok(Some(Paper::new(invoice.number.clone(), now, &invoice, invoice.sheet())?))
    }

    async fn credit_note(&self, call: &Call, id: PaymentRefundId) -> Result<Option<Paper>, Failure> {
        let Some(refund) = self.payment_refund_find(call, id).await? else { return Ok(None) };
        let select = sql("select number, issued_at from credit_notes where refund_id = $1", [id.uuid().into()]);
        let Some(NoteRow { number, issued_at }) = NoteRow::find_by_statement(select).one(self.db()).await? else {
            return Err(Refusal::rule("NOT_REFUNDED", "there is a credit note once the money went back").into());
        };
        let payment = self.payment_load(refund.payment).await?;
        let payment = payment.ok_or_else(|| Fault::bad_row("payment_refunds", "its payment is gone"))?;
        let deal = self.deal_of(&payment).await?;
        let invoices = self.invoice_numbers(&[payment.id]).await?;
        let now = self.clock().now();
        let note = CreditNote {
            number: numbered("CN", refund.client, number),
            refund: id,
            issued_at,
            time_zone: deal.time_zone,
            made_at: now,
            issuer: self.issuer_of(id.to_string()).await?,
            client: deal.client,
            invoice: invoices.get(&payment.id).cloned().unwrap_or_default(),
            payment: payment.id,
            amount: refund.amount,
            came_back_at: match refund.state {
                RefundState::Failed { failed_at, .. } => Some(failed_at),
                RefundState::Started | RefundState::Pending { .. } | RefundState::Succeeded { .. } => None,
            },
        };
        Ok(Some(Paper::new(note.number.clone(), now, &note, note.sheet())?))
    }

    async fn statement(&self, call: &Call, id: ContractId) -> Result<Option<Paper>, Failure> {
        let Some(contract) = self.contract_find(call, id).await? else { return Ok(None) };
        let subject = self.with_disputes(&call.actor, contract.subject(), Some(id)).await?;
        if !access::allows(&call.actor, Verb::ContractStatement, &subject) {
            return Err(Refusal::Denied { reason: access::Denied::NotAllowed }.into());
        }
        // The head first: what is posted meanwhile comes after it, and what it says stands there already and never changes.
        let head = self.statement_head(call, &contract).await?;
        let entries_in_all = head.as_ref().map_or(0, |head| head.entries);
        let mut lines = Vec::new();
        let mut page = PageRequest { first: Some(100), ..PageRequest::default() };
        loop {
            let slice = self.statement_page(call, &contract, &page).await?;
            let within = slice.items.iter().filter(|(_, entry)| entry.number <= entries_in_all);
            for (_, entry) in within.take(STATEMENT_ENTRIES - lines.len()) {
                lines.push(StatementLine {
                    number: entry.number,
                    posted_at: entry.posted_at,
                    reason: entry.reason.clone(),
                    moved: entry.postings.iter().map(|p| (p.from.to_string(), p.to.to_string(), p.amount)).collect(),
                    in_escrow: entry.in_escrow,
                    seal: entry.seal.clone(),
                });
            }
            match slice.items.last() {
                Some((cursor, last))
                    if slice.has_next && last.number < entries_in_all && lines.len() < STATEMENT_ENTRIES =>
                {
                    page.after = Some(cursor.clone());
                }
                Some(_) | None => break,
            }
        }
        let client = self.named("select name from organizations where id = $1", contract.client.uuid()).await?;
        let freelancer = self.named("select name from users where id = $1", contract.freelancer.uuid()).await?;
        let now = self.clock().now();
        let statement = Statement {
            contract: id,
            title: contract.title.clone(),
            client,
            freelancer,
            made_at: now,
            operator: self.operator().clone(),
            entries_in_all,
            is_cut_off: usize::try_from(entries_in_all).is_ok_and(|entries| lines.len() < entries),
            lines,
            signature: head.as_ref().map(|head| head.signature.clone()),
            key_id: head.map(|head| head.key_id),
        };
        Ok(Some(Paper::new(statement.reference(), now, &statement, statement.sheet())?))
    }

    async fn certificate(&self, call: &Call, year: TaxYear, user: UserId) -> Result<Option<Paper>, Failure> {
        if !matches!(&call.actor, Actor::Person(person) if person.user == user) {
            return Ok(None);
        }
        let Some((from, until)) = year.bounds() else { return Ok(None) };
        let flows = self.flows(user).await?;
        let within = |at: Timestamp| from <= at && at < until;
        let works = flows.iter().filter_map(|moved| match &moved.flow {
            Flow::Came { work, .. } if within(moved.at) => Some(work.clone()),
            _ => None,
        });
        let works = self.works(works.collect()).await?;
        let mut months: BTreeMap<String, Month> = BTreeMap::new();
        let zero = Money::zero(Currency::Usd);
        let blank = |month: &str| Month {
            month: month.to_owned(),
            gross: zero,
            fees: zero,
            net: zero,
            given_back: zero,
            paid_out: zero,
        };
        let mut beside = Vec::new();
        for Moved { flow, at, aside } in flows.iter().filter(|moved| within(moved.at)) {
            let key = Certificate::month_of(*at);
            match (flow, aside) {
                (Flow::Undone { amount, .. }, Some(why)) => {
                    beside.push(Beside { at: *at, why: *why, taken: *amount, given: zero });
                }
                (Flow::Undone { amount, .. }, None) => {
                    let month = months.entry(key.clone()).or_insert_with(|| blank(&key));
                    month.given_back = month.given_back.plus(*amount)?;
                }
                (Flow::Came { work, amount, .. }, _) => match works.get(work) {
                    Some(Work { origin, net, fee }) => {
                        let earned = Earned::part(origin.clone(), *amount, *net, *fee)?;
                        let month = months.entry(key.clone()).or_insert_with(|| blank(&key));
                        month.gross = month.gross.plus(earned.gross)?;
                        month.fees = month.fees.plus(earned.fee)?;
                        month.net = month.net.plus(earned.net)?;
                    }
                    None => {
                        let why = aside.unwrap_or(Aside::Correction);
                        beside.push(Beside { at: *at, why, taken: zero, given: *amount });
                    }
                },
                (Flow::Left(..) | Flow::CameBack(_), _) => (),
            }
        }
        let (mut payouts, mut came_back) = (Vec::new(), Vec::new());
        // A year that is over is over: what became of its payouts is read from the books, as of its end.
        let select = sql(
            "select payout.id, payout.amount_minor, payout.e_prc, told.paid_at, told.returned_at
             from payouts payout
             cross join lateral (
                 select array(select named.name || ':' || version || ':' || why.reason
                              from (select public_id('pyo', payout.id) as name offset 0) named
                              cross join generate_series(1, payout.version) as version
                              cross join (values ('payout_arrive'), ('payout_return')) as why (reason)) as keys) may
             cross join lateral (
                 select max(posted_at) filter (where reason = 'payout_arrive') as paid_at,
                        max(posted_at) filter (where reason = 'payout_return') as returned_at
                 from ledger_entries where key = any(may.keys) and posted_at < $3) told
             where payout.user_id = $1 and payout.status in ('paid', 'returned') and payout.requested_at < $3
               and (payout.state ->> 'at')::timestamptz >= $2
               and told.paid_at is not null and greatest(told.paid_at, told.returned_at) >= $2
             order by payout.id",
            [user.uuid().into(), from.into(), until.into()],
        );
        for row in PaidRow::find_by_statement(select).all(self.db()).await? {
            let (id, amount) = (PayoutId::from_uuid(row.id), usd(row.amount_minor)?);
            match row.returned_at.filter(|returned_at| *returned_at >= row.paid_at) {
                None => {
                    let key = Certificate::month_of(row.paid_at);
                    let month = months.entry(key.clone()).or_insert_with(|| blank(&key));
                    month.paid_out = month.paid_out.plus(amount)?;
                    payouts.push((id, row.paid_at, amount, row.e_prc));
                }
                Some(returned_at) if row.paid_at < from => came_back.push((id, returned_at, amount)),
                Some(_) => (),
            }
        }
        let now = self.clock().now();
        let certificate = Certificate {
            year,
            person: self.beneficiary(user).await?,
            made_at: now,
            issuer: self.operator().clone(),
            months: months.into_values().collect(),
            beside,
            payouts,
            came_back,
        };
        Ok(Some(Paper::new(certificate.reference(), now, &certificate, certificate.sheet())?))
    }

    /// Who issues a paper that is final: whoever did when it was first handed out, as they were called then.
    async fn issuer_of(&self, paper: String) -> Result<Operator, Failure> {
        let kept = || {
            let select =
                sql("select name, address, registration from paper_issuers where paper = $1", [paper.as_str().into()]);
            IssuerRow::find_by_statement(select)
        };
        let mut found = kept().one(self.db()).await?;
        if found.is_none() {
            let Operator { name, address, registration } = self.operator().clone();
            let keep = sql(
                "insert into paper_issuers (paper, name, address, registration, kept_at) values ($1, $2, $3, $4, $5)
                 on conflict (paper) do nothing",
                [paper.as_str().into(), name.into(), address.into(), registration.into(), self.clock().now().into()],
            );
            self.db().execute_raw(keep).await?;
            found = kept().one(self.db()).await?;
        }
        let IssuerRow { name, address, registration } =
            found.ok_or_else(|| Fault::bad_row("paper_issuers", "one that was just kept is gone"))?;
        Ok(Operator { name, address, registration })
    }

    async fn beneficiary(&self, user: UserId) -> Result<Beneficiary, Failure> {
        let name = self.named("select name from users where id = $1", user.uuid()).await?;
        let payee = self.payee_load(user).await?.unwrap_or_else(|| Payee::blank(user, self.clock().now()));
        Ok(Beneficiary {
            user,
            latin_name: payee.wire_name(&name).map(str::to_owned),
            name,
            urdu_name: payee.urdu_name,
            address: payee.address,
            phone: payee.phone,
            cnic_last4: payee.cnic.map(|cnic| cnic.last4().to_owned()),
            ntn_last4: payee.ntn.map(|ntn| ntn.last4().to_owned()),
        })
    }

    /// Whom a payout was sent to, as they were known then; before that, as they are now.
    async fn beneficiary_of(&self, payout: &Payout) -> Result<Beneficiary, Failure> {
        let select = sql(
            "select name, latin_name, urdu_name, address, phone, cnic_last4, ntn_last4
             from payout_beneficiaries where payout_id = $1",
            [payout.id.uuid().into()],
        );
        let Some(row) = BeneficiaryRow::find_by_statement(select).one(self.db()).await? else {
            return self.beneficiary(payout.user).await;
        };
        let BeneficiaryRow { name, latin_name, urdu_name, address, phone, cnic_last4, ntn_last4 } = row;
        let payee = Payee { latin_name, ..Payee::blank(payout.user, payout.requested_at) };
        let latin_name = payee.wire_name(&name).map(str::to_owned);
        Ok(Beneficiary { user: payout.user, name, latin_name, urdu_name, address, phone, cnic_last4, ntn_last4 })
    }

    pub(crate) async fn named(&self, select: &'static str, id: Uuid) -> Result<String, Failure> {
        let found = Named::find_by_statement(sql(select, [id.into()])).one(self.db()).await?;
        Ok(found.map(|found| found.name).unwrap_or_default())
    }

    /// What moved a freelancer's available balance, in the order of the books.
    async fn flows(&self, user: UserId) -> Result<Vec<Moved>, Failure> {
        let account = LedgerAccount::Available(user).to_string();
        let select = sql(
            "select entry.reason, entry.key, entry.contract_id, entry.posted_at, moved.delta
             from (select entry_id, min(id) as place,
                          sum(case when to_account = $1 then amount_minor else -amount_minor end)::bigint as delta
                   from ledger_postings where from_account = $1 or to_account = $1 group by entry_id) moved
             join ledger_entries entry on entry.id = moved.entry_id
             order by moved.place",
            [account.into()],
        );
        let rows = FlowRow::find_by_statement(select).all(self.db()).await?;
        let flow = |row: FlowRow| {
            let amount = usd(i64::try_from(row.delta.unsigned_abs()).unwrap_or(i64::MAX))?;
            let reason: Reason = serde_json::from_value(row.reason.into()).map_err(Fault::from)?;
            let work = row.key.split(':').next().unwrap_or(&row.key).to_owned();
            let payout = work.parse::<PayoutId>().ok();
            let flow = match (reason, payout) {
                // What turned up at the bank after it had been given back is taken once more.
                (Reason::PayoutSend | Reason::PayoutArrive, Some(payout)) => Flow::Left(payout, amount),
                (Reason::PayoutReturn, Some(payout)) => Flow::CameBack(payout),
                _ if row.delta > 0 => Flow::Came { contract: row.contract_id.map(Id::from_uuid), work, amount },
                _ => Flow::Undone { work, amount },
            };
            Ok(Moved { flow, at: row.posted_at, aside: Aside::of(reason) })
        };
        rows.into_iter().map(flow).collect()
    }

    /// What is known of milestones and weeks, by their ids.
    async fn works(&self, works: BTreeSet<String>) -> Result<BTreeMap<String, Work>, Failure> {
        let milestones: Vec<MilestoneId> = works.iter().filter_map(|work| work.parse().ok()).collect();
        let weeks: Vec<TimesheetId> = works.iter().filter_map(|work| work.parse().ok()).collect();
        let select = sql(
            "select 'm' || work.id::text as work, work.contract_id, coalesce(contract.title, '') as contract_title,
                    work.title as work_title,
                    coalesce((select kept.client from invoice_names kept join payments payment on payment.id = kept.payment_id
                              where payment.milestone_id = work.id order by payment.id limit 1), client.name) as client,
                    (work.escrow -> 'fee_base' ->> 'minor')::bigint as released_minor, work.fee_minor,
                    array(select payment.id from payments payment
                          where payment.milestone_id = work.id and payment.status = 'succeeded' order by payment.id) as payments
             from milestones work join organizations client on client.id = work.organization_id
             left join contracts contract on contract.id = work.contract_id
             where work.id = any($1)
             union all
             select 't' || work.id::text, work.contract_id, contract.title, 'Week of ' || work.week,
                    coalesce((select kept.client from invoice_names kept join payments payment on payment.id = kept.payment_id
                              where payment.timesheet_id = work.id order by payment.id limit 1), client.name),
                    (work.escrow -> 'fee_base' ->> 'minor')::bigint, work.fee_minor,
                    array(select payment.id from payments payment
                          where payment.timesheet_id = work.id and payment.status = 'succeeded' order by payment.id)
             from timesheets work join organizations client on client.id = work.organization_id
             join contracts contract on contract.id = work.contract_id
             where work.id = any($2)",
            [ids(&milestones), ids(&weeks)],
        );
        let rows = WorkRow::find_by_statement(select).all(self.db()).await?;
        let payments: Vec<PaymentId> = rows.iter().flat_map(|row| &row.payments).copied().map(Id::from_uuid).collect();
        let numbers = self.invoice_numbers(&payments).await?;
        let mut found = BTreeMap::new();
        for row in rows {
            let bare = row.work.get(1..).unwrap_or_default();
            let uuid: Uuid = bare.parse().map_err(|error| Fault::bad_row("milestones", error))?;
            let work = match row.work.starts_with('m') {
                true => MilestoneId::from_uuid(uuid).to_string(),
                false => TimesheetId::from_uuid(uuid).to_string(),
            };
            let Some(contract) = row.contract_id.map(Id::from_uuid) else { continue };
            let invoices = row.payments.iter().filter_map(|id| numbers.get(&Id::from_uuid(*id)).cloned()).collect();
            let origin = Origin {
                contract,
                title: row.contract_title,
                work: work.clone(),
                work_title: row.work_title,
                client: row.client,
                invoices,
            };
            // What was released, whatever was given back of it since: papers that were handed in stay true.
            let fee = usd(row.fee_minor)?;
            found.insert(work, Work { origin, net: usd(row.released_minor)?.minus_or_zero(fee)?, fee });
        }
        Ok(found)
    }

    /// The numbers of invoices: each client's payments counted in the order in which they succeeded. A payment was
    /// given its number then, and keeps it.
    async fn invoice_numbers(&self, payments: &[PaymentId]) -> Result<BTreeMap<PaymentId, String>, Failure> {
        let select = sql(
            "select id, organization_id, invoice_number as number from payments
             where id = any($1) and invoice_number is not null",
            [ids(payments)],
        );
        let rows = NumberRow::find_by_statement(select).all(self.db()).await?;
        let number = |row: NumberRow| {
            let client = OrganizationId::from_uuid(row.organization_id);
            (Id::from_uuid(row.id), numbered("INV", client, row.number))
        };
        Ok(rows.into_iter().map(number).collect())
    }

    /// What share of a contract's work its client called development: the last word before an instant, or else
    /// the first after it.
    async fn development_share(&self, contract: ContractId, at: Timestamp) -> Result<Option<Rate>, Failure> {
        let select = sql(
            "select share_bp from development_shares where contract_id = $1
             order by (set_at <= $2) desc, case when set_at <= $2 then set_at end desc, set_at limit 1",
            [contract.uuid().into(), at.into()],
        );
        let found = ShareRow::find_by_statement(select).one(self.db()).await?;
        let share = found.map(|row| u16::try_from(row.share_bp).ok().and_then(|bp| Rate::basis_points_of(bp).ok()));
        share.map(|share| share.ok_or_else(|| Fault::bad_row("development_shares", "no share").into())).transpose()
    }

    async fn deal_of(&self, payment: &Payment) -> Result<DealRow, Failure> {
        let (text, id) = match payment.purpose {
            Purpose::Milestone(id) => (
                "select work.contract_id, coalesce(contract.title, offer.title, '') as title, work.title as work_title,
                        coalesce(kept.freelancer, freelancer.name) as freelancer,
                        coalesce(kept.client, client.name) as client, coalesce(kept.time_zone, 'UTC') as time_zone
                 from milestones work join users freelancer on freelancer.id = work.freelancer_id
                 join organizations client on client.id = work.organization_id
                 left join contracts contract on contract.id = work.contract_id
                 left join offers offer on offer.id = work.offer_id
                 left join invoice_names kept on kept.payment_id = $2 where work.id = $1",
                id.uuid(),
            ),
            Purpose::Timesheet(id) => (
                "select work.contract_id, contract.title, 'Week of ' || work.week as work_title,
                        coalesce(kept.freelancer, freelancer.name) as freelancer,
                        coalesce(kept.client, client.name) as client, coalesce(kept.time_zone, 'UTC') as time_zone
                 from timesheets work join users freelancer on freelancer.id = work.freelancer_id
                 join organizations client on client.id = work.organization_id
                 join contracts contract on contract.id = work.contract_id
                 left join invoice_names kept on kept.payment_id = $2 where work.id = $1",
                id.uuid(),
            ),
        };
        let found = DealRow::find_by_statement(sql(text, [id.into(), payment.id.uuid().into()])).one(self.db()).await?;
        found.ok_or_else(|| Fault::bad_row("payments", "what it is for is gone").into())
    }
}
