//! Fonts, and how text becomes glyphs: Latin, Greek and Cyrillic from left to right, Urdu joined and from right
//! to left, both in one line where a name needs it.

use std::ops::Range;
use std::sync::LazyLock;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::BidiInfo;

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
}

/// Set one line, however wide it gets.
pub fn line(text: &str, hand: Hand) -> Result<Line, Fault> {
    let faces = faces()?;
    let mut line = Line { runs: Vec::new(), size: hand.size, width: 0.0, tall: false };
    let bidi = BidiInfo::new(text, None);
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let Some(words) = text.get(run.clone()).filter(|words| !words.is_empty()) else { continue };
            let rtl = levels.get(run.start).is_some_and(unicode_bidi::Level::is_rtl);
            let face = match (rtl, hand.bold) {
                (true, _) => &faces.urdu,
                (false, true) => &faces.bold,
                (false, false) => &faces.plain,
            };
            let run = shape(words, face, rtl, hand.size);
            line.tall |= rtl;
            line.width += run.width;
            line.runs.push(run);
        }
    }
    Ok(line)
}

/// Set a text in lines that are at most so wide.
pub fn lines(text: &str, hand: Hand, width: f32) -> Result<Vec<Line>, Fault> {
    let space = line(" ", hand)?.width;
    let mut all = Vec::new();
    let (mut open, mut open_width) = (String::new(), 0.0);
    for word in text.split_whitespace() {
        for (place, part) in parts(word, hand, width)?.into_iter().enumerate() {
            let part_width = line(&part, hand)?.width;
            let glue = if open.is_empty() { 0.0 } else { space };
            // A word that had to be broken goes on in the next line.
            if !open.is_empty() && (place > 0 || open_width + glue + part_width > width) {
                all.push(line(&open, hand)?);
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
        all.push(line(&open, hand)?);
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
            long.as_str(),
            long_urdu.as_str(),
        ] {
            assert_eq!(missing(name), Vec::<String>::new(), "{name}");
        }
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
