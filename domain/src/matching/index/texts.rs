//! Texts of all rows, as lines of memory hold them.

use std::ops::Deref;

/// Memory is read in lines of so many bytes.
pub const LINE: usize = 64;

/// Numbers that begin where a line of memory does, so that a text lies on as few lines as can be.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    numbers: Vec<i8>,
    /// Where they begin: what is before stands for nothing.
    start: usize,
}

impl Texts {
    /// Room for so many.
    pub fn with_capacity(count: usize) -> Self {
        let mut numbers: Vec<i8> = Vec::with_capacity(count + LINE);
        let start = numbers.as_ptr().align_offset(LINE).min(LINE);
        numbers.resize(start, 0);
        Self { numbers, start }
    }

    /// Adds these.
    pub fn extend(&mut self, numbers: &[i8]) {
        self.numbers.extend_from_slice(numbers);
    }

    /// Adds zeros until there are so many.
    pub fn resize(&mut self, count: usize) {
        self.numbers.resize(self.start + count, 0);
    }
}

impl Deref for Texts {
    type Target = [i8];

    fn deref(&self) -> &[i8] {
        &self.numbers[self.start..]
    }
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl FromIterator<i8> for Texts {
    fn from_iter<I: IntoIterator<Item = i8>>(numbers: I) -> Self {
        let numbers = numbers.into_iter();
        let mut texts = Self::with_capacity(numbers.size_hint().0);
        texts.numbers.extend(numbers);
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_begin_where_a_line_does_and_are_what_was_put_in() {
        let mut texts = Texts::with_capacity(2 * LINE);
        texts.extend(&[7; LINE]);
        texts.resize(2 * LINE);
        assert_eq!(texts.as_ptr().align_offset(LINE), 0);
        assert_eq!(*texts, [[7; LINE], [0; LINE]].concat());
        assert!(texts == texts.iter().copied().collect() && texts == texts.clone() && texts != Texts::default());
    }
}
