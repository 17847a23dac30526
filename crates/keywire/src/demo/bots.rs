//! Players that are no people: each flies to the nearest gem that no other bot is after.

use super::arena::{HEIGHT, WIDTH};
use crate::words::{command, command_with};
use model::Args;
use serde_json::json;
use std::collections::HashMap;
use std::f64::consts::PI;

/// Names and hues.
const BOTS: [(&str, u32); 5] = [("Ada", 28), ("Boole", 190), ("Curie", 265), ("Dirac", 95), ("Euler", 330)];
/// How near is near enough to take a gem.
const REACH: f64 = 26.0;
/// How fast bots turn, in radians a second.
const TURN: f64 = 2.6;

/// All bots.
pub struct Bots {
    bots: Vec<Bot>,
    /// What lay around when they last looked.
    gems: HashMap<String, Gem>,
}

struct Bot {
    id: String,
    name: &'static str,
    hue: u32,
    x: f64,
    y: f64,
    heading: f64,
    /// Units a second: slower than a person's ship.
    speed: f64,
    target: Option<String>,
}

#[derive(Clone, Copy)]
struct Gem {
    x: f64,
    y: f64,
    worth: u32,
}

impl Bots {
    /// Bots somewhere in the arena.
    pub fn new(random: &mut fastrand::Rng) -> Bots {
        let bot = |(n, (name, hue)): (usize, &(&'static str, u32))| Bot {
            id: format!("bot:{n}"),
            name,
            hue: *hue,
            x: random.f64() * WIDTH,
            y: random.f64() * HEIGHT,
            heading: random.f64() * 2.0 * PI,
            speed: 90.0 + 11.0 * n as f64,
            target: None,
        };
        Bots { bots: BOTS.iter().enumerate().map(bot).collect(), gems: HashMap::new() }
    }

    /// The commands that tell who they are.
    pub fn join(&self) -> Vec<Args> {
        let about = |bot: &Bot| json!({ "name": bot.name, "hue": bot.hue, "bot": true }).to_string();
        self.bots.iter().map(|bot| command(&["HSET", "demo:arena:players", &bot.id, &about(bot)])).collect()
    }

    /// The commands that tell that they are here, for so many seconds.
    pub fn here(&self, seconds: &str) -> Vec<Args> {
        let key = |bot: &Bot| format!("demo:arena:here:{}", bot.id);
        self.bots.iter().map(|bot| command(&["SET", &key(bot), "1", "EX", seconds])).collect()
    }

    /// The commands that put them on the board when a round begins.
    pub fn at_nought(&self) -> Vec<Args> {
        self.bots.iter().map(|bot| command(&["ZADD", "demo:arena:scores", "0", &bot.id])).collect()
    }

    /// Takes in what lies around.
    pub fn see(&mut self, gems: HashMap<String, String>) {
        let gem = |text: &str| {
            let mut parts = text.split(',');
            Some(Gem {
                x: parts.next()?.parse().ok()?,
                y: parts.next()?.parse().ok()?,
                worth: parts.next()?.parse().ok()?,
            })
        };
        self.gems = gems.into_iter().filter_map(|(id, text)| Some((id, gem(&text)?))).collect();
    }

    /// Moves them for so many seconds, and gives the command that writes all their positions.
    pub fn fly(&mut self, seconds: f64) -> Args {
        let mut positions = Vec::with_capacity(self.bots.len());
        for at in 0..self.bots.len() {
            let target = self.target(at);
            let bot = &mut self.bots[at];
            if let Some(gem) = target.as_ref().and_then(|id| self.gems.get(id)) {
                bot.steer(gem, seconds);
            }
            bot.target = target;
            positions.push((bot.id.clone(), format!("{:.0},{:.0},{:.2}", bot.x, bot.y, bot.heading)));
        }
        command_with(&["HSET", "demo:arena:positions"], positions)
    }

    /// Which bots have reached their gems: bot and gem. Each is told once.
    pub fn claims(&mut self) -> Vec<(&str, String)> {
        let mut claims = Vec::new();
        for bot in &mut self.bots {
            let near = |gem: &Gem| (gem.x - bot.x).hypot(gem.y - bot.y) < REACH;
            let Some(id) = bot.target.take_if(|id| self.gems.get(id).is_some_and(near)) else { continue };
            self.gems.remove(&id);
            claims.push((bot.id.as_str(), id));
        }
        claims
    }

    /// The gem this bot is after: the one it had, else the nearest that is free. Dear ones are nearer than they are.
    fn target(&self, at: usize) -> Option<String> {
        let bot = &self.bots[at];
        if let Some(id) = bot.target.as_ref().filter(|id| self.gems.contains_key(*id)) {
            return Some(id.clone());
        }
        let is_free = |id: &String| self.bots.iter().all(|other| other.target.as_ref() != Some(id));
        let cost = |gem: &Gem| (gem.x - bot.x).hypot(gem.y - bot.y) - 60.0 * f64::from(gem.worth);
        let free = self.gems.iter().filter(|(id, _)| is_free(id));
        free.min_by(|a, b| cost(a.1).total_cmp(&cost(b.1))).map(|(id, _)| id.clone())
    }
}

impl Bot {
    fn steer(&mut self, gem: &Gem, seconds: f64) {
        let wanted = (gem.y - self.y).atan2(gem.x - self.x);
        let off = (wanted - self.heading + 3.0 * PI).rem_euclid(2.0 * PI) - PI;
        self.heading = (self.heading + off.clamp(-TURN * seconds, TURN * seconds)).rem_euclid(2.0 * PI);
        // Slower in sharp turns, or a bot could circle around its gem for ever.
        let speed = self.speed * (1.0 - 0.85 * (off.abs() / PI).sqrt());
        self.x = (self.x + self.heading.cos() * speed * seconds).clamp(0.0, WIDTH);
        self.y = (self.y + self.heading.sin() * speed * seconds).clamp(0.0, HEIGHT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gem_is_reached_once_and_nobody_leaves_the_arena() {
        let mut bots = Bots::new(&mut fastrand::Rng::with_seed(3));
        let gem = |n: u32| (n.to_string(), format!("{},{},1", (n * 397) % 1600, (n * 211) % 900));
        bots.see((0..20).map(gem).collect());
        let mut taken = Vec::new();
        for _ in 0..20 * 120 {
            bots.fly(0.05);
            taken.extend(bots.claims().into_iter().map(|(_, gem)| gem));
            assert!(bots.bots.iter().all(|bot| (0.0..=WIDTH).contains(&bot.x) && (0.0..=HEIGHT).contains(&bot.y)));
        }
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), 20, "all gems, each once");
    }

    #[test]
    fn what_is_no_gem_is_not_seen() {
        let mut bots = Bots::new(&mut fastrand::Rng::with_seed(3));
        bots.see([("a", "1,2,3"), ("b", "x"), ("c", "")].map(|(id, gem)| (id.to_owned(), gem.to_owned())).into());
        assert_eq!(bots.gems.len(), 1);
        assert_eq!(bots.fly(0.05).len(), 2 + 2 * BOTS.len());
    }
}
