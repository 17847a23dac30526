//! A made-up market: prices on a random walk, into a hash of JSON documents and a ranking of the day's movers.

use super::command;
use model::Args;

/// Symbols and the prices they open at.
const SYMBOLS: [(&str, f64); 16] = [
    ("ACME", 112.4),
    ("APEX", 47.15),
    ("BOLT", 231.8),
    ("CORE", 18.92),
    ("DELT", 76.3),
    ("ECHO", 154.0),
    ("FLUX", 9.87),
    ("GRID", 63.55),
    ("HALO", 301.2),
    ("IRIS", 88.64),
    ("JADE", 27.4),
    ("KITE", 140.75),
    ("LUMA", 52.1),
    ("MESA", 33.33),
    ("NOVA", 419.9),
    ("ORCA", 71.05),
];
/// How many prices move in one tick.
const MOVES: usize = 5;

/// The market.
pub struct Market {
    quotes: Vec<Quote>,
    random: fastrand::Rng,
}

struct Quote {
    symbol: &'static str,
    opened: f64,
    price: f64,
    volume: u64,
}

impl Market {
    /// All prices where they open.
    pub fn open() -> Market {
        let quote = |(symbol, price)| Quote { symbol, opened: price, price, volume: 0 };
        Market { quotes: SYMBOLS.map(quote).into(), random: fastrand::Rng::new() }
    }

    /// The commands that write every quote.
    pub fn all(&self) -> Vec<Args> {
        self.quotes.iter().flat_map(Quote::write).collect()
    }

    /// Moves some prices, and gives the commands that write them.
    pub fn tick(&mut self) -> Vec<Args> {
        let mut commands = Vec::with_capacity(2 * MOVES);
        for _ in 0..MOVES {
            let at = self.random.usize(..self.quotes.len());
            let (step, shares) = (self.random.f64() - 0.5, self.random.u64(1..500));
            let quote = &mut self.quotes[at];
            // At most half a per cent at a time, drawn back towards where it opened.
            let drift = (quote.opened - quote.price) / quote.opened * 0.02;
            quote.price = (quote.price * (1.0 + step * 0.01 + drift)).max(0.01);
            quote.volume += shares;
            commands.extend(quote.write());
        }
        commands
    }
}

impl Quote {
    fn write(&self) -> [Args; 2] {
        let change = format!("{:.2}", (self.price / self.opened - 1.0) * 100.0);
        let json = format!(r#"{{"price":{:.2},"change":{change},"volume":{}}}"#, self.price, self.volume);
        [command(&["HSET", "demo:quotes", self.symbol, &json]), command(&["ZADD", "demo:movers", &change, self.symbol])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_json_and_stay_near_where_they_opened() {
        let mut market = Market::open();
        for _ in 0..1000 {
            for command in market.tick().iter().filter(|c| c[0] == "HSET") {
                let quote: serde_json::Value = serde_json::from_slice(&command[3]).unwrap();
                assert!(quote["price"].as_f64().unwrap() > 0.0 && quote["change"].as_f64().unwrap().abs() < 60.0);
            }
        }
    }
}
