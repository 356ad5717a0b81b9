//! Dice that fall the same way for the same seed, on every machine: whole numbers, and of floats
//! only what IEEE 754 fixes to the last bit.

/// A small generator of numbers that look random (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of something that several policies meet alike: each finds the same luck in it.
    pub fn of(seed: u64, what: &[u64]) -> Self {
        let mut dice = Self(seed);
        for part in what {
            dice.0 ^= part.wrapping_mul(0xD6E8_FEB8_6659_FD93);
            dice.0 = dice.roll();
        }
        dice
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one; 0 when there is none.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    /// One of so many places.
    pub fn place(&mut self, of: usize) -> usize {
        usize::try_from(self.below(of as u64)).unwrap_or(0)
    }

    /// From 0 up to 1, evenly.
    pub fn chance(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normally spread around 0, with a standard deviation of 1, near enough: twelve even ones.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.chance()).sum::<f64>() - 6.0
    }

    /// From a beta distribution with 8 and 3: the third largest of ten even ones is spread so.
    pub fn beta_8_3(&mut self) -> f64 {
        let mut ten: [f64; 10] = std::array::from_fn(|_| self.chance());
        ten.sort_by(f64::total_cmp);
        ten[7]
    }
}

/// Places that are drawn unevenly: the first most often.
#[derive(Debug, Clone)]
pub struct Skewed(Vec<u64>);

impl Skewed {
    /// Of so many places, each as often as one over its rank and this many more.
    pub fn new(places: usize, flat: u64) -> Self {
        let mut sum = 0;
        let weights = (0..places as u64).map(|rank| {
            sum += 1_000_000 / (rank + 1 + flat);
            sum
        });
        Self(weights.collect())
    }

    /// One of them.
    pub fn draw(&self, dice: &mut Dice) -> usize {
        let drawn = dice.below(self.0.last().copied().unwrap_or(0));
        self.0.partition_point(|sum| *sum <= drawn).min(self.0.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_quality_is_spread_as_it_should_be() {
        let mut dice = Dice::new(1);
        let drawn: Vec<f64> = (0..20_000).map(|_| dice.beta_8_3()).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 20_000.0;
        // 8 / 11, and 8 * 3 / (11^2 * 12).
        assert!((mean - 0.7273).abs() < 0.005 && (variance - 0.016_53).abs() < 0.001, "{mean} {variance}");
    }

    #[test]
    fn the_first_places_are_drawn_most_and_all_are_drawn() {
        let (skewed, mut dice) = (Skewed::new(10, 0), Dice::new(2));
        let mut counts = [0; 10];
        (0..10_000).for_each(|_| counts[skewed.draw(&mut dice)] += 1);
        assert!(counts.windows(2).all(|pair| pair[0] + 150 > pair[1]) && counts[9] > 100, "{counts:?}");
        assert!(counts[0] > 5 * counts[9], "{counts:?}");
    }
}
