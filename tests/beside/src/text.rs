//! tantivy: an inverted index on disk, mapped into memory, ranked by BM25.

use cpu_time::ProcessTime;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STRING, Schema, TEXT};
use tantivy::{Index, IndexWriter, Searcher, TantivyDocument, TantivyError, Term};

/// An index of documents, ready to be asked.
pub struct Engine {
    searcher: Searcher,
    words: Field,
    /// On disk.
    pub bytes: usize,
    /// Processor seconds.
    pub built: f64,
}

impl Engine {
    /// One segment of all documents.
    pub fn build(documents: &[String]) -> Result<Self, TantivyError> {
        let mut schema = Schema::builder();
        let words = schema.add_text_field("words", TEXT);
        schema.add_text_field("id", STRING);
        let before = ProcessTime::now();
        let index = Index::create_from_tempdir(schema.build())?;
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 500_000_000)?;
        for text in documents {
            let mut document = TantivyDocument::default();
            document.add_text(words, text);
            writer.add_document(document)?;
        }
        writer.commit()?;
        let segments = index.searchable_segment_ids()?;
        if segments.len() > 1 {
            writer.merge(&segments).wait()?;
        }
        writer.wait_merging_threads()?;
        let searcher = index.reader()?.searcher();
        let built = before.elapsed().as_secs_f64();
        let bytes = usize::try_from(searcher.space_usage()?.total().get_bytes()).unwrap_or(0);
        Ok(Self { searcher, words, bytes, built })
    }

    /// The best documents that have any of these words.
    pub fn top(&self, words: &str, most: usize) -> usize {
        let term = |word: &str| -> (Occur, Box<dyn Query>) {
            let term = Term::from_field_text(self.words, word);
            (Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)))
        };
        let query = BooleanQuery::new(words.split(' ').map(term).collect());
        self.searcher.search(&query, &TopDocs::with_limit(most).order_by_score()).map_or(0, |found| found.len())
    }
}
