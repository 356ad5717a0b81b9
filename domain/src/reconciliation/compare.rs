//! Holding the two sides against each other.

use std::collections::VecDeque;

use super::*;
use crate::money::MoneyError;

/// The lines about one thing and of one kind, on both sides.
#[derive(Debug, Clone, Default)]
struct Group {
    ledger: Vec<Line>,
    processor: Vec<Line>,
    foreign: Vec<Foreign>,
}

/// Compare what the books and the processor have about everything that moved within the period. Lines
/// from up to [`Period::SLACK`] outside of it should be given too, and all lines of the payouts of which something moved
/// within it: see [`Span`].
///
/// # Errors
/// Sums beyond what an amount can be.
pub fn reconcile(
    period: Period,
    ledger: impl IntoIterator<Item = Line>,
    processor: impl IntoIterator<Item = Line>,
    background: &Background,
) -> Result<Report, MoneyError> {
    let mut groups: BTreeMap<(About, Class), Group> = BTreeMap::new();
    for line in ledger {
        groups.entry((line.about.clone(), line.class)).or_default().ledger.push(line);
    }
    for line in processor {
        groups.entry((line.about.clone(), line.class)).or_default().processor.push(line);
    }
    for moved in &background.foreign {
        groups.entry((moved.about.clone(), moved.class)).or_default().foreign.push(moved.clone());
    }
    groups.retain(|_, group| group.moments().any(|at| period.holds(at)));
    let totals = totals(period, &groups)?;
    // What went from one account of ours to another is in the sums; there is nothing in the books to hold it against.
    groups.retain(|(_, class), group| *class != Class::Own || !group.foreign.is_empty());
    let mut report = Report { period, agree: 0, settling: Vec::new(), totals, differences: Vec::new() };
    for ((about, class), group) in groups {
        match group.verdict(period, &about, class, background) {
            Verdict::Agrees => report.agree += 1,
            Verdict::Settles => report.settling.push(about),
            Verdict::Differs(kind) => report.differences.push(group.differs(kind, about, class, background)?),
        }
    }
    report.differences = classed(report.differences);
    Ok(report)
}

enum Verdict {
    Agrees,
    Settles,
    Differs(Kind),
}

impl Group {
    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.ledger.iter().chain(&self.processor)
    }

    fn moments(&self) -> impl Iterator<Item = Timestamp> {
        self.lines().map(|line| line.at).chain(self.foreign.iter().map(|moved| moved.at))
    }

    fn verdict(&self, period: Period, about: &About, class: Class, background: &Background) -> Verdict {
        let Some(currency) = self.currency() else { return Verdict::Differs(Kind::Currency) };
        let (books, theirs) = (net(&self.ledger, currency), net(&self.processor, currency));
        if books == theirs {
            return if self.is_late() { Verdict::Differs(Kind::Late) } else { Verdict::Agrees };
        }
        if self.is_cut(period, about, currency, theirs - books) {
            return Verdict::Agrees;
        }
        let newest = self.lines().map(|line| line.at).max();
        let is_young = newest.is_some_and(|at| at + Period::SETTLING > period.asked_at);
        let awaited = match about {
            About::Payout(_) => self.ledger.is_empty(),
            About::Refund(_) => self.processor.is_empty(),
            About::Payment(_) | About::Other(_) => false,
        };
        let kind = match (self.ledger.is_empty(), self.processor.is_empty()) {
            (true, _) | (_, true) if awaited && background.under_way.contains(about) => return Verdict::Settles,
            (true, _) | (_, true) if is_young => return Verdict::Settles,
            (true, _) if class == Class::Fee => Kind::FeeNotBooked,
            (true, _) if matches!(about, About::Other(_)) => Kind::Unknown,
            (true, _) => Kind::NotInLedger,
            (_, true) => Kind::NotAtProcessor,
            (false, false) if books == -theirs => Kind::Direction,
            (false, false) if times(theirs, books).is_some_and(|times| times <= names(&self.processor)) => {
                Kind::MovedTwice
            }
            (false, false) if times(books, theirs).is_some_and(|times| times <= names(&self.ledger)) => {
                Kind::BookedTwice
            }
            (false, false) if is_young => return Verdict::Settles,
            (false, false) => Kind::Amount,
        };
        Verdict::Differs(kind)
    }

    /// Is all that the processor has more or less what one side alone has, within a day of where reading begins, or
    /// ends? Its counterpart may lie just beyond, so nothing is said of it here: it is compared with the day that it is
    /// of. Payouts are read as a whole.
    fn is_cut(&self, period: Period, about: &About, currency: Currency, more: i128) -> bool {
        let span = Span::around(period);
        let of = |lines: &[Line], begins: bool| {
            let (beginning, end) = (span.from + Period::LATE, span.until - Period::LATE);
            let near = lines.iter().filter(|line| if begins { line.at < beginning } else { line.at >= end });
            net(near, currency)
        };
        // What both have there explains nothing.
        let explains = |begins: bool| more == of(&self.processor, begins) - of(&self.ledger, begins);
        !matches!(about, About::Payout(_)) && (explains(true) || explains(false))
    }

    /// The currency of all lines, if they share one.
    fn currency(&self) -> Option<Currency> {
        if !self.foreign.is_empty() {
            return None;
        }
        let mut all = self.lines().map(|line| line.amount.currency());
        let first = all.next()?;
        all.all(|currency| currency == first).then_some(first)
    }

    /// Did one side note it long after the other? What took several entries, or transactions, came when it came.
    fn is_late(&self) -> bool {
        match (self.ledger.first(), self.processor.first()) {
            (Some(ours), Some(theirs)) if names(&self.ledger) == 1 && names(&self.processor) == 1 => {
                let apart = if ours.class == Class::Payout { Period::CARRYING } else { Period::LATE };
                (ours.at - theirs.at).abs() > apart
            }
            _ => false,
        }
    }

    fn differs(self, kind: Kind, about: About, class: Class, known: &Background) -> Result<Difference, MoneyError> {
        let mut processor_has = None;
        if let Some(currency) = self.currency() {
            let more = net(&self.processor, currency) - net(&self.ledger, currency);
            let amount = money(more.unsigned_abs(), currency)?;
            let flow = if more > 0 { Flow::In } else { Flow::Out };
            processor_has = (!amount.is_zero()).then_some((flow, amount));
        }
        let newest = self.lines().map(|line| line.at).max();
        let proposal = processor_has.and_then(|has| proposal(kind, &about, class, has, newest, known));
        let Self { ledger, processor, foreign } = self;
        let advice = kind.advice();
        Ok(Difference { kind, class, about, processor_has, ledger, processor, foreign, proposal, advice })
    }
}

/// What lines add up to: above zero if more came in than went out.
fn net<'a>(lines: impl IntoIterator<Item = &'a Line>, currency: Currency) -> i128 {
    let of_currency = lines.into_iter().filter(|line| line.amount.currency() == currency);
    of_currency.map(|line| i128::from(line.amount.minor()) * if line.flow == Flow::In { 1 } else { -1 }).sum()
}

/// How often `one` goes into `many`, if that is twice or more and without remainder.
fn times(many: i128, one: i128) -> Option<usize> {
    let fits = one != 0 && many % one == 0 && many / one >= 2;
    if fits { usize::try_from(many / one).ok() } else { None }
}

/// How many entries, or transactions of the processor, lines come from.
fn names(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.id.as_str()).collect::<BTreeSet<_>>().len()
}

fn money(minor: u128, currency: Currency) -> Result<Money, MoneyError> {
    Money::new(i64::try_from(minor).map_err(|_| MoneyError::TooLarge)?, currency)
}

/// The entry that makes the books agree. Nobody's money is touched by one: what is missing is ours to
/// bear, and only what came is somebody's.
fn proposal(
    kind: Kind,
    about: &About,
    class: Class,
    (flow, amount): (Flow, Money),
    newest: Option<Timestamp>,
    known: &Background,
) -> Option<JournalEntry> {
    match kind {
        Kind::NotInLedger
        | Kind::NotAtProcessor
        | Kind::Amount
        | Kind::BookedTwice
        | Kind::MovedTwice
        | Kind::FeeNotBooked => (),
        Kind::Currency | Kind::Direction | Kind::Class | Kind::Unknown | Kind::Late => return None,
    }
    let owner = || known.owners.get(about).copied();
    let clearing = LedgerAccount::ProcessorClearing;
    let (from, to) = match (class, flow) {
        (Class::Payment, Flow::In) => (clearing, owner()?),
        (Class::Payment | Class::Refund | Class::Dispute, Flow::Out) => (LedgerAccount::Losses, clearing),
        (Class::Refund | Class::Dispute, Flow::In) => (clearing, LedgerAccount::Losses),
        (Class::Payout, Flow::Out) => (LedgerAccount::Losses, LedgerAccount::PaidOut),
        (Class::Payout, Flow::In) => (LedgerAccount::PaidOut, owner()?),
        (Class::Fee, Flow::Out) => (LedgerAccount::ProcessorFees, clearing),
        (Class::Fee, Flow::In) => (clearing, LedgerAccount::ProcessorFees),
        (Class::Own, _) => return None,
    };
    // The same difference, found again, is the same entry; a later one is another.
    let key = correction_key(class, &about.to_string(), newest?);
    Some(JournalEntry::new(Reason::Correction, key).moving(from, to, amount))
}

/// What is on both sides as different kinds of movement is one difference, not two. Those about one thing
/// stand together.
fn classed(differences: Vec<Difference>) -> Vec<Difference> {
    let mut left = VecDeque::from(differences);
    let mut done = Vec::new();
    while let Some(mut one) = left.pop_front() {
        let mut near = left.iter().take_while(|other| other.about == one.about);
        let other = near.position(|other| {
            let opposite = match (&one.processor_has, &other.processor_has) {
                (Some((a, amount)), Some((b, as_much))) => a != b && amount == as_much,
                _ => false,
            };
            let halves = |a: &Difference, b: &Difference| a.ledger.is_empty() && b.processor.is_empty();
            opposite && (halves(&one, other) || halves(other, &one))
        });
        if let Some(other) = other.and_then(|place| left.remove(place)) {
            let class = if one.processor.is_empty() { other.class } else { one.class };
            one.ledger.extend(other.ledger);
            one.processor.extend(other.processor);
            let kind = Kind::Class;
            one = Difference { kind, class, processor_has: None, proposal: None, advice: kind.advice(), ..one };
        }
        done.push(one);
    }
    done
}

fn totals(period: Period, groups: &BTreeMap<(About, Class), Group>) -> Result<Vec<Total>, MoneyError> {
    let mut sums: BTreeMap<(Class, &'static str, Flow), (u128, u128, Currency)> = BTreeMap::new();
    for group in groups.values() {
        let ours = group.ledger.iter().map(|line| (line, true));
        let theirs = group.processor.iter().map(|line| (line, false));
        for (line, is_ours) in ours.chain(theirs).filter(|(line, _)| period.holds(line.at)) {
            let currency = line.amount.currency();
            let sum = sums.entry((line.class, currency.code(), line.flow)).or_insert((0, 0, currency));
            let minor = u128::from(line.amount.minor().unsigned_abs());
            if is_ours { sum.0 += minor } else { sum.1 += minor }
        }
    }
    let total = |((class, _, flow), (ledger, processor, currency))| {
        let (ledger, processor) = (money(ledger, currency)?, money(processor, currency)?);
        Ok(Total { class, currency, flow, ledger, processor })
    };
    sums.into_iter().map(total).collect()
}
