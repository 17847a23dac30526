//! Natural numbers of any size, with the few operations that reading and writing floats takes.

use std::cmp::Ordering;

/// A natural number: 32 bits each, the lowest first, the last one not zero.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Big(Vec<u32>);

impl Big {
    pub(super) fn from_u64(value: u64) -> Big {
        Big(vec![value as u32, (value >> 32) as u32]).trimmed()
    }

    /// From decimal digits, the highest first.
    pub(super) fn from_digits(digits: impl Iterator<Item = u8>) -> Big {
        let mut value = Big(Vec::new());
        digits.for_each(|digit| value.mul_add(10, u32::from(digit - b'0')));
        value
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bits there are up to the highest that is one.
    pub(super) fn bits(&self) -> i64 {
        self.0.last().map_or(0, |last| 32 * self.0.len() as i64 - i64::from(last.leading_zeros()))
    }

    pub(super) fn mul_pow10(&mut self, power: u64) {
        (0..power / 9).for_each(|_| self.mul_add(1_000_000_000, 0));
        (0..power % 9).for_each(|_| self.mul_add(10, 0));
    }

    pub(super) fn shl(&mut self, bits: u64) {
        if self.is_zero() {
            return;
        }
        self.mul_add(1 << (bits % 32), 0);
        let words = (bits / 32) as usize;
        self.0.splice(0..0, std::iter::repeat_n(0, words));
    }

    /// Its highest 128 bits, how many bits were below them, and whether one of those is not zero.
    pub(super) fn top(&self) -> (u128, i64, bool) {
        let below = (self.bits() - 128).max(0);
        let words = (below / 32) as usize;
        let mut value = 0_u128;
        // Up to five words hold the 128 bits; what does not fit falls out at the bottom.
        let shift = (below % 32) as u32;
        for (at, &word) in self.0[words..].iter().enumerate() {
            let at = 32 * at as u32;
            let word = u128::from(word);
            value |= if at >= shift { word << (at - shift) } else { word >> shift };
        }
        let lost = self.0.get(words).is_some_and(|&word| word & ((1_u32 << shift) - 1) != 0);
        (value, below, lost || self.0[..words].iter().any(|&word| word != 0))
    }

    /// The quotient, which must fit in 128 bits, and whether there is a remainder.
    pub(super) fn div(mut self, divisor: &Big) -> (u128, bool) {
        let mut quotient = 0;
        for bit in (0..=(self.bits() - divisor.bits()).max(0)).rev() {
            let mut part = divisor.clone();
            part.shl(bit as u64);
            if self.cmp(&part) != Ordering::Less {
                self.sub(&part);
                quotient |= 1_u128 << bit;
            }
        }
        (quotient, !self.is_zero())
    }

    /// Its decimal digits.
    pub(super) fn into_digits(mut self) -> String {
        const PART: u64 = 1_000_000_000;
        let mut parts = Vec::new();
        while !self.is_zero() {
            let mut rest = 0;
            for word in self.0.iter_mut().rev() {
                let value = rest << 32 | u64::from(*word);
                *word = (value / PART) as u32;
                rest = value % PART;
            }
            self = self.trimmed();
            parts.push(rest);
        }
        let Some(first) = parts.pop() else { return "0".to_owned() };
        parts.iter().rev().fold(first.to_string(), |text, part| text + &format!("{part:09}"))
    }

    fn mul_add(&mut self, factor: u32, add: u32) {
        let mut carry = u64::from(add);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn cmp(&self, other: &Big) -> Ordering {
        let by_len = self.0.len().cmp(&other.0.len());
        by_len.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// Takes a number away that is not greater.
    fn sub(&mut self, other: &Big) {
        let mut borrow = 0;
        for (at, word) in self.0.iter_mut().enumerate() {
            let taken = i64::from(other.0.get(at).copied().unwrap_or(0)) + borrow;
            let left = i64::from(*word) - taken;
            borrow = i64::from(left < 0);
            *word = left as u32;
        }
        *self = Big(std::mem::take(&mut self.0)).trimmed();
    }

    fn trimmed(mut self) -> Big {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}
