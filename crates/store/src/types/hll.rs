//! The HyperLogLog in a string, byte for byte as Redis lays it out (its `hyperloglog.c` describes the format).
//!
//! ```text
//! "HYLL"  encoding (0 dense, 1 sparse)  3 unused bytes  8 bytes: the last count, its highest bit set if it is out of date
//! dense:   16384 registers of 6 bits, the lowest bits first
//! sparse:  runs of registers: 00llllll zeros; 01llllll llllllll many zeros; 1vvvvvll one to four times a value up to 32
//! ```
//!
//! The estimate is Ertl's (2017), as in Redis. What a client stores with SET may begin like this and be nonsense: such
//! a string is found out where its runs do not end with the last register.

use bytes::BytesMut;

const HEAD: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// The byte of the last count whose highest bit says that it is out of date.
const COUNT_END: usize = 15;

/// Bits of the hash that choose the register.
const INDEX_BITS: u32 = 14;
const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash whose zeros are counted.
const RANK_BITS: u32 = 64 - INDEX_BITS;
const REGISTER_BITS: usize = 6;
const DENSE_LEN: usize = HEAD + REGISTERS * REGISTER_BITS / 8;
/// A longer sparse form becomes dense (Redis' `hll-sparse-max-bytes`).
const SPARSE_MAX: usize = 3000;
/// The greatest value of a run, and the most registers of one.
const VALUE_MAX: u8 = 32;
const RUN_MAX: usize = 4;
const ZEROS_MAX: usize = 64;

/// A HyperLogLog that is being written.
pub struct Hll(BytesMut);

/// The registers of one or several HyperLogLogs, taken together.
pub struct Registers(Vec<u8>);

/// Some registers of the sparse form that follow each other and have one value.
#[derive(Clone, Copy)]
struct Run {
    value: u8,
    len: usize,
    /// Bytes that it takes.
    size: usize,
}

impl Hll {
    /// One that has counted nothing.
    pub fn new() -> Hll {
        let mut bytes = BytesMut::zeroed(HEAD);
        bytes[..4].copy_from_slice(MAGIC);
        bytes[ENCODING] = SPARSE;
        push_zeros(&mut bytes, REGISTERS);
        Hll(bytes)
    }

    /// Whether a string begins as a HyperLogLog does.
    pub fn is_valid(bytes: &[u8]) -> bool {
        bytes.len() >= HEAD
            && bytes.starts_with(MAGIC)
            && (bytes[ENCODING] == SPARSE || bytes[ENCODING] == DENSE && bytes.len() == DENSE_LEN)
    }

    /// Whether a valid one has the dense form.
    pub fn is_dense(bytes: &[u8]) -> bool {
        bytes[ENCODING] == DENSE
    }

    /// From a valid string.
    pub fn from_bytes(bytes: BytesMut) -> Hll {
        Hll(bytes)
    }

    /// As a string.
    pub fn into_bytes(self) -> BytesMut {
        self.0
    }

    /// Marks the last count as out of date.
    pub fn forget_count(&mut self) {
        self.0[COUNT_END] |= 0x80;
    }

    /// Counts an element; whether a register changed. `None`: the string is corrupt.
    pub fn add(&mut self, element: &[u8]) -> Option<bool> {
        let hash = murmur(element);
        let index = hash as usize & (REGISTERS - 1);
        let zeros = (hash >> INDEX_BITS | 1 << RANK_BITS).trailing_zeros();
        self.set(index, zeros as u8 + 1)
    }

    /// Raises a register to this value; whether it was lower. `None`: the string is corrupt.
    pub fn set(&mut self, index: usize, value: u8) -> Option<bool> {
        if Hll::is_dense(&self.0) {
            return Some(set_dense(&mut self.0[HEAD..], index, value));
        }
        if value > VALUE_MAX {
            self.make_dense()?;
            return self.set(index, value);
        }
        self.set_sparse(index, value)
    }

    /// Takes the dense form. `None`: the string is corrupt.
    pub fn make_dense(&mut self) -> Option<()> {
        if Hll::is_dense(&self.0) {
            return Some(());
        }
        let mut registers = Registers::new();
        registers.merge(&self.0)?;
        let mut dense = BytesMut::zeroed(DENSE_LEN);
        dense[..HEAD].copy_from_slice(&self.0[..HEAD]);
        dense[ENCODING] = DENSE;
        registers.iter().for_each(|(index, value)| _ = set_dense(&mut dense[HEAD..], index, value));
        self.0 = dense;
        Some(())
    }

    /// Splits the run in which the register lies, and joins what is equal around it.
    fn set_sparse(&mut self, index: usize, value: u8) -> Option<bool> {
        let (mut at, mut first, mut previous) = (HEAD, 0, HEAD);
        let run = loop {
            let run = Run::read(&self.0, at)?;
            if index < first + run.len {
                break run;
            }
            previous = at;
            at += run.size;
            first += run.len;
        };
        if run.value >= value {
            return Some(false);
        }
        let mut parts = BytesMut::new();
        push_run(&mut parts, run.value, index - first);
        push_run(&mut parts, value, 1);
        push_run(&mut parts, run.value, first + run.len - 1 - index);
        if parts.len() > run.size && self.0.len() + parts.len() - run.size > SPARSE_MAX {
            self.make_dense()?;
            return self.set(index, value);
        }
        let behind = self.0.split_off(at + run.size);
        self.0.truncate(at);
        self.0.extend_from_slice(&parts);
        self.0.extend_from_slice(&behind);
        self.join(previous);
        Some(true)
    }

    /// Joins runs of equal values among the five from this place on, as Redis does after a change.
    fn join(&mut self, mut at: usize) {
        for _ in 0..5 {
            let Some(run) = Run::read(&self.0, at) else { return };
            let next = Run::read(&self.0, at + run.size).filter(|next| next.value == run.value && run.value > 0);
            match next {
                Some(next) if run.len + next.len <= RUN_MAX => {
                    self.0[at + 1] = val(run.value, run.len + next.len);
                    let behind = self.0.split_off(at + 1);
                    self.0.truncate(at);
                    self.0.extend_from_slice(&behind);
                }
                _ => at += run.size,
            }
        }
    }
}

impl Default for Hll {
    fn default() -> Hll {
        Hll::new()
    }
}

/// The last count of a valid HyperLogLog, unless it is out of date.
pub fn kept_count(bytes: &[u8]) -> Option<u64> {
    let count = bytes[COUNT_END - 7..=COUNT_END].try_into().map(u64::from_le_bytes).ok()?;
    (count >> 63 == 0).then_some(count)
}

impl Registers {
    /// All zero.
    pub fn new() -> Registers {
        Registers(vec![0; REGISTERS])
    }

    /// Raises each register to that of a valid HyperLogLog. `None`: it is corrupt.
    pub fn merge(&mut self, bytes: &[u8]) -> Option<()> {
        if Hll::is_dense(bytes) {
            for (index, register) in self.0.iter_mut().enumerate() {
                *register = (*register).max(get_dense(&bytes[HEAD..], index));
            }
            return Some(());
        }
        let (mut at, mut index) = (HEAD, 0);
        while at < bytes.len() {
            let run = Run::read(bytes, at)?;
            let registers = self.0.get_mut(index..index + run.len)?;
            registers.iter_mut().for_each(|register| *register = (*register).max(run.value));
            at += run.size;
            index += run.len;
        }
        (index == REGISTERS).then_some(())
    }

    /// The registers that are not zero.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u8)> {
        self.0.iter().copied().enumerate().filter(|&(_, value)| value > 0)
    }

    /// About how many different elements were counted.
    pub fn count(&self) -> u64 {
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let mut with = [0_u32; 64];
        self.0.iter().for_each(|&value| with[usize::from(value)] += 1);
        let m = REGISTERS as f64;
        let q = RANK_BITS as usize;
        let mut z = m * tau((m - f64::from(with[q + 1])) / m);
        for &count in with[1..=q].iter().rev() {
            z = (z + f64::from(count)) * 0.5;
        }
        z += m * sigma(f64::from(with[0]) / m);
        (ALPHA * m * m / z).round() as u64
    }
}

impl Default for Registers {
    fn default() -> Registers {
        Registers::new()
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

impl Run {
    fn read(bytes: &[u8], at: usize) -> Option<Run> {
        let first = *bytes.get(at)?;
        Some(match first >> 6 {
            0 => Run { value: 0, len: usize::from(first & 0x3f) + 1, size: 1 },
            1 => {
                let second = *bytes.get(at + 1)?;
                Run { value: 0, len: (usize::from(first & 0x3f) << 8 | usize::from(second)) + 1, size: 2 }
            }
            _ => Run { value: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, size: 1 },
        })
    }
}

fn push_run(out: &mut BytesMut, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, len) => push_zeros(out, len),
        _ => out.extend_from_slice(&[val(value, len)]),
    }
}

fn push_zeros(out: &mut BytesMut, len: usize) {
    let less_one = len - 1;
    if len <= ZEROS_MAX {
        out.extend_from_slice(&[less_one as u8]);
    } else {
        out.extend_from_slice(&[0x40 | (less_one >> 8) as u8, less_one as u8]);
    }
}

fn val(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

fn get_dense(registers: &[u8], index: usize) -> u8 {
    let (byte, bit) = (index * REGISTER_BITS / 8, index * REGISTER_BITS % 8);
    let pair = u16::from(registers[byte]) | u16::from(registers.get(byte + 1).copied().unwrap_or(0)) << 8;
    (pair >> bit) as u8 & 0x3f
}

fn set_dense(registers: &mut [u8], index: usize, value: u8) -> bool {
    if get_dense(registers, index) >= value {
        return false;
    }
    let (byte, bit) = (index * REGISTER_BITS / 8, index * REGISTER_BITS % 8);
    let (mask, bits) = (0x3f_u16 << bit, u16::from(value) << bit);
    registers[byte] = registers[byte] & !(mask as u8) | bits as u8;
    if let Some(next) = registers.get_mut(byte + 1) {
        *next = *next & !((mask >> 8) as u8) | (bits >> 8) as u8;
    }
    true
}

/// MurmurHash64A (Appleby, public domain), with the seed that Redis gives it.
fn murmur(data: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xadc8_3b19;
    let mut hash = SEED ^ (data.len() as u64).wrapping_mul(M);
    let (words, rest) = data.as_chunks::<8>();
    for word in words {
        let k = u64::from_le_bytes(*word).wrapping_mul(M);
        hash = (hash ^ (k ^ k >> 47).wrapping_mul(M)).wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, &byte| tail << 8 | u64::from(byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_near_in_both_forms() {
        let mut hll = Hll::new();
        for n in 0..100_000_u64 {
            hll.add(n.to_string().as_bytes()).unwrap();
            if [100, 1000, 10_000, 99_999].contains(&n) {
                let mut registers = Registers::new();
                registers.merge(&hll.0).unwrap();
                let error = (registers.count() as f64 / (n + 1) as f64 - 1.0).abs();
                assert!(error < 0.03, "{n}: {error}");
            }
        }
        assert!(Hll::is_dense(&hll.0) && hll.0.len() == DENSE_LEN);
    }

    #[test]
    fn nonsense_behind_a_good_head_is_found_out() {
        let good = Hll::new().into_bytes();
        for bad in [&good[..HEAD], &good[..HEAD + 1], &[&good[..], &[0]].concat()] {
            assert!(Hll::is_valid(bad));
            assert!(Registers::new().merge(bad).is_none());
        }
        assert!(!Hll::is_valid(&good[..HEAD - 1]) && !Hll::is_valid(b"HYLL\x02___________________"));
    }
}
