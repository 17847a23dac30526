//! The arena's referee: puts gems out, gives points, ends rounds, lets go of players who left, and moves the bots. Whose
//! `HSETNX` of a claim answers 1 was first, since the store carries one command out after the other; what follows from a
//! claim is one transaction, so points are neither lost nor given twice, whatever fails in between.
//!
//! | key | what |
//! | --- | --- |
//! | `demo:arena:positions` | a hash: player → `x,y,heading`, twenty times a second while it moves |
//! | `demo:arena:players` | a hash: player → name and hue, as JSON |
//! | `demo:arena:here:PLAYER` | expires when the player is gone |
//! | `demo:arena:gems` | a hash: gem → `x,y,worth` |
//! | `demo:arena:claims` | a hash: gem → player, until the referee has given the points |
//! | `demo:arena:scores` | a sorted set |
//! | `demo:arena:round` | the round's number; expires at its end |
//! | `demo:arena:winners` | a list of the last rounds' winners, as JSON |

use super::bots::Bots;
use super::{ask, write, write_together};
use crate::collect::ticks;
use crate::words::{command, command_with};
use model::Args;
use runtime::LaneHandle;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// The arena's size; the page knows it too.
pub const WIDTH: f64 = 1600.0;
/// See [`WIDTH`].
pub const HEIGHT: f64 = 900.0;

/// How often the bots move.
const TICK: Duration = Duration::from_millis(50);
/// Every how many ticks the referee looks around.
const LOOK_EVERY: u64 = 10;
/// Every how many ticks the referee gives the points for what was claimed.
const SETTLE_EVERY: u64 = 2;
/// Every how many ticks the bots say that they are here, and for how long that holds, in seconds.
const HERE_EVERY: u64 = 80;
const HERE_S: &str = "10";
/// Every how many ticks the referee asks who is still here, and after how many times in vain a player is let go: ten
/// minutes.
const LEFT_EVERY: u64 = 600;
const LEFT_AFTER: u32 = 20;
/// Gems that lie around.
const GEMS: usize = 30;
/// How long a round lasts, in seconds.
const ROUND_S: &str = "120";
/// How many winners are remembered.
const WINNERS: &str = "4";

/// Runs the arena for ever.
pub async fn run(lane: LaneHandle) {
    let mut referee = Referee { lane: lane.clone(), random: fastrand::Rng::new(), numbered: 0, away: HashMap::new() };
    let mut bots = Bots::new(&mut referee.random);
    let mut ticks = ticks(TICK);
    for n in 0u64.. {
        ticks.tick().await;
        if n.is_multiple_of(HERE_EVERY) {
            // Who they are is told again and again: a store that was away, or is emptied, hears of them all the same.
            write(&lane, [bots.join(), bots.here(HERE_S)].concat()).await;
        }
        if n.is_multiple_of(LEFT_EVERY) {
            referee.let_go().await;
        }
        if n.is_multiple_of(LOOK_EVERY) {
            referee.end_round(&bots).await;
            bots.see(referee.gems().await);
        }
        let positions = bots.fly(TICK.as_secs_f64());
        write(&lane, vec![positions]).await;
        let claim = |(bot, gem): (&str, String)| command(&["HSETNX", "demo:arena:claims", &gem, bot]);
        write(&lane, bots.claims().into_iter().map(claim).collect()).await;
        if n.is_multiple_of(SETTLE_EVERY) {
            referee.settle().await;
        }
    }
}

struct Referee {
    lane: LaneHandle,
    random: fastrand::Rng,
    /// Gems put out so far.
    numbered: u64,
    /// How often in a row a player was not here.
    away: HashMap<String, u32>,
}

impl Referee {
    /// What lies around, after some was put out.
    async fn gems(&mut self) -> HashMap<String, String> {
        let answer = ask(&self.lane, &["HGETALL", "demo:arena:gems"]).await;
        let mut gems: HashMap<String, String> = serde_json::from_value(answer).unwrap_or_default();
        let new: Vec<(String, String)> = (gems.len()..GEMS).map(|_| self.gem()).collect();
        if !new.is_empty() {
            write(&self.lane, vec![command_with(&["HSET", "demo:arena:gems"], new.iter().map(|(id, gem)| (id, gem)))])
                .await;
        }
        gems.extend(new);
        gems
    }

    fn gem(&mut self) -> (String, String) {
        self.numbered += 1;
        let (x, y) = (60.0 + self.random.f64() * (WIDTH - 120.0), 60.0 + self.random.f64() * (HEIGHT - 120.0));
        let worth = if self.random.u8(..6) == 0 { 5 } else { 1 };
        (format!("{}-{:x}", self.numbered, self.random.u32(..)), format!("{x:.0},{y:.0},{worth}"))
    }

    /// Takes the gems away that were claimed, and gives the points to who was first: both or neither.
    async fn settle(&self) {
        let claims = ask(&self.lane, &["HGETALL", "demo:arena:claims"]).await;
        let claims: HashMap<String, String> = serde_json::from_value(claims).unwrap_or_default();
        for (gem, player) in claims {
            let lies = ask(&self.lane, &["HGET", "demo:arena:gems", &gem]).await;
            write_together(&self.lane, points(&gem, &player, lies.as_str())).await;
        }
    }

    /// When the round has expired: names its winner, and begins the next.
    async fn end_round(&mut self, bots: &Bots) {
        if !ask(&self.lane, &["GET", "demo:arena:round"]).await.is_null() {
            return;
        }
        let best = ask(&self.lane, &["ZRANGE", "demo:arena:scores", "0", "0", "REV", "WITHSCORES"]).await;
        let mut commands = Vec::new();
        if let (Some(player), Some(score)) = (best[0][0].as_str(), best[0][1].as_f64().filter(|score| *score > 0.0)) {
            let about = ask(&self.lane, &["HGET", "demo:arena:players", player]).await;
            let about: Value = about.as_str().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
            let winner = json!({ "name": about["name"], "hue": about["hue"], "score": score });
            commands.push(command(&["LPUSH", "demo:arena:winners", &winner.to_string()]));
            commands.push(command(&["LTRIM", "demo:arena:winners", "0", WINNERS]));
        }
        commands.push(command(&["DEL", "demo:arena:scores"]));
        commands.extend(bots.at_nought());
        let number = ask(&self.lane, &["INCR", "demo:arena:rounds"]).await;
        commands.push(command(&["SET", "demo:arena:round", &number.to_string(), "EX", ROUND_S]));
        write_together(&self.lane, commands).await;
    }

    /// Forgets the players who have not been here for a while, and their places.
    async fn let_go(&mut self) {
        let players = ask(&self.lane, &["HKEYS", "demo:arena:players"]).await;
        let players: Vec<String> = serde_json::from_value(players).unwrap_or_default();
        let mut asked = vec!["MGET".to_owned()];
        asked.extend(players.iter().map(|player| format!("demo:arena:here:{player}")));
        if players.is_empty() {
            return;
        }
        let here = ask(&self.lane, &asked).await;
        let is_away = |at: &usize| here.get(*at).is_some_and(Value::is_null);
        let away: Vec<&String> = (0..players.len()).filter(is_away).map(|at| &players[at]).collect();
        let times = |player: &String| self.away.get(player).copied().unwrap_or(0) + 1;
        self.away = away.iter().map(|player| ((*player).clone(), times(player))).collect();
        let gone: Vec<&str> = self.away.iter().filter(|(_, n)| **n >= LEFT_AFTER).map(|(p, _)| p.as_str()).collect();
        if !gone.is_empty() {
            let take = |head: [&str; 2]| -> Args { command(&[&head[..], &gone[..]].concat()) };
            let heads =
                [["HDEL", "demo:arena:positions"], ["HDEL", "demo:arena:players"], ["ZREM", "demo:arena:scores"]];
            write(&self.lane, heads.map(take).into()).await;
        }
    }
}

/// What follows from a claim. `lies`: the gem as it lies there. Somebody who has not heard yet that it is gone may claim it
/// again, and that is worth nothing.
fn points(gem: &str, player: &str, lies: Option<&str>) -> Vec<Args> {
    let mut commands = vec![command(&["HDEL", "demo:arena:claims", gem]), command(&["HDEL", "demo:arena:gems", gem])];
    let worth = lies.and_then(|gem| gem.rsplit(',').next()).filter(|worth| worth.parse::<u32>().is_ok());
    commands.extend(worth.map(|worth| command(&["ZINCRBY", "demo:arena:scores", worth, player])));
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gem_is_worth_something_once() {
        let commands = points("7-a", "ada", Some("10,20,5"));
        assert_eq!(commands.len(), 3);
        assert_eq!(commands[2], command(&["ZINCRBY", "demo:arena:scores", "5", "ada"]));
        // It is gone already, or is none: the claim goes, and nobody gets anything.
        for lies in [None, Some("10,20,x"), Some("")] {
            assert_eq!(points("7-a", "ada", lies), commands[..2], "{lies:?}");
        }
    }
}
