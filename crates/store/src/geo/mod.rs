//! Places on the earth as scores of a sorted set, as Redis keeps them: 52 bits in which longitude and latitude are
//! interleaved, so that what is near is, as a rule, near in the order of scores too.
//!
//! * here: coordinates, their cells, distances
//! * `area`: the few cells that a search has to look at
//!
//! The arithmetic is done in Redis' order, step by step, so that coordinates and distances are the same to the last bit.

pub mod area;

/// The mean radius of the earth that Redis calculates with, in metres.
const EARTH_RADIUS: f64 = 6_372_797.560856;
const LONGITUDE_MAX: f64 = 180.0;
/// Where the Mercator projection ends.
const LATITUDE_MAX: f64 = 85.05112878;
/// Bits of each coordinate in a score.
const STEP_MAX: u32 = 26;

/// A place, in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

impl Point {
    /// A place that can be kept; `None` beyond the limits.
    pub fn new(longitude: f64, latitude: f64) -> Option<Point> {
        let is_valid = longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX;
        is_valid.then_some(Point { longitude, latitude })
    }

    /// The middle of the cell that a score stands for.
    pub fn of_score(score: f64) -> Point {
        let rectangle = Cell { bits: score as u64, step: STEP_MAX }.rectangle();
        let middle = |min: f64, max: f64, limit: f64| ((min + max) / 2.0).clamp(-limit, limit);
        Point {
            longitude: middle(rectangle.west, rectangle.east, LONGITUDE_MAX),
            latitude: middle(rectangle.south, rectangle.north, LATITUDE_MAX),
        }
    }

    /// The score of the place.
    pub fn score(self) -> u64 {
        Cell::of(self, STEP_MAX, LATITUDE_MAX).bits
    }

    /// The eleven letters of the usual geohash, which reaches to the poles.
    pub fn geohash(self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::of(self, STEP_MAX, 90.0).bits;
        // 52 bits are ten letters; the eleventh is always the first of the alphabet.
        let letters = (1..=10).map(|n| ALPHABET[(bits >> (52 - 5 * n) & 31) as usize]).chain([ALPHABET[0]]);
        letters.map(char::from).collect()
    }

    /// The distance in metres, on a sphere.
    pub fn distance(self, other: Point) -> f64 {
        let v = ((other.longitude.to_radians_as_c() - self.longitude.to_radians_as_c()) / 2.0).sin();
        if v == 0.0 {
            return self.distance_in_latitude(other);
        }
        let (a, b) = (self.latitude.to_radians_as_c(), other.latitude.to_radians_as_c());
        let u = ((b - a) / 2.0).sin();
        let square = u * u + a.cos() * b.cos() * v * v;
        2.0 * EARTH_RADIUS * square.sqrt().asin()
    }

    /// The distance of the parallels in metres.
    pub fn distance_in_latitude(self, other: Point) -> f64 {
        EARTH_RADIUS * (other.latitude.to_radians_as_c() - self.latitude.to_radians_as_c()).abs()
    }
}

/// Degrees and radians as Redis converts them.
trait Angle {
    fn to_radians_as_c(self) -> f64;
    fn to_degrees_as_c(self) -> f64;
}

const RADIANS: f64 = std::f64::consts::PI / 180.0;

impl Angle for f64 {
    fn to_radians_as_c(self) -> f64 {
        self * RADIANS
    }

    fn to_degrees_as_c(self) -> f64 {
        self / RADIANS
    }
}

/// A cell of the grid of so many steps: as many bits of each coordinate, interleaved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    bits: u64,
    step: u32,
}

/// The ends of a cell, in degrees.
#[derive(Clone, Copy, Debug)]
struct Rectangle {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

/// The bits of the longitude and of the latitude.
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

impl Cell {
    fn of(point: Point, step: u32, latitude_max: f64) -> Cell {
        let part = |value: f64, max: f64| ((value + max) / (max + max) * (1_u64 << step) as f64) as u32;
        let (x, y) = (part(point.latitude, latitude_max), part(point.longitude, LONGITUDE_MAX));
        Cell { bits: spread(x) | spread(y) << 1, step }
    }

    fn rectangle(self) -> Rectangle {
        let cells = (1_u64 << self.step) as f64;
        let end = |at: u32, more: f64, max: f64| -max + (f64::from(at) + more) / cells * (max + max);
        let (x, y) = (gather(self.bits), gather(self.bits >> 1));
        Rectangle {
            west: end(y, 0.0, LONGITUDE_MAX),
            east: end(y, 1.0, LONGITUDE_MAX),
            south: end(x, 0.0, LATITUDE_MAX),
            north: end(x, 1.0, LATITUDE_MAX),
        }
    }

    /// The cell so many to the east and to the north, each -1, 0 or 1; beyond an end, the one at the other end.
    fn neighbour(self, east: i64, north: i64) -> Cell {
        let unused = 64 - 2 * self.step;
        let moved = |own: u64, other: u64, by: i64| {
            let (bits, gap) = (self.bits & own, other >> unused);
            let moved = match by {
                0 => return bits,
                1 => bits.wrapping_add(gap + 1),
                _ => (bits | gap).wrapping_sub(gap + 1),
            };
            moved & own >> unused
        };
        let bits = moved(LONGITUDE_BITS, LATITUDE_BITS, east) | moved(LATITUDE_BITS, LONGITUDE_BITS, north);
        Cell { bits, step: self.step }
    }

    /// The scores of all places in it, from the first up to one that is not.
    fn scores(self) -> (f64, f64) {
        let align = |bits: u64| (bits << (2 * (STEP_MAX - self.step))) as f64;
        (align(self.bits), align(self.bits + 1))
    }
}

/// Puts a zero before each bit.
fn spread(value: u32) -> u64 {
    const STEPS: [(u32, u64); 5] = [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, LATITUDE_BITS),
    ];
    STEPS.iter().fold(u64::from(value), |bits, (shift, mask)| (bits | bits << shift) & mask)
}

/// Takes every second bit.
fn gather(bits: u64) -> u32 {
    (0..32).fold(0, |value, at| value | ((bits >> (2 * at) & 1) as u32) << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_come_back_from_a_score_to_within_a_metre() {
        for (longitude, latitude) in [(13.361389, 38.115556), (-180.0, -85.05112878), (0.0, 0.0), (179.9999, 85.0)] {
            let point = Point::new(longitude, latitude).unwrap();
            assert!(Point::of_score(point.score() as f64).distance(point) < 1.0);
        }
        assert_eq!((Point::new(180.1, 0.0), Point::new(0.0, 85.06), Point::new(f64::NAN, 0.0)), (None, None, None));
    }

    #[test]
    fn a_known_place_has_its_score_hash_and_distance() {
        let [palermo, catania] =
            [(13.361389, 38.115556), (15.087269, 37.502669)].map(|(x, y)| Point::new(x, y).unwrap());
        assert_eq!(palermo.score(), 3_479_099_956_230_698);
        assert_eq!(Point::of_score(palermo.score() as f64).geohash(), "sqc8b49rny0");
        let [a, b] = [palermo, catania].map(|point| Point::of_score(point.score() as f64));
        assert_eq!(format!("{:.4}", a.distance(b)), "166274.1516");
    }

    #[test]
    fn neighbours_lie_side_by_side() {
        let cell = Cell::of(Point::new(10.0, 50.0).unwrap(), 10, LATITUDE_MAX);
        let (own, east, north) = (cell.rectangle(), cell.neighbour(1, 0).rectangle(), cell.neighbour(0, 1).rectangle());
        assert_eq!((own.east, own.north), (east.west, north.south));
        assert_eq!(cell.neighbour(-1, -1).neighbour(1, 1), cell);
    }
}
