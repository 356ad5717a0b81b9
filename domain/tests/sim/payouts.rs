//! Payouts: what freelancers and our people do with them, their timers, and what rails are handed and say.

use chrono::TimeDelta;
use domain::Timestamp;
use domain::access::{Actor, Staff};
use domain::change::Change;
use domain::fx::FxQuote;
use domain::id::{PayoutId, PayoutMethodId, UserId};
use domain::ledger::LedgerAccount;
use domain::money::Currency;
use domain::payout::{
    Carried, Known, Payout, PayoutMethod, PayoutRequest, PayoutState, Rail, Recent, Retention, SUSPENDED, Screened,
};
use domain::refusal::Refusal;
use domain::user::TimeZone;
use domain::wire::WireOutcome;

use super::act::absent;
use super::check::parties;
use super::choose::{LISTED, person};
use super::moves::{Account, Answer, Message, Move, PayoutAct, PayoutAsk};
use super::planted::Planted;
use super::world::{FREELANCERS, World, Wrong, id, usd};

const PAYOUTS: usize = 8;
const METHODS: usize = 6;
/// The same where people have money from the beginning.
const PAYOUTS_OF_THE_RICH: usize = 24;

/// Accounts of the sandbox: paid, refused by every rail, returned by the bank, the answer lost,
/// handed over late, which takes more tries to matter, put off because too little of our money is there, and
/// refused by all but who sends it by hand.
const IBANS: [&str; 8] = [
    "PK36SCBL0000001123456702",
    "PK58SCBL0000001123450001",
    "PK31SCBL0000001123450002",
    "PK04SCBL0000001123450003",
    "PK47SCBL0000001123450005",
    "PK47SCBL0000001123450005",
    "PK63SCBL0000001123450008",
    "PK74SCBL0000001123450004",
];

/// What a dollar is in rupees here, as in the sandbox.
fn quoted(now: Timestamp) -> Option<FxQuote> {
    let (provider, expires_at) = ("sandbox table".to_owned(), now + TimeDelta::minutes(30));
    "278.45".parse().ok().map(|rate| FxQuote { rate, provider, quoted_at: now, expires_at })
}

/// Which month it is there.
fn in_karachi(at: Timestamp) -> Option<String> {
    let karachi: TimeZone = "Asia/Karachi".parse().ok()?;
    Some(at.with_timezone(&karachi.0).format("%Y-%m").to_string())
}

impl World {
    pub(super) fn payout_moves(&mut self) -> Option<Move> {
        // Whoever was given back what a bank has asks for it again before that comes out, mostly.
        let twice = self.has_twice().filter(|_| self.dice.percent(60));
        let user: UserId = twice.unwrap_or_else(|| id(self.dice.between(1, FREELANCERS as i64) as u128));
        let [_, owner] = parties(id(1), user);
        let by = if self.dice.percent(60) { owner } else { self.somebody(id(1), user) };
        let of = |in_dollars: bool| {
            let kept_in = if in_dollars { Currency::Usd } else { Currency::Pkr };
            let theirs = self.methods.values().filter(move |method| method.user == user && method.currency == kept_in);
            theirs.map(|method| method.id).collect::<Vec<PayoutMethodId>>()
        };
        let (in_rupees, in_dollars) = (of(false), of(true));
        let another = self.methods.len() < METHODS && self.dice.percent(8);
        // Now and then somebody takes one for the other.
        let from = if in_dollars.is_empty() || self.dice.percent(97) { &in_rupees } else { &in_dollars };
        let Some(method) = self.dice.pick(from).copied().filter(|_| !another) else {
            let in_dollars = !in_rupees.is_empty() && self.dice.percent(50);
            return Some(Move::PayoutMethodAdd { by, method: self.fresh(), account: self.account(in_dollars) });
        };
        if self.dice.percent(2) {
            let any = if self.dice.percent(70) { &in_rupees } else { &in_dollars };
            return self.dice.pick(any).copied().map(|of| Move::PayoutMethodRemove { by, of });
        }
        let available = self.available(user).minor();
        let most = if self.rich { PAYOUTS_OF_THE_RICH } else { PAYOUTS } + usize::from(twice.is_some());
        if self.payouts.len() < most && (twice.is_some() || self.dice.percent(50)) && available > 1_500 {
            let amount = self.amount_around(available);
            let to = if self.dice.percent(95) { &in_dollars } else { &in_rupees };
            let retention = match self.dice.pick(to).copied() {
                Some(to) if self.dice.percent(60) => Some((to, self.amount_around(amount.minor()))),
                _ => None,
            };
            let reauthenticated = self.dice.percent(95);
            let ask = PayoutAsk { method, amount, retention, reauthenticated };
            return Some(Move::PayoutRequest { by, payout: self.fresh(), ask });
        }
        let all: Vec<PayoutId> = self.payouts.keys().copied().collect();
        let waiting: Vec<PayoutId> = self.payouts.values().filter(|p| p.waits_for_staff()).map(|p| p.id).collect();
        let from = if waiting.is_empty() || self.dice.percent(50) { &all } else { &waiting };
        let of = self.dice.pick(from).copied()?;
        let payout = self.payouts.get(&of)?;
        let (user, version) = (payout.user, payout.version);
        let settles =
            payout.allowed(&person(410, vec![], Some(Staff::Admin))).contains(&domain::access::Verb::PayoutSettle);
        let [_, owner] = parties(id(1), user);
        let by = if self.dice.percent(50) { owner } else { self.somebody(id(1), user) };
        let admin = self.admin();
        let expected = self.expected(version);
        if settles && self.dice.percent(80) {
            return Some(self.payout_settles(of, expected));
        }
        let (by, act) = match self.dice.below(7) {
            0 => (by, PayoutAct::Cancel),
            1 => (admin, PayoutAct::Unblock),
            2 => (admin, PayoutAct::Reject),
            3 => (by, PayoutAct::Settle(WireOutcome::Returned)),
            _ => (admin, PayoutAct::Approve),
        };
        Some(Move::Payout { by, of, expected, act })
    }

    /// Who has what our people took for returned, and a bank has; that the rail will say so is on its way.
    fn has_twice(&self) -> Option<UserId> {
        let told = self.outside.later.iter().find_map(|(_, message)| match message {
            Message::Rail { payout, attempt, says: Carried::Paid } => Some((self.payouts.get(payout)?, *attempt)),
            _ => None,
        });
        told.filter(|(payout, attempt)| payout.written_off_to(*attempt).is_some()).map(|(payout, _)| payout.user)
    }

    pub(super) fn account(&mut self, in_dollars: bool) -> Account {
        let title = if self.dice.percent(20) { LISTED } else { "Lin Khan" };
        Account { iban: IBANS[self.dice.below(IBANS.len())], title, in_dollars }
    }

    /// One of our people has asked the rail on the telephone. Mostly what they were told is true, and the second mostly
    /// hears what the first did; and what a rail was never handed nobody there takes for paid but one, who is alone with
    /// that.
    pub(super) fn payout_settles(&mut self, of: PayoutId, expected: Option<i64>) -> Move {
        let attempt = self.payouts.get(&of).map_or(0, |payout| payout.attempt);
        let there = self.outside.transfers.get(&(of, attempt)).map(|transfer| transfer.returned);
        let (by, mistaken) = (self.admin(), self.dice.percent(35));
        let alone = by.user() == Some(id(410));
        let first = self.payouts.get(&of).and_then(|payout| payout.word.as_ref()).map(|word| word.outcome);
        let again = first.filter(|_| there.is_some() && self.dice.percent(60));
        let outcome = match there {
            Some(_) if let Some(first) = again => first,
            Some(returned) if returned != mistaken => WireOutcome::Returned,
            Some(_) => WireOutcome::Paid,
            None if alone && mistaken => WireOutcome::Paid,
            None => WireOutcome::Returned,
        };
        Move::Payout { by, of, expected, act: PayoutAct::Settle(outcome) }
    }

    pub(super) fn method_add(
        &self,
        by: &Actor,
        method: PayoutMethodId,
        account: Account,
    ) -> Result<Change<PayoutMethod>, Refusal> {
        let user = by.person()?.user;
        let Account { iban, title, in_dollars } = account;
        let added = PayoutMethod::add(by, self.now, method, user, iban, title, &self.policy.terms)?;
        let same =
            |other: &&PayoutMethod| other.user == user && other.removed_at.is_none() && other.iban == added.next.iban;
        match self.methods.values().find(same) {
            Some(_) => Err(Refusal::rule("PAYOUT_METHOD_EXISTS", "you have added this account already")),
            None if in_dollars => Ok(added.map(PayoutMethod::in_dollars)),
            None => Ok(added),
        }
    }

    pub(super) fn payout_request(&mut self, by: &Actor, payout: PayoutId, ask: PayoutAsk) -> Result<Answer, Wrong> {
        let Some(method) = self.methods.get(&ask.method) else { return Ok(absent()) };
        let retention = match ask.retention {
            Some((to, amount)) => match self.methods.get(&to) {
                Some(to) => Some((to.clone(), amount)),
                None => return Ok(absent()),
            },
            None => None,
        };
        let available = self.available(method.user);
        let to_it = self.payouts.values().filter(|payout| payout.method == method.id);
        let failed_rails = Rail::that_failed(to_it, self.now);
        let request = PayoutRequest {
            amount: ask.amount,
            purpose_code: "9186".into(),
            purpose: Some("Freelance computer and information services".into()),
            written_purpose: None,
            quote: quoted(self.now),
            retention,
            recent: self.paid_out_lately(method.user),
            failed_rails,
            reauthenticated: ask.reauthenticated,
        };
        let terms = self.policy.terms.clone();
        let outcome = by
            .person()
            .map_err(Refusal::from)
            .and_then(|_| Payout::request(by, self.now, payout, method, request, available, terms));
        self.take(outcome, Self::put_payout)
    }

    /// What a person has paid out lately; what came back or was called off does not count, and for a month what has not
    /// left yet does not either.
    fn paid_out_lately(&self, user: UserId) -> Recent {
        let over = |payout: &&Payout| matches!(payout.state.as_str(), "returned" | "cancelled");
        let theirs = || self.payouts.values().filter(move |payout| payout.user == user && !over(payout));
        let of_day = || theirs().filter(|payout| payout.requested_at > self.now - TimeDelta::days(1));
        let of_month = || theirs().filter(|payout| in_karachi(payout.requested_at) == in_karachi(self.now));
        let left = |payout: &&Payout| matches!(payout.state.as_str(), "sent" | "in_transit" | "unknown" | "paid");
        Recent {
            day_count: u16::try_from(of_day().count()).unwrap_or(u16::MAX),
            day: usd(of_day().map(|payout| payout.amount.minor()).sum()),
            month: usd(of_month().filter(left).map(|payout| payout.amount.minor()).sum()),
            month_retained: usd(of_month().filter_map(|payout| Some(payout.retention?.amount.minor())).sum()),
        }
    }

    pub(super) fn payout_act(
        &mut self,
        by: &Actor,
        of: PayoutId,
        expected: Option<i64>,
        act: PayoutAct,
    ) -> Result<Answer, Wrong> {
        let now = self.now;
        let blocked = match self.payouts.get(&of).map(|payout| &payout.state) {
            Some(PayoutState::Blocked { reason, .. }) => Some(reason.clone()),
            _ => None,
        };
        let answer = self.on_payout(of, |payout| match act {
            PayoutAct::Cancel => payout.cancel(by, now, expected),
            PayoutAct::Unblock => payout.unblock(by, now, expected),
            PayoutAct::Reject => payout.reject(by, now, expected, "No"),
            PayoutAct::Approve => payout.approve(by, now, expected),
            PayoutAct::Settle(outcome) => payout.settle(by, now, expected, outcome, "They said so", false),
        })?;
        match (act, &answer) {
            // What was found to be nothing stops it no more.
            (PayoutAct::Unblock, Answer::Done) => self.cleared.extend(blocked.map(|reason| (of, reason))),
            (PayoutAct::Settle(outcome), Answer::Done) => self.truth_comes_out(of, outcome),
            _ => (),
        }
        Ok(answer)
    }

    /// Two of our people were believed: where that was wrong, the rail tells in the end.
    fn truth_comes_out(&mut self, of: PayoutId, said: WireOutcome) {
        let Some(payout) = self.payouts.get(&of).filter(|payout| payout.state.is_terminal()) else { return };
        let attempt = payout.attempt;
        // Banks may send back even that, and the news overtake each other.
        let sent_back = self.dice.percent(30);
        let Some(transfer) = self.outside.transfers.get_mut(&(of, attempt)) else { return };
        let returned = || Carried::Returned("closed".into());
        let says = match (said, transfer.returned) {
            (WireOutcome::Returned, false) if sent_back => vec![Carried::Paid, returned()],
            (WireOutcome::Returned, false) => vec![Carried::Paid],
            (WireOutcome::Paid, true) => vec![returned()],
            (WireOutcome::Returned, true) | (WireOutcome::Paid, false) => return,
        };
        transfer.returned |= says.len() == 2;
        for says in says {
            let told_at = self.now + TimeDelta::hours(self.dice.between(0, 500));
            self.outside.later.push((told_at, Message::Rail { payout: of, attempt, says }));
        }
    }

    /// The next step of a payout is due.
    pub(super) fn payout_advances(&mut self, id: PayoutId) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(payout) = self.payouts.get(&id) else { return Ok(absent()) };
        match &payout.state {
            PayoutState::Requested { .. } | PayoutState::Screening { .. } | PayoutState::Queued { .. }
                if self.is_suspended(payout.user) =>
            {
                self.on_payout(id, |payout| payout.withhold(&system, now))
            }
            PayoutState::Requested { .. } => self.on_payout(id, |payout| payout.screen(&system, now)),
            PayoutState::Screening { .. } => self.payout_is_screened(id),
            PayoutState::Queued { .. } => self.on_payout(id, |payout| {
                payout.requote(&system, now, quoted(now))?.then(|payout| payout.send(&system, now))
            }),
            PayoutState::Sent { .. } | PayoutState::InTransit { .. } | PayoutState::Unknown { .. } => {
                let attempt = payout.attempt;
                let known = match self.outside.rail_knows(id, attempt, now) {
                    Known::Absent if self.planted == Some(Planted::AbsentIsRefused) => {
                        Known::Told(Carried::Refused("never_handed_over".into()))
                    }
                    known => known,
                };
                let against = match &known {
                    Known::Absent | Known::Forgotten => self.stands_against(payout),
                    Known::Told(_) => None,
                };
                let was_asked = self.outside.asked.contains_key(&(id, attempt));
                self.on_payout(id, |payout| match &against {
                    Some(why) => payout.asked_and_held_back(&system, now, attempt, (&known, was_asked), why),
                    None => payout.asked(&system, now, attempt, &known),
                })
            }
            PayoutState::Paid { look_at: Some(_), .. } => {
                let attempt = payout.attempt;
                let known = self.outside.rail_knows(id, attempt, now);
                self.on_payout(id, |payout| payout.looked_after(&system, now, attempt, &known))
            }
            PayoutState::Blocked { .. }
            | PayoutState::Paid { look_at: None, .. }
            | PayoutState::Returned { .. }
            | PayoutState::Cancelled { .. } => Ok(Answer::AsItWas),
        }
    }

    pub(super) fn payout_is_screened(&mut self, id: PayoutId) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(said) = self.payouts.get(&id).map(|payout| self.screened(payout)) else { return Ok(absent()) };
        self.on_payout(id, |payout| payout.screened(&system, now, said))
    }

    /// What the list says of the names of its accounts, but for what our people found to be nothing of it.
    fn screened(&self, payout: &Payout) -> Screened {
        let kept_at = payout.retention.map(|Retention { method, .. }| method);
        let mut accounts = [Some(payout.method), kept_at].into_iter().flatten();
        let listed = |of: PayoutMethodId| self.methods.get(&of).is_some_and(|method| method.account_title == LISTED);
        let why = format!("on the list as {}", LISTED.to_lowercase());
        // Of this payout, or of who is paid.
        let is_nothing = self.cleared.contains(&(payout.id, why.clone())) || self.was_listed(payout.user, LISTED);
        match accounts.any(listed) && !is_nothing {
            true => Screened::Hit(why),
            false => Screened::Clear,
        }
    }

    fn stands_against(&self, payout: &Payout) -> Option<String> {
        if self.is_suspended(payout.user) {
            return Some(SUSPENDED.to_owned());
        }
        match self.screened(payout) {
            Screened::Hit(why) => Some(why),
            Screened::Clear => None,
        }
    }

    /// A payout is handed to its rail, if this attempt still waits for that.
    pub(super) fn payout_is_handed_over(&mut self, id: PayoutId, attempt: u32) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(payout) = self.payouts.get(&id) else { return Ok(absent()) };
        let rail = match &payout.state {
            PayoutState::Sent { rail, .. } if payout.attempt == attempt => *rail,
            _ => return Ok(Answer::AsItWas),
        };
        let against = match self.planted {
            Some(Planted::SuspendedIsPaid) => None,
            _ => self.stands_against(payout),
        };
        if let Some(why) = against {
            return match self.outside.asked.contains_key(&(id, attempt)) {
                true => self.rail_is_heard(id, attempt, &Carried::Silent),
                false => {
                    self.succeeded.insert("payout.hold_back");
                    self.on_payout(id, |payout| payout.hold_back(&system, now, attempt, &why))
                }
            };
        }
        if self.is_suspended(payout.user) {
            return Err(format!("{id} leaves, and its owner is suspended"));
        }
        let Some(method) = self.methods.get(&payout.method) else { return Ok(absent()) };
        let last4 = method.iban.last4().to_owned();
        let trouble = self.trouble_of(rail);
        let says = self.outside.rail_takes((id, attempt), rail, &last4, now, trouble);
        self.rail_tells(id, attempt, &says);
        self.rail_is_heard(id, attempt, &says)
    }

    pub(super) fn rail_is_heard(&mut self, id: PayoutId, attempt: u32, says: &Carried) -> Result<Answer, Wrong> {
        let (system, now) = (Actor::System, self.now);
        let Some(payout) = self.payouts.get(&id) else { return Ok(absent()) };
        if *says == Carried::Paid && payout.written_off_to(attempt).is_some() {
            let available = self.available(payout.user);
            let answer = self.on_payout(id, |payout| payout.turned_up(&system, now, attempt, available))?;
            self.succeeded.insert("payout.turned_up");
            if self.payouts.get(&id).and_then(|payout| payout.word.as_ref()?.lost).is_some_and(|lost| !lost.is_zero()) {
                self.succeeded.insert("payout.turned_up_in_part");
            }
            return Ok(answer);
        }
        self.on_payout(id, |payout| payout.heard(&system, now, attempt, says))
    }

    pub(super) fn on_payout(
        &mut self,
        of: PayoutId,
        verb: impl FnOnce(Payout) -> Result<Change<Payout>, Refusal>,
    ) -> Result<Answer, Wrong> {
        let Some(payout) = self.payouts.get(&of).cloned() else { return Ok(absent()) };
        self.take(verb(payout), Self::put_payout)
    }

    /// What is not left of a suspended person's payouts is held, and what our bank was not told of.
    pub(super) fn payouts_withheld(&mut self, user: UserId) -> Result<(), Wrong> {
        let (system, now) = (Actor::System, self.now);
        let theirs: Vec<PayoutId> = self.payouts.values().filter(|p| p.user == user).map(|p| p.id).collect();
        for of in theirs {
            let Some(payout) = self.payouts.get(&of) else { continue };
            let attempt = payout.attempt;
            match payout.state {
                PayoutState::InTransit { .. } if self.outside.takes_back(of, attempt, now) => {
                    if self.on_payout(of, |payout| payout.recall(&system, now, SUSPENDED))? != Answer::Done {
                        return Err(format!("{of} was with our bank, and was not recalled"));
                    }
                    self.succeeded.insert("payout.recall");
                }
                _ => {
                    if self.on_payout(of, |payout| payout.withhold(&system, now))? == Answer::Done {
                        self.succeeded.insert("payout.withhold");
                    }
                }
            }
        }
        Ok(())
    }

    /// What banks have, as the books say.
    pub(super) fn paid_out(&self) -> i64 {
        self.books.balance(LedgerAccount::PaidOut)
    }
}
