//! Ranks documents for queries, for measuring: `rank QUERIES DOCS OUT [explain]`. The documents tell whether
//! it is text, skills or profiles.

use std::io::Write;

use domain::matching::offline::{Mode, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [queries, documents, out, more @ ..] = arguments.as_slice() else {
        return Err("usage: rank QUERIES DOCS OUT [explain]".into());
    };
    let (queries, documents) = (std::fs::read_to_string(queries)?, std::fs::read_to_string(documents)?);
    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    for ranked in run(Mode::of(&documents), &queries, &documents, None)? {
        write!(file, "{}\t{}\t{}", ranked.query, ranked.document, ranked.score.as_nano())?;
        for (name, part) in ranked.factors.iter().filter(|_| !more.is_empty()) {
            write!(file, "\t{name}={}", part.as_nano())?;
        }
        writeln!(file)?;
    }
    Ok(file.flush()?)
}
