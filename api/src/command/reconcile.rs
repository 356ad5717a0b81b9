//! `rabta reconcile`: what the processor moved, held against the books. It proposes entries, and posts none.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use chrono::TimeDelta;
use domain::Timestamp;
use domain::reconciliation::{Difference, Flow, Line, Report};
use infra::{Call, Failure};

use super::ground::Ground;
use super::{Trouble, say};
use crate::config::{Cli, Reconcile};

/// Compare, print what was found, write it into files if asked, and fail if something differs.
pub async fn run(cli: Cli, what: Reconcile) -> Result<(), Trouble> {
    let ground = Ground::find(&cli.common).await?;
    let market = ground.market(&cli).await?;
    let now = market.clock().now();
    let until = what.until.unwrap_or(now);
    let from = what.from.unwrap_or(until - TimeDelta::days(31));
    let outcome = market.reconcile(&Call::system("rabta reconcile"), from, until).await;
    ground.leave(Some(market)).await?;
    let report = match outcome {
        Ok(report) => report,
        Err(Failure::Refused(refusal)) => {
            return Err(Trouble::fixable(refusal.to_string(), "correct --from and --until"));
        }
        Err(broken) => return Err(anyhow::Error::from(broken).into()),
    };
    let json = serde_json::to_string_pretty(&report).context("writing the report")? + "\n";
    let text = table(&report);
    // Whatever becomes of the files, who asked sees the report.
    say(if what.json { &json } else { &text })?;
    if let Some(folder) = &what.out {
        let name = format!("reconciliation-{}", report.period.until.format("%Y-%m-%dT%H%M%SZ"));
        for (ending, content) in [("json", &json), ("txt", &text)] {
            let file = folder.join(format!("{name}.{ending}"));
            write_whole(&file, content).map_err(|error| {
                Trouble::fixable(format!("{}: {error}", file.display()), "choose a folder that can be written to")
            })?;
        }
    }
    match report.differences.len() {
        0 => Ok(()),
        count => Err(anyhow::anyhow!("the processor and the books differ about {count} thing(s)").into()),
    }
}

/// Write a file beside its place, and then put it there: nobody finds half a report.
fn write_whole(file: &Path, content: &str) -> io::Result<()> {
    let part = file.with_added_extension("part");
    let written = fs::write(&part, content).and_then(|()| fs::rename(&part, file));
    if written.is_err() {
        // Why it could not be written is told; that nothing of it is left is no more than tidy.
        let _ = fs::remove_file(&part);
    }
    written
}

/// The report as people read it.
fn table(report: &Report) -> String {
    let day = |at: Timestamp| at.format("%Y-%m-%d %H:%M:%S").to_string();
    let mut text = format!(
        "from {} until {} (UTC)\nagree about {} thing(s), {} on the way, {} difference(s)\n",
        day(report.period.from),
        day(report.period.until),
        report.agree,
        report.settling.len(),
        report.differences.len()
    );
    // Writing into a text does not fail.
    if !report.totals.is_empty() {
        let _ = writeln!(text, "\n{:<10} {:<4} {:>20} {:>20}", "kind", "way", "in the books", "at the processor");
    } else if report.differences.is_empty() {
        text.push_str("\nnothing moved, neither in the books nor at the processor\n");
    }
    for total in &report.totals {
        let (ledger, processor) = (total.ledger.to_string(), total.processor.to_string());
        let _ = writeln!(text, "{:<10} {:<4} {ledger:>20} {processor:>20}", total.class.as_str(), way(total.flow));
    }
    for (number, difference) in report.differences.iter().enumerate() {
        describe(&mut text, number + 1, difference);
    }
    text
}

fn describe(text: &mut String, number: usize, difference: &Difference) {
    let Difference { kind, class, about, processor_has, ledger, processor, foreign, proposal, advice } = difference;
    let more = match processor_has {
        Some((Flow::In, amount)) => format!(" the processor has {amount} more"),
        Some((Flow::Out, amount)) => format!(" the processor has {amount} less"),
        None => String::new(),
    };
    let _ = writeln!(text, "\n{number}. {} ({} {about}){more}", kind.as_str(), class.as_str());
    let side = |text: &mut String, name: &str, lines: &[Line]| {
        for line in lines {
            let Line { id, class, flow, amount, at, .. } = line;
            // An amount fills no width by itself.
            let (class, way, amount) = (class.as_str(), way(*flow), amount.to_string());
            let _ =
                writeln!(text, "   {name:<9} {} {class:<8} {way:<3} {amount:>18}  {id}", at.format("%Y-%m-%d %H:%M"));
        }
    };
    side(text, "books", ledger);
    side(text, "processor", processor);
    for moved in foreign {
        let (class, way) = (moved.class.as_str(), if moved.minor < 0 { "out" } else { "in" });
        let (amount, at) =
            (format!("{} of {}", moved.minor.unsigned_abs(), moved.currency), moved.at.format("%Y-%m-%d %H:%M"));
        let _ = writeln!(text, "   processor {at} {class:<8} {way:<3} {amount:>18}  {}", moved.id);
    }
    if let Some(entry) = proposal {
        for posting in entry.postings() {
            let _ = writeln!(text, "   proposed  {} from {} to {}", posting.amount, posting.from, posting.to);
        }
    }
    let _ = writeln!(text, "   {advice}");
}

fn way(flow: Flow) -> &'static str {
    match flow {
        Flow::In => "in",
        Flow::Out => "out",
    }
}
