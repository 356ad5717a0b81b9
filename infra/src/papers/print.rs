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
const CELL_LINES: usize = 40;

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
    let mut press = Press { pages: vec![Vec::new()], y: MARGIN };
    press.paragraph(&sheet.title, TITLE, Ink::Black)?;
    press.y += 2.0;
    press.paragraph(&sheet.lead, TEXT, Ink::Grey)?;
    press.bar(1.2, Ink::Black, 8.0);
    for block in &sheet.blocks {
        match block {
            Block::Heading(text) => press.heading(text)?,
            Block::Text(text) => {
                press.paragraph(text, TEXT, Ink::Black)?;
                press.y += 4.0;
            }
            Block::Facts(facts) => press.facts(facts)?,
            Block::Table(table) => press.table(table)?,
        }
    }
    press.feet(sheet)?;
    write(press.pages, sheet, made_at)
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

    fn heading(&mut self, text: &str) -> Result<(), Fault> {
        // A heading does not stand alone at the foot of a page.
        self.room(70.0);
        self.y += 8.0;
        self.paragraph(text, HEADING, Ink::Black)?;
        self.y += 2.0;
        Ok(())
    }

    fn facts(&mut self, facts: &[(String, String)]) -> Result<(), Fault> {
        const NAMES: f32 = 140.0;
        for (name, what) in facts {
            let names = lines(name, NAME, NAMES - 8.0)?;
            let whats = lines(what, TEXT, BODY - NAMES)?;
            let tall = |lines: &[Line]| lines.iter().map(height).sum::<f32>();
            self.room(tall(&names).max(tall(&whats)));
            let top = self.y;
            let mut bottom = top;
            // Both begin on one line, also where one of them is Urdu.
            let first = names.first().map_or(0.0, rise).max(whats.first().map_or(0.0, rise));
            for (x, lines) in [(MARGIN, names), (MARGIN + NAMES, whats)] {
                let mut y = top + first - lines.first().map_or(0.0, rise);
                for line in lines {
                    let base = y + rise(&line);
                    y += height(&line);
                    self.mark(Mark::Text(x, base, line, Ink::Black));
                }
                bottom = bottom.max(y);
            }
            self.y = bottom;
        }
        self.y += 4.0;
        Ok(())
    }

    fn table(&mut self, table: &Table) -> Result<(), Fault> {
        let heads: Vec<String> = table.columns.iter().map(|column| column.title.clone()).collect();
        self.room(60.0);
        self.row(table, &heads, CELL_HEAD, true)?;
        for row in &table.rows {
            self.row(table, row, CELL, false)?;
        }
        if let Some(sum) = &table.sum {
            self.y += 1.0;
            self.bar(0.8, Ink::Black, 1.0);
            self.row(table, sum, CELL_HEAD, false)?;
        }
        self.y += 6.0;
        Ok(())
    }

    fn row(&mut self, table: &Table, cells: &[String], hand: Hand, is_head: bool) -> Result<(), Fault> {
        const PAD: f32 = 4.0;
        let all: f32 = table.columns.iter().map(|column| f32::from(column.share)).sum::<f32>().max(1.0);
        let mut x = MARGIN;
        let mut set = Vec::new();
        let (mut tallest, mut first) = (0.0_f32, 0.0_f32);
        for (Column { share, right, .. }, cell) in table.columns.iter().zip(cells) {
            let width = BODY * f32::from(*share) / all;
            let mut inside = lines(cell, hand, width - 2.0 * PAD)?;
            inside.truncate(CELL_LINES);
            tallest = tallest.max(inside.iter().map(height).sum());
            first = first.max(inside.first().map_or(0.0, rise));
            set.push((x, width, *right, inside));
            x += width;
        }
        let tall = tallest + 2.0 * PAD;
        if self.room(tall) && !is_head {
            let heads: Vec<String> = table.columns.iter().map(|column| column.title.clone()).collect();
            self.row(table, &heads, CELL_HEAD, true)?;
        }
        let top = self.y;
        if is_head && let Some(rect) = Rect::from_xywh(MARGIN, top, BODY, tall) {
            self.mark(Mark::Bar(rect, Ink::Shade));
        }
        for (x, width, right, inside) in set {
            let mut y = top + PAD + first - inside.first().map_or(0.0, rise);
            for line in inside {
                let left = if right { x + width - PAD - line.width } else { x + PAD };
                let base = y + rise(&line);
                y += height(&line);
                self.mark(Mark::Text(left, base, line, Ink::Black));
            }
        }
        self.y = top + tall;
        if !is_head {
            let rect = Rect::from_xywh(MARGIN, self.y - 0.4, BODY, 0.4);
            if let Some(rect) = rect {
                self.mark(Mark::Bar(rect, Ink::Shade));
            }
        }
        Ok(())
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
