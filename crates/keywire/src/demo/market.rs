//! A made-up market: 500 prices on a random walk, 2,000 of them moving in every second, each by a command of its own.
//!
//! | key | what |
//! | --- | --- |
//! | `demo:quotes` | a hash: symbol → price, change of the day in per cent and volume, as JSON |
//! | `demo:quotes:names` | a hash: symbol → company |
//! | `demo:quotes:closes` | a stream: all prices every three seconds, in the order of the symbols, for small charts |
//! | `demo:quotes:wanted:SYMBOL` | set by whoever looks at an order book, and expires when nobody does any more |
//! | `demo:quotes:book:SYMBOL:bids` · `:asks` | sorted sets: orders by price, while somebody looks |

use super::book::Book;
use super::{names, run_commands, write};
use crate::collect::ticks;
use crate::words::{command, command_with};
use model::Args;
use runtime::LaneHandle;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// How often some of the prices move, and how many in a second.
const TICK: Duration = Duration::from_millis(25);
const MOVES_PER_S: f64 = 2000.0;
/// How many prices move at once at most, after a tick that came late.
const MOVES_MAX: f64 = 400.0;
/// Every how many ticks all prices are noted.
const CLOSE_EVERY: u64 = 120;
/// How many such notes are kept: two minutes.
const CLOSES: usize = 40;
/// Every how many ticks the order books change, and every how many the market asks which are looked at.
const BOOKS_EVERY: u64 = 4;
const WANTED_EVERY: u64 = 16;
/// How many order books are kept at a time.
const BOOKS_MAX: usize = 20;

/// Runs the market for ever.
pub async fn run(lane: LaneHandle) {
    let mut market = Market::open(fastrand::Rng::new());
    let mut books = BTreeMap::new();
    let (mut ticks, mut last) = (ticks(TICK), Instant::now());
    for n in 1u64.. {
        ticks.tick().await;
        let moves = last.elapsed().as_secs_f64() * MOVES_PER_S;
        last = Instant::now();
        let mut commands = market.tick(moves.min(MOVES_MAX).round() as usize);
        if n.is_multiple_of(CLOSE_EVERY) {
            commands.push(market.close());
        }
        if n % WANTED_EVERY == 1 {
            let asked = vec![market.wanted(), command(&["EXISTS", "demo:quotes:names"])];
            if let [wanted, is_open] = &run_commands(&lane, asked).await[..] {
                commands.extend(market.open_books(wanted, &mut books));
                // At the beginning, and where the store was emptied meanwhile; not where it is away.
                if *is_open == 0 {
                    commands.extend(market.opening());
                }
            }
        }
        if n.is_multiple_of(BOOKS_EVERY) {
            for (at, book) in &mut books {
                commands.extend(book.tick(market.quotes[*at].price, &mut market.random));
            }
        }
        write(&lane, commands).await;
    }
}

/// The market.
struct Market {
    quotes: Vec<Quote>,
    random: fastrand::Rng,
    /// What the opening writes to the stream of closes.
    past: Vec<String>,
}

struct Quote {
    symbol: String,
    name: String,
    opened: f64,
    price: f64,
    volume: u64,
}

impl Market {
    /// A market that has been open for as long as its small charts show.
    fn open(mut random: fastrand::Rng) -> Market {
        let quote = |(symbol, name)| {
            let opened = (4.0 + 400.0 * random.f64().powi(2)).round() + 0.25 * f64::from(random.u8(..4));
            Quote { symbol, name, opened, price: opened, volume: 0 }
        };
        let quotes = names::companies().into_iter().map(quote).collect();
        let mut market = Market { quotes, random, past: Vec::new() };
        for _ in 0..CLOSES {
            for _ in 0..(TICK.as_secs_f64() * CLOSE_EVERY as f64 * MOVES_PER_S) as usize {
                market.step();
            }
            market.past.push(market.prices());
        }
        market
    }

    /// What stands in the store when the market opens.
    fn opening(&self) -> Vec<Args> {
        let names = self.quotes.iter().map(|quote| (&quote.symbol, &quote.name));
        let names = command_with(&["HSET", "demo:quotes:names"], names);
        let mut commands = vec![command(&["DEL", "demo:quotes:closes"])];
        commands.extend(self.past.iter().map(|prices| close(prices)));
        commands.extend(self.quotes.iter().map(Quote::write));
        // Last, since they say that the rest is there.
        commands.push(names);
        commands
    }

    /// Moves some prices, and gives the commands that write them.
    fn tick(&mut self, moves: usize) -> Vec<Args> {
        let mut moved = || {
            let at = self.step();
            self.quotes[at].write()
        };
        (0..moves).map(|_| moved()).collect()
    }

    /// Moves one price and tells whose.
    fn step(&mut self) -> usize {
        // Some are traded more than others.
        let at = (self.random.f64().powf(1.5) * self.quotes.len() as f64) as usize;
        // Spread over the alphabet, not sorted by it.
        let at = at * 191 % self.quotes.len();
        let (step, shares) = (self.random.f64() - 0.5, self.random.u64(1..500));
        let quote = &mut self.quotes[at];
        // At most a sixth of a per cent at a time, drawn back towards where it opened.
        let drift = (quote.opened - quote.price) / quote.opened * 0.004;
        quote.price = (quote.price * (1.0 + step * 0.0033 + drift)).max(0.01);
        quote.volume += shares;
        at
    }

    fn prices(&self) -> String {
        let mut prices = String::with_capacity(8 * self.quotes.len());
        for (at, quote) in self.quotes.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(prices, "{}{:.2}", if at == 0 { "" } else { "," }, quote.price);
        }
        prices
    }

    fn close(&self) -> Args {
        close(&self.prices())
    }

    /// Asks which order books are looked at.
    fn wanted(&self) -> Args {
        let mut words = vec!["MGET".to_owned()];
        words.extend(self.quotes.iter().map(|quote| format!("demo:quotes:wanted:{}", quote.symbol)));
        command(&words)
    }

    /// Opens and ends order books, and gives the commands for that. `wanted` is the answer to [`Market::wanted`].
    fn open_books(&mut self, wanted: &Value, books: &mut BTreeMap<usize, Book>) -> Vec<Args> {
        let is_wanted = |at: &usize| wanted.get(*at).is_some_and(|value| !value.is_null());
        let ended: Vec<Book> = books.extract_if(.., |at, _| !is_wanted(at)).map(|(_, book)| book).collect();
        let mut commands: Vec<Args> = ended.iter().map(Book::end).collect();
        for at in (0..self.quotes.len()).filter(is_wanted) {
            if books.len() < BOOKS_MAX && !books.contains_key(&at) {
                let (book, open) = Book::open(&self.quotes[at].symbol, self.quotes[at].price, &mut self.random);
                books.insert(at, book);
                commands.extend(open);
            }
        }
        commands
    }
}

fn close(prices: &str) -> Args {
    command(&["XADD", "demo:quotes:closes", "MAXLEN", &CLOSES.to_string(), "*", "prices", prices])
}

impl Quote {
    fn write(&self) -> Args {
        let change = (self.price / self.opened - 1.0) * 100.0;
        let json = format!(r#"{{"price":{:.2},"change":{change:.2},"volume":{}}}"#, self.price, self.volume);
        command(&["HSET", "demo:quotes", &self.symbol, &json])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_json_and_stay_near_where_they_opened() {
        let mut market = Market::open(fastrand::Rng::with_seed(7));
        for _ in 0..2000 {
            for command in market.tick(50) {
                let quote: Value = serde_json::from_slice(&command[3]).unwrap();
                assert!(quote["price"].as_f64().unwrap() > 0.0 && quote["change"].as_f64().unwrap().abs() < 60.0);
            }
        }
        assert_eq!(market.opening().len(), 2 + CLOSES + 500);
    }

    #[test]
    fn a_book_is_kept_while_it_is_wanted() {
        let mut market = Market::open(fastrand::Rng::with_seed(7));
        let (mut books, mut wanted) = (BTreeMap::new(), vec![Value::Null; 500]);
        assert!(market.open_books(&wanted.clone().into(), &mut books).is_empty());
        wanted[3] = "1".into();
        assert!(market.open_books(&wanted.clone().into(), &mut books).iter().any(|command| command[0] == "ZADD"));
        assert!(market.open_books(&wanted.clone().into(), &mut books).is_empty(), "it is open already");
        wanted[3] = Value::Null;
        assert_eq!(market.open_books(&wanted.into(), &mut books)[0][0], "DEL");
        assert!(books.is_empty());
        market.open_books(&vec![Value::from("1"); 500].into(), &mut books);
        assert_eq!(books.len(), BOOKS_MAX);
    }
}
