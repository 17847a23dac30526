//! One order book: bids and asks, each a sorted set of orders by price. A member is an order, `NUMBER:SHARES`.

use crate::words::command;
use model::Args;

/// Orders on one side.
const ORDERS: usize = 48;
/// Orders that come and go on each side in one tick.
const CHANGES: usize = 3;
/// The least difference of prices.
const STEP: f64 = 0.05;

/// An order book.
pub struct Book {
    /// The key of the bids, and the key of the asks.
    keys: [String; 2],
    /// The members and prices of the bids, and of the asks.
    orders: [Vec<(String, f64)>; 2],
    numbered: u64,
}

impl Book {
    /// A full book around `price`, and the commands that write it.
    pub fn open(symbol: &str, price: f64, random: &mut fastrand::Rng) -> (Book, Vec<Args>) {
        let keys = ["bids", "asks"].map(|side| format!("demo:quotes:book:{symbol}:{side}"));
        let mut book = Book { keys, orders: [Vec::new(), Vec::new()], numbered: 0 };
        let mut commands = vec![book.end()];
        for side in 0..2 {
            commands.extend((0..ORDERS).map(|_| book.add(side, price, random)).collect::<Vec<_>>());
        }
        (book, commands)
    }

    /// Some orders come and go: those go first that the price has passed.
    pub fn tick(&mut self, price: f64, random: &mut fastrand::Rng) -> Vec<Args> {
        let mut commands = Vec::new();
        for side in 0..2 {
            let is_passed = |at: &f64| if side == 0 { *at >= price } else { *at <= price };
            let mut gone: Vec<(String, f64)> = self.orders[side].extract_if(.., |(_, at)| is_passed(at)).collect();
            while gone.len() < CHANGES && !self.orders[side].is_empty() {
                let at = random.usize(..self.orders[side].len());
                gone.push(self.orders[side].swap_remove(at));
            }
            commands.extend(gone.iter().map(|(order, _)| command(&["ZREM", &self.keys[side], order])));
            while self.orders[side].len() < ORDERS {
                let added = self.add(side, price, random);
                commands.push(added);
            }
        }
        commands
    }

    /// The command that takes the book away.
    pub fn end(&self) -> Args {
        command(&["DEL", &self.keys[0], &self.keys[1]])
    }

    fn add(&mut self, side: usize, price: f64, random: &mut fastrand::Rng) -> Args {
        // Near the price more than far from it.
        let away = STEP * (1.0 + (random.f64() * random.f64() * 16.0).floor());
        let at = if side == 0 { (price / STEP).ceil() * STEP - away } else { (price / STEP).floor() * STEP + away };
        let at = (at.max(0.01) * 100.0).round() / 100.0;
        self.numbered += 1;
        let order = format!("{}:{}", self.numbered, 10 * random.u32(1..60));
        let added = command(&["ZADD", &self.keys[side], &format!("{at:.2}"), &order]);
        self.orders[side].push((order, at));
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bids_are_below_the_price_and_asks_above_however_it_moves() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut book, commands) = Book::open("X", 100.0, &mut random);
        assert_eq!(commands.len(), 1 + 2 * ORDERS);
        for price in [100.0, 100.51, 103.0, 99.99, 50.0] {
            let commands = book.tick(price, &mut random);
            assert!(commands.len() >= 4 * CHANGES);
            assert!(book.orders[0].iter().all(|(_, at)| *at < price), "at {price}");
            assert!(book.orders[1].iter().all(|(_, at)| *at > price), "at {price}");
            assert_eq!(book.orders.each_ref().map(Vec::len), [ORDERS; 2]);
        }
    }
}
