//! Where money came from, and where years begin.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::id::Id;

fn usd(cents: i64) -> Money {
    Money::usd(cents).unwrap()
}

fn payout(n: u128) -> PayoutId {
    PayoutId::from_uuid(Uuid::from_u128(n))
}

fn came(work: &str, cents: i64) -> Flow {
    Flow::Came { contract: None, work: work.to_owned(), amount: usd(cents) }
}

fn undone(work: &str, cents: i64) -> Flow {
    Flow::Undone { work: work.to_owned(), amount: usd(cents) }
}

fn parts(trail: &Trail, n: u128) -> Vec<(String, i64)> {
    trail.of(payout(n)).unwrap().into_iter().map(|(_, work, amount)| (work, amount.minor())).collect()
}

#[test]
fn what_came_first_leaves_first_and_what_came_back_leaves_first_again() {
    let left = |n, cents| Flow::Left(payout(n), usd(cents));
    let flows = vec![
        came("a", 100),
        came("b", 50),
        left(1, 120),
        came("a", 30),
        left(2, 40),
        Flow::CameBack(payout(1)),
        left(3, 110),
        undone("b", 5),
        undone("c", 10),
        left(4, 15),
    ];
    let trail = Trail::follow(flows).unwrap();
    assert_eq!(parts(&trail, 1), []);
    assert_eq!(parts(&trail, 2), [("b".to_owned(), 30), ("a".to_owned(), 10)]);
    assert_eq!(parts(&trail, 3), [("a".to_owned(), 100), ("b".to_owned(), 10)]);
    // Of the last ten of b, five were given back; ten more were taken of what there was.
    assert_eq!(parts(&trail, 4), [("a".to_owned(), 15)]);
}

proptest! {
    /// The parts of a payout add up to it, as long as the books had that much.
    #[test]
    fn parts_add_up(steps in proptest::collection::vec((0_u8..4, 1_i64..500, 0_u8..3), 1..60)) {
        let (mut flows, mut balance, mut paid) = (Vec::new(), 0_i64, Vec::new());
        for (n, (kind, cents, work)) in steps.into_iter().enumerate() {
            let work = format!("work {work}");
            let id = n as u128;
            match kind {
                0 | 1 => {
                    flows.push(came(&work, cents));
                    balance += cents;
                }
                2 if balance >= cents => {
                    flows.push(Flow::Left(payout(id), usd(cents)));
                    balance -= cents;
                    paid.push((id, cents));
                }
                3 if balance >= cents => {
                    flows.push(undone(&work, cents));
                    balance -= cents;
                }
                _ => {
                    if let Some((id, cents)) = paid.pop() {
                        flows.push(Flow::CameBack(payout(id)));
                        balance += cents;
                    }
                }
            }
        }
        let trail = Trail::follow(flows).unwrap();
        for (id, cents) in paid {
            prop_assert_eq!(parts(&trail, id).iter().map(|(_, part)| part).sum::<i64>(), cents);
        }
    }

    /// Parts of what was earned bear their part of the fee, and the whole bears all of it.
    #[test]
    fn a_part_bears_its_part_of_the_fee(net in 1_i64..1_000_000, fee in 0_i64..100_000, part in 0_i64..1_000_000) {
        let origin = || Origin {
            contract: Id::from_uuid(Uuid::from_u128(1)),
            title: String::new(),
            work: String::new(),
            work_title: String::new(),
            client: String::new(),
            invoices: vec![],
        };
        let part = Earned::part(origin(), usd(part.min(net)), usd(net), usd(fee)).unwrap();
        prop_assert_eq!(part.gross.minor(), part.net.minor() + part.fee.minor());
        prop_assert!(part.fee.minor() <= fee);
        let whole = Earned::part(origin(), usd(net), usd(net), usd(fee)).unwrap();
        prop_assert_eq!(whole.fee.minor(), fee);
    }
}

#[test]
fn a_tax_year_runs_from_july_to_june_in_karachi() {
    let (from, until) = TaxYear::ending_in(2026).unwrap().bounds().unwrap();
    assert_eq!(from.to_rfc3339(), "2025-06-30T19:00:00+00:00");
    assert_eq!(until.to_rfc3339(), "2026-06-30T19:00:00+00:00");
    assert_eq!(Certificate::month_of(until), "2026-07");
    assert_eq!(TaxYear::ending_in(2000), None);
    assert_eq!(TaxYear::ending_in(2101), None);
}

#[test]
fn an_invoice_divides_without_a_cent_left_over() {
    let split = |share| Split::of(usd(10_001), usd(300), Rate::basis_points_of(share).unwrap()).unwrap();
    for share in [0, 1, 3_333, 5_000, 9_999, 10_000] {
        let Split { development, other } = split(share);
        assert_eq!(development.minor() + other.minor(), 10_301, "{share}");
    }
    assert_eq!(split(10_000).other, usd(300), "our fee is never development");
}

fn invoice(zone: &str) -> Invoice {
    Invoice {
        number: "INV-000000-00001".to_owned(),
        payment: Id::from_uuid(Uuid::from_u128(1)),
        issued_at: "2027-01-01T02:30:00Z".parse().unwrap(),
        time_zone: zone.to_owned(),
        made_at: "2027-03-01T00:00:00Z".parse().unwrap(),
        issuer: Operator::default(),
        client: "Acme".to_owned(),
        freelancer: "Lin".to_owned(),
        contract: None,
        title: "A site".to_owned(),
        work_title: "Pages".to_owned(),
        amount: usd(10_000),
        fee: usd(300),
        to_credit: None,
        total: usd(10_300),
        split: None,
    }
}

#[test]
fn the_day_of_an_invoice_is_its_clients() {
    for (zone, day) in [
        ("America/New_York", "31 December 2026 (America/New_York)"),
        ("Asia/Karachi", "1 January 2027 (Asia/Karachi)"),
        ("UTC", "1 January 2027 (UTC)"),
    ] {
        assert_eq!(invoice(zone).sheet().lead, format!("Invoice INV-000000-00001, paid on {day}"));
    }
}

#[test]
fn an_invoice_is_of_what_the_card_was_charged() {
    let least = Invoice { amount: usd(30), fee: usd(1), to_credit: Some(usd(19)), total: usd(50), ..invoice("UTC") };
    let table = least.sheet().blocks.into_iter().find_map(|block| match block {
        sheet::Block::Table(table) => Some(table),
        _ => None,
    });
    let table = table.unwrap();
    let amounts: Vec<&str> = table.rows.iter().filter_map(|row| row.last()).map(String::as_str).collect();
    assert_eq!(amounts, ["0.30", "0.01", "0.19"]);
    assert_eq!(table.sum.unwrap().last().unwrap(), "0.50 USD");
}

fn pack(from_no_work: Vec<FromNoWork>) -> RemittancePack {
    let rate = |basis_points| Rate::basis_points_of(basis_points).unwrap();
    let pack = RemittancePack {
        payout: payout(1),
        status: "returned".to_owned(),
        made_at: Timestamp::UNIX_EPOCH,
        requested_at: Timestamp::UNIX_EPOCH,
        paid_at: None,
        remitter: Operator::default(),
        beneficiary: Beneficiary {
            user: Id::from_uuid(Uuid::from_u128(1)),
            name: "Lin".to_owned(),
            latin_name: None,
            urdu_name: None,
            address: None,
            phone: None,
            cnic_last4: None,
            ntn_last4: None,
        },
        purpose_code: "9186".to_owned(),
        purpose: "Freelance services".to_owned(),
        written_purpose: "Freelance services".to_owned(),
        gross: usd(0),
        fees: usd(0),
        net: usd(1_000),
        quote: None,
        parts: Vec::new(),
        withheld: Withheld { if_registered: rate(25), otherwise: rate(100) },
        withholding_if_registered: usd(0),
        withholding_otherwise: usd(0),
        earned: Vec::new(),
        from_no_work,
        e_prc: None,
    };
    pack.summed().unwrap()
}

#[test]
fn the_pack_of_a_payout_that_came_back_says_nothing_of_where_its_money_was_earned() {
    let facts = |pack: &RemittancePack| {
        let facts = pack.sheet().blocks.into_iter().filter_map(|block| match block {
            sheet::Block::Facts(facts) => Some(facts.into_iter().map(|(name, _)| name)),
            _ => None,
        });
        facts.flatten().filter(|name| ["Gross", "Fees of the marketplace", "Sent"].contains(&name.as_str())).count()
    };
    let tables = |pack: &RemittancePack| {
        let tables = pack.sheet().blocks.into_iter().filter(|block| matches!(block, sheet::Block::Table(_)));
        tables.count()
    };
    let back = pack(Vec::new());
    assert_eq!((facts(&back), tables(&back)), (1, 1), "what was sent, and to which accounts");
    let there = pack(vec![FromNoWork { why: Aside::Correction, amount: usd(1_000) }]);
    assert_eq!((facts(&there), tables(&there)), (3, 2));
}
