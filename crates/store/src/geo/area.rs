//! A shape on the earth, and the cells of the grid that cover it: the one of its middle and its neighbours.

use super::{Angle, Cell, EARTH_RADIUS, LATITUDE_MAX, Point, STEP_MAX};

/// What a search looks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Area {
    /// The middle.
    pub centre: Point,
    /// What is around it.
    pub shape: Shape,
    /// Metres in the unit of its measures.
    pub unit: f64,
}

/// The measures, in the unit of the area.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// A circle.
    Circle {
        /// From the middle.
        radius: f64,
    },
    /// A rectangle along the parallels.
    Rectangle {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

impl Area {
    /// How far from the middle the place of a score is, in metres; `None` if it is outside.
    pub fn distance(&self, place: Point) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                Some(self.centre.distance(place)).filter(|&distance| distance <= radius * self.unit)
            }
            Shape::Rectangle { width, height } => {
                if place.distance_in_latitude(self.centre) > height * self.unit / 2.0 {
                    return None;
                }
                let beside = Point { longitude: self.centre.longitude, latitude: place.latitude };
                (place.distance(beside) <= width * self.unit / 2.0).then(|| self.centre.distance(place))
            }
        }
    }

    /// The ranges of scores in which all its places are, in the order in which Redis looks at them.
    pub fn score_ranges(&self) -> Vec<(f64, f64)> {
        let bounds = self.bounds();
        let mut step = self.step();
        let mut cell = Cell::of(self.centre, step, LATITUDE_MAX);
        let reaches = |east: i64, north: i64| cell.neighbour(east, north).rectangle();
        let is_covered = reaches(0, 1).north >= bounds.north
            && reaches(0, -1).south <= bounds.south
            && reaches(1, 0).east >= bounds.east
            && reaches(-1, 0).west <= bounds.west;
        if step > 1 && !is_covered {
            step -= 1;
            cell = Cell::of(self.centre, step, LATITUDE_MAX);
        }
        let own = cell.rectangle();
        let is_needed = |east: i64, north: i64| {
            step < 2
                || !(north < 0 && own.south < bounds.south
                    || north > 0 && own.north > bounds.north
                    || east < 0 && own.west < bounds.west
                    || east > 0 && own.east > bounds.east)
        };
        const ORDER: [(i64, i64); 9] = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let needed = ORDER.into_iter().filter(|&(east, north)| is_needed(east, north));
        let mut cells: Vec<Cell> = needed.map(|(east, north)| cell.neighbour(east, north)).collect();
        // With a very great area neighbours are the same cell.
        let first = cells[0];
        let mut last = first;
        let mut at = 0;
        cells.retain(|&cell| {
            at += 1;
            let again = at > 2 && cell == last;
            last = cell;
            !again
        });
        cells.into_iter().map(Cell::scores).collect()
    }

    /// The rectangle around it, in degrees.
    fn bounds(&self) -> super::Rectangle {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (self.unit * radius, self.unit * radius),
            Shape::Rectangle { width, height } => (self.unit * (width / 2.0), self.unit * (height / 2.0)),
        };
        let Point { longitude, latitude } = self.centre;
        let north = (height / EARTH_RADIUS).to_degrees_as_c();
        let towards = if latitude < 0.0 { latitude - north } else { latitude + north };
        let east = (width / EARTH_RADIUS / towards.to_radians_as_c().cos()).to_degrees_as_c();
        super::Rectangle {
            west: longitude - east,
            east: longitude + east,
            south: latitude - north,
            north: latitude + north,
        }
    }

    /// The steps of a grid whose cells are about as great as the area.
    fn step(&self) -> u32 {
        /// The half of the equator in the Mercator projection, in metres.
        const MERCATOR_MAX: f64 = 20_037_726.37;
        let mut range = self.unit
            * match self.shape {
                Shape::Circle { radius } => radius,
                Shape::Rectangle { width, height } => {
                    ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
                }
            };
        if range == 0.0 {
            return STEP_MAX;
        }
        let mut step = 1_i32;
        while range < MERCATOR_MAX {
            range *= 2.0;
            step += 1;
        }
        // Towards the poles cells are narrow.
        let latitude = self.centre.latitude.abs();
        step -= 2 + i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        step.clamp(1, STEP_MAX as i32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn places_in_the_area_are_in_its_ranges(
            (x, y) in (-170.0..170.0, -70.0..70.0),
            (dx, dy) in (-1.0..1.0, -1.0..1.0),
            radius in 1.0..300_000.0,
            round in any::<bool>(),
        ) {
            let centre = Point::new(x, y).unwrap();
            let shape = match round {
                true => Shape::Circle { radius },
                false => Shape::Rectangle { width: radius, height: 2.0 * radius },
            };
            let area = Area { centre, shape, unit: 1.0 };
            let degrees = radius / 80_000.0;
            let Some(place) = Point::new(x + dx * degrees, y + dy * degrees) else { return Ok(()) };
            let score = place.score() as f64;
            let is_found = area.score_ranges().iter().any(|&(min, max)| min <= score && score < max);
            prop_assert!(is_found || area.distance(Point::of_score(score)).is_none());
        }
    }
}
