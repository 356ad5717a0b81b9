//! `rabta reconcile`: what it prints, what it writes into files, and how it ends.

use domain::id::{EntryId, Id, PaymentId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

/// The day that is compared; all that moves moves at five in its morning.
const DAY: [&str; 4] = ["--from", "2024-03-04T00:00:00Z", "--until", "2024-03-05T00:00:00Z"];

/// A database with nothing in it, and the command on it.
struct Books {
    home: Home,
    server: Embedded,
    url: String,
}

impl Books {
    async fn new(name: &str) -> Self {
        let home = Home::new(name);
        let (server, url) = home.elsewhere().await;
        Self { home, server, url }
    }

    fn reconcile(&self, arguments: &[&str]) -> Answer {
        let mut command = self.home.rabta(&[&["reconcile"][..], arguments].concat());
        Answer::of(command.env("DATABASE_URL", &self.url).output().unwrap())
    }

    /// Of the day, with more arguments.
    fn of_the_day(&self, more: &[&str]) -> Answer {
        self.reconcile(&[&DAY[..], more].concat())
    }

    /// The books have it coming in from the processor.
    async fn posted(&self, number: u128, about: &str, cents: i64) {
        let post = "select ledger_post($1::uuid, 'credit', $2::text, null, null, 'system', 'planted',
            '2024-03-04T05:00:00Z', jsonb_build_array(jsonb_build_object('from_account', 'processor_clearing',
            'to_account', 'losses', 'currency', 'USD', 'amount_minor', $3::bigint)), false)";
        let mut db = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query(post).bind(uuid(number)).bind(about).bind(cents).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    }

    /// The processor moved it, under this name, class and direction.
    async fn moved(&self, name: &str, about: Option<&str>, class: &str, flow: &str, cents: i64) {
        let note = "insert into sandbox_balance (id, about, class, flow, currency, amount_minor, at)
            values ($1, $2, $3, $4, 'USD', $5, '2024-03-04T05:00:00Z')";
        let mut db = PgConnection::connect(&self.url).await.unwrap();
        let note = sqlx::query(note).bind(name).bind(about).bind(class).bind(flow).bind(cents);
        note.execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    }

    /// Both sides have it.
    async fn agree(&self) {
        self.posted(1, "paid", 300).await;
        self.moved("txn_paid", Some("paid"), "payment", "in", 300).await;
    }

    /// Five differences, no two of a kind.
    async fn plant(&self) {
        self.posted(2, "gone", 700).await;
        self.posted(3, "short", 500).await;
        self.moved("txn_short", Some("short"), "payment", "in", 400).await;
        self.moved("txn_dispute", Some(&taken_back()), "dispute", "out", 1_234).await;
        self.moved("txn_fee", None, "fee", "out", 150).await;
        self.moved("txn_stranger", None, "payment", "in", 5).await;
    }

    async fn ends(self) {
        self.server.stop().await.unwrap();
    }
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x018e_0000_0000_7000_8000_0000_0000_0000 + number)
}

/// The name of an entry of the books.
fn entry(number: u128) -> String {
    EntryId::from_uuid(uuid(number)).to_string()
}

/// The payment that a bank took back, and that the books know nothing of.
fn taken_back() -> String {
    PaymentId::from_uuid(uuid(9)).to_string()
}

/// The table of what [`Books::agree`] and [`Books::plant`] make.
fn table() -> String {
    format!(
        "from 2024-03-04 00:00:00 until 2024-03-05 00:00:00 (UTC)
agree about 1 thing(s), 0 on the way, 5 difference(s)

kind       way          in the books     at the processor
payment    in              15.00 USD             7.05 USD
dispute    out              0.00 USD            12.34 USD
fee        out              0.00 USD             1.50 USD

1. not_in_ledger (dispute {taken_back}) the processor has 12.34 USD less
   processor 2024-03-04 05:00 dispute  out          12.34 USD  txn_dispute
   proposed  12.34 USD from losses to processor_clearing
   look for the processor's event: replay it if it was never taken in, else post the entry

2. not_at_processor (payment gone) the processor has 7.00 USD less
   books     2024-03-04 05:00 payment  in            7.00 USD  {gone}
   proposed  7.00 USD from losses to processor_clearing
   ask the processor about it; post the entry only if it never happened there

3. amount (payment short) the processor has 1.00 USD less
   books     2024-03-04 05:00 payment  in            5.00 USD  {short}
   processor 2024-03-04 05:00 payment  in            4.00 USD  txn_short
   proposed  1.00 USD from losses to processor_clearing
   find out which side is right; if it is the processor, post the entry

4. fee_not_booked (fee txn_fee) the processor has 1.50 USD less
   processor 2024-03-04 05:00 fee      out           1.50 USD  txn_fee
   proposed  1.50 USD from processor_fees to processor_clearing
   post the entry

5. unknown (payment txn_stranger) the processor has 0.05 USD more
   processor 2024-03-04 05:00 payment  in            0.05 USD  txn_stranger
   find out whose it is, at the processor
",
        taken_back = taken_back(),
        gone = entry(2),
        short = entry(3),
    )
}

/// What is told of a difference in JSON: its kind and class, what it is about, by how much and which way, and from where
/// to where the entry moves that is proposed.
fn told(difference: &Value) -> Value {
    let posting = &difference["proposal"]["postings"][0];
    let proposed = (!posting.is_null())
        .then(|| json!([posting["from"]["kind"], posting["to"]["kind"], posting["amount"]["minor"]]));
    let [kind, class, about] = ["kind", "class", "about"].map(|name| &difference[name]);
    let (way, amount) = (&difference["processor_has"][0], &difference["processor_has"][1]["minor"]);
    json!([kind, class, about, way, amount, proposed])
}

#[tokio::test]
async fn what_differs_is_told_in_a_table_and_in_json_and_by_how_the_command_ends() {
    let books = Books::new("reconcile").await;
    let nothing = books.of_the_day(&[]);
    assert_eq!(nothing.code, Some(0), "{}", nothing.said);
    let empty = "from 2024-03-04 00:00:00 until 2024-03-05 00:00:00 (UTC)
agree about 0 thing(s), 0 on the way, 0 difference(s)

nothing moved, neither in the books nor at the processor
";
    assert_eq!(nothing.out, empty);
    let nothing = books.of_the_day(&["--json"]);
    let report: Value = serde_json::from_str(&nothing.out).unwrap();
    assert_eq!((nothing.code, &report["agree"]), (Some(0), &json!(0)), "{}", nothing.said);
    assert_eq!([&report["differences"], &report["totals"], &report["settling"]], [&json!([]); 3]);
    assert_eq!(report["period"]["from"], "2024-03-04T00:00:00Z");

    books.agree().await;
    let clean = books.of_the_day(&[]);
    assert_eq!(clean.code, Some(0), "{}", clean.said);
    let agrees = "from 2024-03-04 00:00:00 until 2024-03-05 00:00:00 (UTC)
agree about 1 thing(s), 0 on the way, 0 difference(s)

kind       way          in the books     at the processor
payment    in               3.00 USD             3.00 USD
";
    assert_eq!(clean.out, agrees);

    books.plant().await;
    let found = books.of_the_day(&[]);
    assert_eq!(found.code, Some(1), "{}", found.said);
    assert!(found.said.contains("error: the processor and the books differ about 5 thing(s)"), "{}", found.said);
    assert_eq!(found.out, table());
    let found = books.of_the_day(&["--json"]);
    assert_eq!(found.code, Some(1), "{}", found.said);
    let report: Value = serde_json::from_str(&found.out).unwrap();
    let differences: Vec<Value> = report["differences"].as_array().unwrap().iter().map(told).collect();
    let losses = |cents: i64| json!(["losses", "processor_clearing", cents]);
    let fees = json!(["processor_fees", "processor_clearing", 150]);
    let expected = [
        json!(["not_in_ledger", "dispute", taken_back(), "out", 1_234, losses(1_234)]),
        json!(["not_at_processor", "payment", "gone", "out", 700, losses(700)]),
        json!(["amount", "payment", "short", "out", 100, losses(100)]),
        json!(["fee_not_booked", "fee", "txn_fee", "out", 150, fees]),
        json!(["unknown", "payment", "txn_stranger", "in", 5, null]),
    ];
    assert_eq!(differences, expected);
    assert_eq!(report["differences"][1]["ledger"][0]["id"], entry(2), "and its lines");
    assert!(report["differences"].as_array().unwrap().iter().all(|one| one["advice"].is_string()));

    // Of another day there is nothing to tell, and what is no stretch of time is the user's to set right.
    let before = books.reconcile(&["--until", "2024-03-04T00:00:00Z"]);
    assert!(before.code == Some(0) && before.out.contains("nothing moved"), "{} {}", before.out, before.said);
    let backwards = ["--from", "2024-03-05T00:00:00Z", "--until", "2024-03-04T00:00:00Z"];
    books.reconcile(&backwards).is_refused(&["correct --from and --until"]);
    let unreadable = books.reconcile(&["--until", "yesterday"]);
    assert_eq!(unreadable.code, Some(2));
    assert!(unreadable.said.contains("invalid value 'yesterday'"), "{}", unreadable.said);
    books.ends().await;
}

#[tokio::test]
async fn a_report_is_written_whole_into_a_folder_or_it_is_told_that_it_could_not_be() {
    let books = Books::new("reports").await;
    let folder = books.home.0.with_added_extension("out");
    let _ = fs::remove_dir_all(&folder);
    let out = ["--out", folder.to_str().unwrap()];
    let (json_file, text_file) =
        (folder.join("reconciliation-2024-03-05T000000Z.json"), folder.join("reconciliation-2024-03-05T000000Z.txt"));
    // A first run makes the tables.
    assert_eq!(books.of_the_day(&[]).code, Some(0));
    books.agree().await;
    books.plant().await;

    // There is no such folder; what was found is told all the same.
    let nowhere = books.of_the_day(&out);
    nowhere.is_refused(&[json_file.to_str().unwrap(), "choose a folder that can be written to"]);
    assert_eq!(nowhere.out, table());
    assert!(!folder.exists());

    fs::create_dir(&folder).unwrap();
    fs::write(&text_file, "of a run before, and longer than what comes\n".repeat(1_000)).unwrap();
    let written = books.of_the_day(&[&["--json"][..], &out].concat());
    assert_eq!(written.code, Some(1), "{}", written.said);
    assert_eq!(fs::read_to_string(&json_file).unwrap(), written.out, "the file is what was printed");
    assert_eq!(fs::read_to_string(&text_file).unwrap(), table());
    let files = || fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(files().len(), 2, "and nothing lies beside: {:?}", files());

    // Something else stands where a file should be.
    fs::remove_file(&json_file).unwrap();
    fs::create_dir(&json_file).unwrap();
    let blocked = books.of_the_day(&out);
    blocked.is_refused(&[json_file.to_str().unwrap(), "choose a folder that can be written to"]);
    assert_eq!(blocked.out, table());
    assert_eq!(files().len(), 2, "what could not be put in its place is gone: {:?}", files());
    assert_eq!(fs::read_to_string(&text_file).unwrap(), table(), "the report of before still stands");
    fs::remove_dir_all(&folder).unwrap();
    books.ends().await;
}
