//! Ranks documents for queries, for measuring: `rank MODE QUERIES DOCS OUT`, mode `text` or `skills`.

use std::io::Write;

use domain::matching::offline::{Mode, rows, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, queries, documents, out] = arguments.as_slice() else {
        return Err("usage: rank text|skills QUERIES DOCS OUT".into());
    };
    let mode = if mode == "skills" { Mode::Skills } else { Mode::Text };
    let (queries, documents) = (std::fs::read_to_string(queries)?, std::fs::read_to_string(documents)?);
    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    for ranked in run(mode, &rows(&queries)?, &rows(&documents)?, 100) {
        writeln!(file, "{}\t{}\t{}", ranked.query, ranked.document, ranked.score.as_nano())?;
    }
    Ok(file.flush()?)
}
