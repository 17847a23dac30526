//! Coordinates, units, and the search that six commands do.

use crate::commands::args::{int, is, size};
use crate::commands::{Outcome, zset};
use crate::db::txn::Txn;
use crate::errors;
use crate::geo::Point;
use crate::geo::area::{Area, Shape};
use crate::number::parse_double;
use crate::types::Zset;
use crate::types::zset::{Edge, ScoreBound};
use bytes::Bytes;
use model::{Error, Reply};

/// A longitude and a latitude.
pub fn point(args: &[Bytes]) -> Result<Point, Error> {
    let number = |arg: &[u8]| parse_double(arg).ok_or(errors::NOT_A_FLOAT);
    let (x, y) = (number(&args[0])?, number(&args[1])?);
    Point::new(x, y).ok_or_else(|| errors::custom(format!("invalid longitude,latitude pair {x:.6},{y:.6}")))
}

/// How many metres a unit has.
pub fn unit(name: &[u8]) -> Result<f64, Error> {
    const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let found = UNITS.iter().find(|(unit, _)| is(name, unit)).map(|(_, metres)| *metres);
    found.ok_or_else(|| errors::custom("unsupported unit provided. please use M, KM, FT, MI"))
}

/// Where a member is.
pub fn place(zset: &Zset, member: &[u8]) -> Option<Point> {
    zset.score(member).map(Point::of_score)
}

/// A distance as Redis writes it.
pub fn distance_text(distance: f64) -> Reply {
    Reply::bulk(format!("{distance:.4}"))
}

/// Longitude and latitude, with the 17 decimals that Redis gives.
pub fn coordinates(place: Point) -> Reply {
    let rounded = |degrees: f64| Reply::Double(format!("{degrees:.17}").parse().unwrap_or(degrees));
    Reply::Array(vec![rounded(place.longitude), rounded(place.latitude)])
}

/// Which command's arguments these are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `key longitude latitude radius unit …`
    Radius,
    /// `key member radius unit …`
    RadiusByMember,
    /// `key …`, all else by options.
    Search,
    /// `destination key …`
    SearchStore,
}

/// Answers a search that stores nothing.
pub fn search(txn: &Txn<'_>, args: &[Bytes], form: Form) -> Outcome {
    let zset = txn.read::<Zset>(&args[0])?;
    let query = Query::parse(args, form, zset, false)?;
    let (Some(zset), Some(area)) = (zset, query.area) else { return Ok(Reply::Array(Vec::new())) };
    let found = query.find(zset, &area);
    Ok(Reply::Array(txn.room().gather(found.into_iter().map(|found| query.reply(found, area.unit)))?))
}

/// Answers a search, or stores what it found if it says so.
pub fn search_or_store(txn: &mut Txn<'_>, args: &[Bytes], form: Form) -> Outcome {
    let source = &args[usize::from(form == Form::SearchStore)];
    let zset = txn.read::<Zset>(source)?;
    let query = Query::parse(args, form, zset, true)?;
    let found = match (zset, query.area) {
        (Some(zset), Some(area)) => query.find(zset, &area),
        _ => Vec::new(),
    };
    let metres = query.area.map_or(1.0, |area| area.unit);
    let Some((destination, with_distance)) = query.store else {
        return Ok(Reply::Array(txn.room().gather(found.into_iter().map(|found| query.reply(found, metres)))?));
    };
    if found.is_empty() {
        txn.remove(destination);
        return Ok(size(0));
    }
    let mut result = Zset::new(txn.seed());
    for found in found {
        result.insert(found.member, if with_distance { found.distance / metres } else { found.score });
    }
    Ok(zset::shared::store(txn, destination, result))
}

/// A member that was found.
struct Found<'a> {
    member: &'a [u8],
    score: f64,
    place: Point,
    /// From the middle, in metres.
    distance: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Nearest,
    Farthest,
}

#[derive(Default)]
struct Query<'a> {
    centre: Option<Point>,
    shape: Option<(Shape, f64)>,
    /// What to search; `None` if there is no key to search in.
    area: Option<Area>,
    with_distance: bool,
    with_score: bool,
    with_place: bool,
    /// How many at most; 0: all.
    count: usize,
    /// Any so many of them, not the nearest.
    any: bool,
    order: Option<Order>,
    /// Where to store what was found, and whether with the distances as scores.
    store: Option<(&'a Bytes, bool)>,
}

impl<'a> Query<'a> {
    fn parse(args: &'a [Bytes], form: Form, zset: Option<&Zset>, stores: bool) -> Result<Query<'a>, Error> {
        let mut query = Query::default();
        let options = match form {
            Form::Radius => {
                query.centre = Some(point(&args[1..3])?);
                query.shape = Some(circle(&args[3..5])?);
                5
            }
            Form::RadiusByMember => {
                if let Some(zset) = zset {
                    query.centre = Some(member_place(zset, &args[1])?);
                    query.shape = Some(circle(&args[2..4])?);
                }
                4
            }
            Form::Search => 1,
            Form::SearchStore => {
                query.store = Some((&args[0], false));
                2
            }
        };
        query.parse_options(&args[options..], form, zset, stores)?;
        query.area = query.centre.zip(query.shape).map(|(centre, (shape, unit))| Area { centre, shape, unit });
        Ok(query)
    }

    fn parse_options(&mut self, args: &'a [Bytes], form: Form, zset: Option<&Zset>, stores: bool) -> Result<(), Error> {
        let searches = matches!(form, Form::Search | Form::SearchStore);
        let (mut by_member, mut by_place, mut by_radius, mut by_box) = (false, false, false, false);
        let mut rest = args;
        while let Some((option, after)) = rest.split_first() {
            let mut taken = 0;
            match option {
                o if is(o, "WITHDIST") => self.with_distance = true,
                o if is(o, "WITHHASH") => self.with_score = true,
                o if is(o, "WITHCOORD") => self.with_place = true,
                o if is(o, "ANY") => self.any = true,
                o if is(o, "ASC") => self.order = Some(Order::Nearest),
                o if is(o, "DESC") => self.order = Some(Order::Farthest),
                o if is(o, "COUNT") && !after.is_empty() => {
                    let count = usize::try_from(int(&after[0])?).ok().filter(|&count| count > 0);
                    self.count = count.ok_or_else(|| errors::custom("COUNT must be > 0"))?;
                    taken = 1;
                }
                o if is(o, "STORE") && !after.is_empty() && stores && !searches => {
                    self.store = Some((&after[0], false));
                    taken = 1;
                }
                o if is(o, "STOREDIST") && !after.is_empty() && stores && !searches => {
                    self.store = Some((&after[0], true));
                    taken = 1;
                }
                o if is(o, "STOREDIST") && form == Form::SearchStore => {
                    self.store = self.store.map(|(key, _)| (key, true));
                }
                o if is(o, "FROMMEMBER") && !after.is_empty() && searches && !by_place => {
                    if let Some(zset) = zset {
                        self.centre = Some(member_place(zset, &after[0])?);
                    }
                    (by_member, taken) = (true, 1);
                }
                o if is(o, "FROMLONLAT") && after.len() >= 2 && searches && !by_member => {
                    self.centre = Some(point(&after[..2])?);
                    (by_place, taken) = (true, 2);
                }
                o if is(o, "BYRADIUS") && after.len() >= 2 && searches && !by_box => {
                    self.shape = Some(circle(&after[..2])?);
                    (by_radius, taken) = (true, 2);
                }
                o if is(o, "BYBOX") && after.len() >= 3 && searches && !by_radius => {
                    self.shape = Some(rectangle(&after[..3])?);
                    (by_box, taken) = (true, 3);
                }
                _ => return Err(errors::SYNTAX),
            }
            rest = &after[taken..];
        }
        let name = if form == Form::SearchStore { "GEOSEARCHSTORE" } else { "GEOSEARCH" };
        if self.store.is_some() && (self.with_distance || self.with_score || self.with_place) {
            let who = if searches { name } else { "STORE option in GEORADIUS" };
            let message = format!("{who} is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
            return Err(errors::custom(message));
        }
        if searches && !by_member && !by_place {
            let message = format!("exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}");
            return Err(errors::custom(message));
        }
        if searches && !by_radius && !by_box {
            return Err(errors::custom(format!("exactly one of BYRADIUS and BYBOX can be specified for {name}")));
        }
        if self.any && self.count == 0 {
            return Err(errors::custom("the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// The members in the area, in the order asked for, and no more of them.
    fn find<'z>(&self, zset: &'z Zset, area: &Area) -> Vec<Found<'z>> {
        let enough = if self.any { self.count } else { usize::MAX };
        let mut found = Vec::new();
        for (min, max) in area.score_ranges() {
            let min = ScoreBound { score: min, edge: Edge::Inclusive };
            let max = ScoreBound { score: max, edge: Edge::Exclusive };
            for (member, score) in zset.range(zset.ranks_by_score(min, max)) {
                if found.len() >= enough {
                    break;
                }
                let place = Point::of_score(score);
                let distance = area.distance(place);
                found.extend(distance.map(|distance| Found { member, score, place, distance }));
            }
        }
        // So many, and not any: the nearest.
        let order = self.order.or((self.count > 0 && !self.any).then_some(Order::Nearest));
        match order {
            Some(Order::Nearest) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
            Some(Order::Farthest) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
            None => {}
        }
        if self.count > 0 {
            found.truncate(self.count);
        }
        found
    }

    fn reply(&self, found: Found<'_>, metres: f64) -> Reply {
        let member = Reply::bulk(found.member);
        if !self.with_distance && !self.with_score && !self.with_place {
            return member;
        }
        let mut parts = vec![member];
        if self.with_distance {
            parts.push(distance_text(found.distance / metres));
        }
        if self.with_score {
            parts.push(Reply::Int(found.score as i64));
        }
        if self.with_place {
            parts.push(coordinates(found.place));
        }
        Reply::Array(parts)
    }
}

fn member_place(zset: &Zset, member: &[u8]) -> Result<Point, Error> {
    place(zset, member).ok_or_else(|| errors::custom("could not decode requested zset member"))
}

/// `radius unit`
fn circle(args: &[Bytes]) -> Result<(Shape, f64), Error> {
    let radius = parse_double(&args[0]).ok_or_else(|| errors::custom("need numeric radius"))?;
    if radius < 0.0 {
        return Err(errors::custom("radius cannot be negative"));
    }
    Ok((Shape::Circle { radius }, unit(&args[1])?))
}

/// `width height unit`
fn rectangle(args: &[Bytes]) -> Result<(Shape, f64), Error> {
    let width = parse_double(&args[0]).ok_or_else(|| errors::custom("need numeric width"))?;
    let height = parse_double(&args[1]).ok_or_else(|| errors::custom("need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(errors::custom("height or width cannot be negative"));
    }
    Ok((Shape::Rectangle { width, height }, unit(&args[2])?))
}
