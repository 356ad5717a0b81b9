//! Papers as PDF: A4, with fonts inside, the same bytes whenever the same paper is printed.

use chrono::{Datelike, Timelike};
use domain::Timestamp;
use domain::papers::sheet::{Block, Column, Sheet, Table};
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};

use super::letters::{Hand, Line, line, lines};
use crate::Fault;

const WIDTH: f32 = 595.276;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 50.0;
const FOOT: f32 = 46.0;
const BODY: f32 = WIDTH - 2.0 * MARGIN;

const TITLE: Hand = Hand { size: 19.0, bold: true };
const HEADING: Hand = Hand { size: 11.5, bold: true };
const TEXT: Hand = Hand { size: 9.5, bold: false };
const NAME: Hand = Hand { size: 9.5, bold: true };
const CELL: Hand = Hand { size: 8.5, bold: false };
const CELL_HEAD: Hand = Hand { size: 8.5, bold: true };
const SMALL: Hand = Hand { size: 7.5, bold: false };

/// A cell has no more lines than fit on a page.
const CELL_LINES: usize = 34;
/// Between a cell's edge and what is in it.
const PAD: f32 = 4.0;
/// How wide the names of facts are.
const NAMES: f32 = 140.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ink {
    Black,
    Grey,
    Shade,
}

/// Something at a place on a page.
enum Mark {
    Text(f32, f32, Line, Ink),
    Bar(Rect, Ink),
}

/// Pages as they fill up.
struct Press {
    pages: Vec<Vec<Mark>>,
    y: f32,
}

/// Print a paper that was made at an instant.
///
/// # Errors
/// [`Fault::Service`] if a font can't be read, or the PDF not be written.
pub fn print(sheet: &Sheet, made_at: Timestamp) -> Result<Vec<u8>, Fault> {
    write(press(sheet)?.pages, sheet, made_at)
}

/// A paper, set on its pages.
fn press(sheet: &Sheet) -> Result<Press, Fault> {
    let mut press = Press { pages: vec![Vec::new()], y: MARGIN };
    press.paragraph(&sheet.title, TITLE, Ink::Black)?;
    press.y += 2.0;
    press.paragraph(&sheet.lead, TEXT, Ink::Grey)?;
    press.bar(1.2, Ink::Black, 8.0);
    for (place, block) in sheet.blocks.iter().enumerate() {
        match block {
            Block::Heading(text) => press.heading(text, sheet.blocks.get(place + 1))?,
            Block::Text(text) => {
                press.paragraph(text, TEXT, Ink::Black)?;
                press.y += 4.0;
            }
            Block::Facts(facts) => press.facts(facts)?,
            Block::Table(table) => press.table(table)?,
        }
    }
    press.feet(sheet)?;
    Ok(press)
}

impl Press {
    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Begin a page, unless so much of this one is left.
    fn room(&mut self, height: f32) -> bool {
        let full = self.y + height > HEIGHT - MARGIN - FOOT && self.y > MARGIN;
        if full {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
        full
    }

    fn bar(&mut self, thickness: f32, ink: Ink, after: f32) {
        if let Some(rect) = Rect::from_xywh(MARGIN, self.y, BODY, thickness) {
            self.mark(Mark::Bar(rect, ink));
        }
        self.y += thickness + after;
    }

    fn paragraph(&mut self, text: &str, hand: Hand, ink: Ink) -> Result<(), Fault> {
        for line in lines(text, hand, BODY)? {
            self.room(height(&line));
            let base = self.y + rise(&line);
            self.y += height(&line);
            self.mark(Mark::Text(MARGIN, base, line, ink));
        }
        Ok(())
    }

    fn heading(&mut self, text: &str, next: Option<&Block>) -> Result<(), Fault> {
        // A heading does not stand alone at the foot of a page.
        let own: f32 = lines(text, HEADING, BODY)?.iter().map(height).sum();
        self.room(10.0 + own + next.map(least).transpose()?.unwrap_or_default());
        self.y += 8.0;
        self.paragraph(text, HEADING, Ink::Black)?;
        self.y += 2.0;
        Ok(())
    }

    fn facts(&mut self, facts: &[(String, String)]) -> Result<(), Fault> {
        for (name, what) in facts {
            let (names, whats) = fact(name, what)?;
            self.room(tall(&names).max(tall(&whats)));
            let top = self.y;
            let mut bottom = top;
            // Both begin on one line, also where one of them is Urdu.
            let first = names.first().map_or(0.0, rise).max(whats.first().map_or(0.0, rise));
            for (x, lines) in [(MARGIN, names), (MARGIN + NAMES, whats)] {
                let widest = widest(&lines);
                let mut y = top + first - lines.first().map_or(0.0, rise);
                for line in lines {
                    let base = y + rise(&line);
                    y += height(&line);
                    let indent = if line.rtl { widest - line.width } else { 0.0 };
                    self.mark(Mark::Text(x + indent, base, line, Ink::Black));
                }
                bottom = bottom.max(y);
            }
            self.y = bottom;
        }
        self.y += 4.0;
        Ok(())
    }

    fn table(&mut self, table: &Table) -> Result<(), Fault> {
        let sum = table.sum.as_ref().map(|sum| row(table, sum, CELL_HEAD)).transpose()?;
        let head = head(table)?;
        if table.rows.is_empty() {
            self.room(head.tall + sum.as_ref().map_or(0.0, Row::under_a_line));
            self.head(head);
        } else {
            for (place, cells) in table.rows.iter().enumerate() {
                let row = row(table, cells, CELL)?;
                // A head stands above a row, and a sum under one.
                let is_last = place + 1 == table.rows.len();
                let beneath = sum.as_ref().filter(|_| is_last).map_or(0.0, Row::under_a_line);
                let above = if place == 0 { head.tall } else { 0.0 };
                if self.room(above + row.tall + beneath) || place == 0 {
                    self.head(self::head(table)?);
                }
                self.row(row);
            }
        }
        if let Some(sum) = sum {
            self.y += 1.0;
            self.bar(0.8, Ink::Black, 1.0);
            self.row(sum);
        }
        self.y += 6.0;
        Ok(())
    }

    fn head(&mut self, head: Row) {
        if let Some(rect) = Rect::from_xywh(MARGIN, self.y, BODY, head.tall) {
            self.mark(Mark::Bar(rect, Ink::Shade));
        }
        self.cells(head);
    }

    fn row(&mut self, row: Row) {
        self.cells(row);
        if let Some(rect) = Rect::from_xywh(MARGIN, self.y - 0.4, BODY, 0.4) {
            self.mark(Mark::Bar(rect, Ink::Shade));
        }
    }

    fn cells(&mut self, row: Row) {
        let top = self.y;
        for Cell { x, width, right, lines } in row.cells {
            let widest = widest(&lines);
            let mut y = top + PAD + row.first - lines.first().map_or(0.0, rise);
            for line in lines {
                let left = match (right, line.rtl) {
                    (true, _) => x + width - PAD - line.width,
                    (false, true) => x + PAD + widest - line.width,
                    (false, false) => x + PAD,
                };
                let base = y + rise(&line);
                y += height(&line);
                self.mark(Mark::Text(left, base, line, Ink::Black));
            }
        }
        self.y = top + row.tall;
    }

    /// What stands at the foot of each page.
    fn feet(&mut self, sheet: &Sheet) -> Result<(), Fault> {
        let count = self.pages.len();
        for (number, page) in self.pages.iter_mut().enumerate() {
            let mut y = HEIGHT - MARGIN - 22.0;
            if let Some(rect) = Rect::from_xywh(MARGIN, y - 4.0, BODY, 0.4) {
                page.push(Mark::Bar(rect, Ink::Grey));
            }
            for line in lines(&sheet.foot, SMALL, BODY)? {
                page.push(Mark::Text(MARGIN, y + rise(&line), line, Ink::Grey));
                y += SMALL.size * 1.35;
            }
            let of = line(&format!("{}  ·  page {} of {count}", sheet.reference, number + 1), SMALL)?;
            page.push(Mark::Text(WIDTH - MARGIN - of.width, HEIGHT - MARGIN + 8.0, of, Ink::Grey));
        }
        Ok(())
    }
}

/// A cell, set at its place.
struct Cell {
    x: f32,
    width: f32,
    right: bool,
    lines: Vec<Line>,
}

/// A row, set.
struct Row {
    cells: Vec<Cell>,
    tall: f32,
    /// How far below its top its first line stands.
    first: f32,
}

impl Row {
    /// How much of the page it takes with the line above it.
    fn under_a_line(&self) -> f32 {
        self.tall + 2.8
    }
}

fn row(table: &Table, cells: &[String], hand: Hand) -> Result<Row, Fault> {
    let all: f32 = table.columns.iter().map(|column| f32::from(column.share)).sum::<f32>().max(1.0);
    let mut x = MARGIN;
    let mut row = Row { cells: Vec::new(), tall: 2.0 * PAD, first: 0.0 };
    for (Column { share, right, .. }, cell) in table.columns.iter().zip(cells) {
        let width = BODY * f32::from(*share) / all;
        let mut inside = lines(cell, hand, width - 2.0 * PAD)?;
        inside.truncate(CELL_LINES);
        row.first = row.first.max(inside.first().map_or(0.0, rise));
        row.cells.push(Cell { x, width, right: *right, lines: inside });
        x += width;
    }
    // All cells begin on one line, so those without Urdu reach further down.
    let reach = |cell: &Cell| row.first - cell.lines.first().map_or(0.0, rise) + tall(&cell.lines);
    row.tall += row.cells.iter().map(reach).fold(0.0, f32::max);
    Ok(row)
}

/// The headings of a table.
fn head(table: &Table) -> Result<Row, Fault> {
    let titles: Vec<String> = table.columns.iter().map(|column| column.title.clone()).collect();
    row(table, &titles, CELL_HEAD)
}

/// A name and what it is.
fn fact(name: &str, what: &str) -> Result<(Vec<Line>, Vec<Line>), Fault> {
    Ok((lines(name, NAME, NAMES - 8.0)?, lines(what, TEXT, BODY - NAMES)?))
}

/// How much of the page the first part of a block takes that is not divided.
fn least(block: &Block) -> Result<f32, Fault> {
    Ok(match block {
        Block::Heading(text) => lines(text, HEADING, BODY)?.first().map_or(0.0, height),
        Block::Text(text) => lines(text, TEXT, BODY)?.iter().take(2).map(height).sum(),
        Block::Facts(facts) => match facts.first() {
            Some((name, what)) => {
                let (name, what) = fact(name, what)?;
                tall(&name).max(tall(&what))
            }
            None => 0.0,
        },
        Block::Table(table) => {
            let first = table.rows.first().map(|cells| row(table, cells, CELL)).transpose()?;
            let sum = table.sum.as_ref().filter(|_| table.rows.len() <= 1);
            let sum = sum.map(|sum| row(table, sum, CELL_HEAD)).transpose()?;
            head(table)?.tall + first.map_or(0.0, |first| first.tall) + sum.map_or(0.0, |sum| sum.under_a_line())
        }
    })
}

fn tall(lines: &[Line]) -> f32 {
    lines.iter().map(height).sum()
}

fn widest(lines: &[Line]) -> f32 {
    lines.iter().map(|line| line.width).fold(0.0, f32::max)
}

/// How much of the page a line takes.
fn height(line: &Line) -> f32 {
    line.size * if line.tall { 2.3 } else { 1.42 }
}

/// How far below its top a line stands.
fn rise(line: &Line) -> f32 {
    line.size * if line.tall { 1.45 } else { 1.08 }
}

fn write(pages: Vec<Vec<Mark>>, sheet: &Sheet, made_at: Timestamp) -> Result<Vec<u8>, Fault> {
    let broken = |why: String| Fault::Service { service: "papers", why };
    let mut document = Document::new_with(SerializeSettings::default());
    let small = |number: u32| u8::try_from(number).unwrap_or(1);
    let made = DateTime::new(u16::try_from(made_at.year()).unwrap_or(1970))
        .month(small(made_at.month()))
        .day(small(made_at.day()))
        .hour(small(made_at.hour()))
        .minute(small(made_at.minute()))
        .second(small(made_at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let about = Metadata::new()
        .title(format!("{} {}", sheet.title, sheet.reference))
        .creator("Rabta".to_owned())
        .language("en".to_owned())
        .creation_date(made)
        .document_id(sheet.reference.clone());
    document.set_metadata(about);
    for marks in pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| broken("no such page".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            put(&mut surface, mark);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| broken(format!("{error:?}")))
}

fn put(surface: &mut Surface<'_>, mark: Mark) {
    let fill = |ink| {
        let (red, green, blue) = match ink {
            Ink::Black => (26, 30, 36),
            Ink::Grey => (98, 104, 112),
            Ink::Shade => (233, 236, 240),
        };
        Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
    };
    match mark {
        Mark::Text(x, y, line, ink) => {
            surface.set_fill(Some(fill(ink)));
            let mut x = x;
            for run in line.runs {
                surface.draw_glyphs(Point::from_xy(x, y), &run.glyphs, run.font, &run.text, line.size, false);
                x += run.width;
            }
        }
        Mark::Bar(rect, ink) => {
            surface.set_fill(Some(fill(ink)));
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(cells: usize) -> Vec<Column> {
        (0..cells)
            .map(|place| if place == 0 { Column::words("What", 60) } else { Column::amounts("USD", 20) })
            .collect()
    }

    fn blank() -> Sheet {
        Sheet::new("A paper", "of a test".to_owned(), "T-1".to_owned(), "What is said at the foot.")
    }

    fn pressed(sheet: &Sheet) -> Vec<Vec<(String, f32, f32, f32)>> {
        let pages = press(sheet).unwrap().pages;
        let text = |mark: Mark| match mark {
            Mark::Text(x, y, line, _) => {
                let words = line.runs.iter().map(|run| run.text.as_str()).collect::<String>();
                Some((words, x, x + line.width, y))
            }
            Mark::Bar(..) => None,
        };
        pages.into_iter().map(|marks| marks.into_iter().filter_map(text).collect()).collect()
    }

    #[test]
    fn no_head_stands_without_a_row_no_heading_alone_and_no_sum_without_what_it_sums() {
        let long = "A company with a very long name ".repeat(2);
        let cells = |n: usize| vec![format!("row {n} {long}"), "1.00".to_owned()];
        for before in 28..42 {
            for (rows, is_headed) in [(1, true), (3, true), (1, false), (3, false)] {
                let mut sheet = blank();
                for n in 0..before {
                    sheet = sheet.text(format!("line {n}"));
                }
                if is_headed {
                    sheet = sheet.heading("Over it");
                }
                let sums = vec!["sum".to_owned(), "30.00 USD".to_owned()];
                let sheet = sheet.table(column(2), (0..rows).map(cells).collect(), Some(sums));
                for page in pressed(&sheet) {
                    let at = |what: &str| page.iter().position(|(words, ..)| words.starts_with(what));
                    let case = format!("{before} lines before {rows} rows: {page:?}");
                    if at("Over it").is_some() || at("What").is_some_and(|place| page[place].0 == "What") {
                        assert!(at("row").is_some(), "{case}");
                    }
                    if at("sum").is_some() {
                        assert!(at("row").is_some() && at("row") < at("sum"), "{case}");
                    }
                    let foot = ["What is said at the foot.", "T-1  "];
                    let body = page.iter().filter(|(words, ..)| !foot.iter().any(|foot| words.starts_with(foot)));
                    let lowest = body.map(|(.., y)| *y).fold(0.0, f32::max);
                    assert!(lowest <= HEIGHT - MARGIN - FOOT, "{lowest} is in the foot: {case}");
                }
            }
        }
    }

    #[test]
    fn everything_stands_within_the_page_and_each_page_says_which_it_is() {
        let urdu = "ویب سائٹ کی تیاری API v2 (React) اور اردو ترجمہ ۱۲ & 54000 ".repeat(2);
        let latin = "Muhammad Abdul Rahman Bin Khalid Al-Hashimi Qureshi Siddiqui-Farooqui ".repeat(2);
        let row = |n: i64| {
            vec![if n % 2 == 0 { urdu.clone() } else { latin.clone() }, format!("{n}000000.25"), "x".repeat(60)]
        };
        let sums = vec!["All".to_owned(), "999999999999.25 USD".to_owned(), String::new()];
        let sheet = blank().facts([("Name", Some(urdu.clone())), ("Long", Some(latin.clone()))]).table(
            column(3),
            (0..30).map(row).collect(),
            Some(sums),
        );
        let pages = pressed(&sheet);
        assert!(pages.len() > 2);
        for (number, page) in pages.iter().enumerate() {
            for (words, left, right, y) in page {
                let is_within = *left >= MARGIN - 0.1 && *right <= WIDTH - MARGIN + 0.1 && *y <= HEIGHT - MARGIN + 8.1;
                assert!(is_within, "{words} from {left} to {right} at {y}");
            }
            let foot = format!("T-1  ·  page {} of {}", number + 1, pages.len());
            assert_eq!(page.last().map(|(words, ..)| words.as_str()), Some(foot.as_str()));
            assert!(page.iter().any(|(words, ..)| words == "What"), "each page has the headings of the table");
        }
    }

    #[test]
    fn what_is_read_from_the_right_begins_at_the_right_in_each_line() {
        let urdu = "محمد عبدالرحمٰن بن خالد الہاشمی قریشی صدیقی فاروقی ".repeat(3);
        let pages = pressed(&blank().facts([("Name", Some(urdu))]));
        let edges: Vec<f32> = pages[0].iter().filter(|(_, left, ..)| *left >= MARGIN + NAMES).map(|it| it.2).collect();
        let lines = edges.len() - 1;
        assert!(lines >= 2, "its lines, and the number of the page: {edges:?}");
        assert!(edges[..lines].iter().all(|edge| (edge - edges[0]).abs() < 0.1), "{edges:?}");
    }
}
