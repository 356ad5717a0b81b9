//! Fonts, and how text becomes glyphs: Latin, Greek and Cyrillic from left to right, Urdu joined and from right
//! to left, both in one line where a name needs it.

use std::ops::Range;
use std::sync::LazyLock;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::{BidiInfo, Level};

use crate::Fault;

/// A face that words are set in.
struct Face {
    font: Font,
    shaper: rustybuzz::Face<'static>,
    units: f32,
}

/// The faces that ship with the program.
struct Faces {
    plain: Face,
    bold: Face,
    urdu: Face,
}

static FACES: LazyLock<Option<Faces>> = LazyLock::new(|| {
    Some(Faces {
        plain: Face::read(include_bytes!("../../data/fonts/NotoSans-Regular.ttf"))?,
        bold: Face::read(include_bytes!("../../data/fonts/NotoSans-Bold.ttf"))?,
        urdu: Face::read(include_bytes!("../../data/fonts/NotoNastaliqUrdu-Regular.ttf"))?,
    })
});

impl Face {
    fn read(bytes: &'static [u8]) -> Option<Self> {
        let font = Font::new(bytes.to_vec().into(), 0)?;
        let shaper = rustybuzz::Face::from_slice(bytes, 0)?;
        let units = font.units_per_em();
        Some(Self { font, shaper, units })
    }

    fn has(&self, letter: char) -> bool {
        self.shaper.glyph_index(letter).is_some()
    }
}

fn faces() -> Result<&'static Faces, Fault> {
    FACES.as_ref().ok_or_else(|| Fault::Service { service: "papers", why: "a font can't be read".to_owned() })
}

/// How words are set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hand {
    /// In points.
    pub size: f32,
    /// Heavier?
    pub bold: bool,
}

/// Glyphs of one face, in the order they are seen.
pub struct Run {
    pub font: Font,
    pub glyphs: Vec<KrillaGlyph>,
    pub text: String,
    pub width: f32,
}

/// A line, ready to be put somewhere.
pub struct Line {
    pub runs: Vec<Run>,
    pub size: f32,
    pub width: f32,
    /// Urdu hangs below and stands above the line by far.
    pub tall: bool,
    /// Is it read from right to left? Then it begins where the widest of its lines ends.
    pub rtl: bool,
}

/// Set one line, however wide it gets.
pub fn line(text: &str, hand: Hand) -> Result<Line, Fault> {
    line_read(text, hand, None)
}

/// Set a line of a text that is read in a direction, or in that of its own first letter.
fn line_read(text: &str, hand: Hand, read: Option<Level>) -> Result<Line, Fault> {
    let faces = faces()?;
    let latin = if hand.bold { &faces.bold } else { &faces.plain };
    let mut line = Line { runs: Vec::new(), size: hand.size, width: 0.0, tall: false, rtl: false };
    let bidi = BidiInfo::new(text, read);
    for paragraph in &bidi.paragraphs {
        line.rtl |= paragraph.level.is_rtl();
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let Some(words) = text.get(run.clone()).filter(|words| !words.is_empty()) else { continue };
            let rtl = levels.get(run.start).is_some_and(Level::is_rtl);
            let (own, other) = if rtl { (&faces.urdu, latin) } else { (latin, &faces.urdu) };
            for (part, is_own) in by_face(words, own, other, rtl) {
                let run = shape(part, if is_own { own } else { other }, rtl, hand.size);
                line.tall |= is_own == rtl;
                line.width += run.width;
                line.runs.push(run);
            }
        }
    }
    Ok(line)
}

/// Words of one direction in parts that one face has the letters of, in the order they are seen, and whether that is
/// their `own` face.
fn by_face<'a>(words: &'a str, own: &Face, other: &Face, rtl: bool) -> Vec<(&'a str, bool)> {
    let begins = words.len() - words.trim_start_matches(' ').len();
    let ends = words.trim_end_matches(' ').len();
    let mut parts: Vec<(Range<usize>, bool)> = Vec::new();
    for (at, letter) in words.char_indices() {
        // The space between two words of Urdu is narrow; beside other letters it is as wide as theirs.
        let is_edge = rtl && !(begins..ends).contains(&at);
        let is_own = match parts.last() {
            Some((_, before)) if goes_with_the_letter_before(letter) => *before,
            Some(_) | None => !is_edge && (own.has(letter) || !other.has(letter)),
        };
        let end = at + letter.len_utf8();
        match parts.last_mut() {
            Some((range, before)) if *before == is_own => range.end = end,
            Some(_) | None => parts.push((at..end, is_own)),
        }
    }
    if rtl {
        parts.reverse();
    }
    parts.into_iter().filter_map(|(range, is_own)| Some((words.get(range)?, is_own))).collect()
}

/// Marks above and below letters, joiners, and what says how a letter is drawn.
fn goes_with_the_letter_before(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}'
            | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Set a text in lines that are at most so wide. All of them are read in the direction of its first letter.
pub fn lines(text: &str, hand: Hand, width: f32) -> Result<Vec<Line>, Fault> {
    let read = BidiInfo::new(text, None).paragraphs.first().map(|paragraph| paragraph.level);
    let space = line(" ", hand)?.width;
    let mut all = Vec::new();
    let (mut open, mut open_width) = (String::new(), 0.0);
    for word in text.split_whitespace() {
        for (place, part) in parts(word, hand, width)?.into_iter().enumerate() {
            let part_width = line(&part, hand)?.width;
            let glue = if open.is_empty() { 0.0 } else { space };
            // A word that had to be broken goes on in the next line.
            if !open.is_empty() && (place > 0 || open_width + glue + part_width > width) {
                all.push(line_read(&open, hand, read)?);
                (open, open_width) = (part, part_width);
            } else {
                if !open.is_empty() {
                    open.push(' ');
                }
                open.push_str(&part);
                open_width += glue + part_width;
            }
        }
    }
    if !open.is_empty() || all.is_empty() {
        all.push(line_read(&open, hand, read)?);
    }
    Ok(all)
}

/// A word, broken where it is wider than a line.
fn parts(word: &str, hand: Hand, width: f32) -> Result<Vec<String>, Fault> {
    if line(word, hand)?.width <= width {
        return Ok(vec![word.to_owned()]);
    }
    let mut parts = vec![String::new()];
    for letter in word.chars() {
        let mut longer = parts.last().cloned().unwrap_or_default();
        longer.push(letter);
        match parts.last_mut() {
            Some(last) if last.is_empty() || line(&longer, hand)?.width <= width => *last = longer,
            Some(_) | None => parts.push(letter.to_string()),
        }
    }
    Ok(parts)
}

fn shape(text: &str, face: &Face, rtl: bool, size: f32) -> Run {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(if rtl { Direction::RightToLeft } else { Direction::LeftToRight });
    let shaped = rustybuzz::shape(&face.shaper, &[], buffer);
    let starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| at(info.cluster)).collect();
    let em = |units: i32| units as f32 / face.units;
    let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).map(|(info, place)| {
        KrillaGlyph::new(
            GlyphId::new(info.glyph_id),
            em(place.x_advance),
            em(place.x_offset),
            em(place.y_offset),
            em(place.y_advance),
            letters(at(info.cluster), &starts, text.len()),
            None,
        )
    });
    let width: i32 = shaped.glyph_positions().iter().map(|place| place.x_advance).sum();
    Run { font: face.font.clone(), glyphs: glyphs.collect(), text: text.to_owned(), width: em(width) * size }
}

fn at(cluster: u32) -> usize {
    usize::try_from(cluster).unwrap_or(usize::MAX)
}

/// The letters a glyph stands for: from where its cluster begins to where the next does.
fn letters(start: usize, starts: &[usize], end: usize) -> Range<usize> {
    let next = starts.iter().copied().filter(|other| *other > start).min();
    start..next.unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use krilla::text::Glyph;

    use super::*;

    /// The letters of a text whose glyph is the one that says that a face has none.
    fn missing(text: &str) -> Vec<String> {
        let mut missing = Vec::new();
        for bold in [false, true] {
            for line in lines(text, Hand { size: 9.5, bold }, 200.0).unwrap() {
                for run in &line.runs {
                    assert!(!run.glyphs.is_empty(), "{text}");
                    let bad = run.glyphs.iter().filter(|glyph| glyph.glyph_id() == GlyphId::new(0));
                    missing.extend(bad.map(|glyph| run.text[glyph.text_range()].to_owned()));
                }
            }
        }
        missing
    }

    #[test]
    fn no_letter_of_a_name_is_a_box() {
        let long = "Muhammad Abdul Rahman Bin Khalid Al-Hashimi Qureshi Siddiqui-Farooqui ".repeat(4);
        let long_urdu = "محمد عبدالرحمٰن بن خالد الہاشمی قریشی صدیقی فاروقی ".repeat(4);
        for name in [
            "Ali",
            "Ayesha Malik",
            "Zoë O’Brien-Łukaszewicz",
            "Παναγιώτης Δημητρίου",
            "Дмитрий Ёлкин",
            "علی",
            "عائشہ ملک",
            "فیصل محمود قریشی",
            "محمد علی (پرائیویٹ) لمیٹڈ",
            "لاہور - پاکستان",
            "Ayesha Malik (عائشہ ملک), Lahore",
            "مکان 12، گلی 3/ب، لاہور۔",
            "مکان ۱۲، گلی ۳، لاہور ۵۴۰۰۰",
            "۱۲",
            "خان & سنز \"پرائیویٹ\" #1 (100%)",
            long.as_str(),
            long_urdu.as_str(),
        ] {
            assert_eq!(missing(name), Vec::<String>::new(), "{name}");
        }
    }

    fn seen(line: &Line) -> Vec<&str> {
        line.runs.iter().map(|run| run.text.as_str()).collect()
    }

    #[test]
    fn urdu_stands_apart_from_what_is_beside_it() {
        let hand = Hand { size: 10.0, bold: false };
        let one = line("Lahore لاہور 54000", hand).unwrap();
        assert_eq!(seen(&one), ["Lahore ", "54000", " ", "لاہور"]);
        let space = line(" ", hand).unwrap().width;
        let wide = one.runs[2].width;
        assert!((wide - space).abs() < 0.01, "{wide} of {space}");
    }

    #[test]
    fn every_line_of_a_text_is_read_as_its_first_letter_is() {
        let hand = Hand { size: 10.0, bold: false };
        let of = |text: &str| lines(text, hand, 60.0).unwrap().iter().map(|line| line.rtl).collect::<Vec<_>>();
        let urdu = of("لاہور Model Town, Lahore");
        assert!(urdu.len() > 1 && urdu.iter().all(|rtl| *rtl), "{urdu:?}");
        let latin = of("Model Town لاہور پاکستان");
        assert!(latin.len() > 1 && latin.iter().all(|rtl| !rtl), "{latin:?}");
        // What is set apart decides nothing for what is around it.
        assert!(of("\u{2068}لاہور\u{2069}: Model").iter().all(|rtl| !rtl));
        assert_eq!(missing("\u{2068}لاہور\u{2069}: \u{2068}Model Town\u{2069}"), Vec::<String>::new());
    }

    #[test]
    fn a_letter_that_no_face_has_is_a_box() {
        assert_eq!(missing("山"), ["山", "山"]);
    }

    #[test]
    fn what_papers_say_beside_names_is_no_box() {
        assert_eq!(missing("INV-2026-00001 · 1,200.00 USD = 336,000.00 PKR – “5 %” … • — §"), Vec::<String>::new());
    }
}
