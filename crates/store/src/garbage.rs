//! Values on their way out. To free a list of a million elements takes longer than a turn has; an owner with a second
//! thread can take such values and drop them there.

use crate::aof::Rewrite;
use crate::db::Db;
use crate::types::Value;

/// Something large that nobody needs any more: dropping it frees its memory, on whatever thread.
#[derive(Debug)]
pub struct Discarded(#[expect(dead_code, reason = "held to be dropped")] Content);

#[derive(Debug)]
#[expect(dead_code, reason = "held to be dropped")]
enum Content {
    Value(Value),
    Database(Box<Db>),
    Rewrite(Box<Rewrite>),
}

/// What waits to be dropped elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    /// The owner takes it; else everything is dropped at once.
    pub(crate) is_collected: bool,
    discarded: Vec<Discarded>,
}

/// Values of fewer elements are dropped at once: handing them over costs more.
const ELEMENTS_MIN: usize = 64;

impl Garbage {
    pub(crate) fn value(&mut self, value: Value) {
        if self.is_collected && value.elements() >= ELEMENTS_MIN {
            self.discarded.push(Discarded(Content::Value(value)));
        }
    }

    pub(crate) fn database(&mut self, db: Db) {
        if self.is_collected && !db.is_empty() {
            self.discarded.push(Discarded(Content::Database(Box::new(db))));
        }
    }

    /// A rewrite of the log that is over.
    pub(crate) fn rewrite(&mut self, rewrite: Box<Rewrite>) {
        if self.is_collected {
            self.discarded.push(Discarded(Content::Rewrite(rewrite)));
        }
    }

    pub(crate) fn drain(&mut self, each: impl FnMut(Discarded)) {
        self.discarded.drain(..).for_each(each);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Store};
    use bytes::Bytes;

    #[test]
    fn only_large_values_are_handed_over_and_only_to_who_takes_them() {
        let line = |text: String| text.split(' ').map(|w| Bytes::copy_from_slice(w.as_bytes())).collect::<Vec<_>>();
        for (collected, expected) in [(false, 0), (true, 3)] {
            let mut store = Store::new(Config::default());
            store.collect_garbage(collected);
            store.execute(&line("RPUSH short 1 2 3".into()), 0);
            store.execute(&line(format!("RPUSH long{}", " x".repeat(1000))), 0);
            store.execute(&line("DEL short long".into()), 0);
            store.execute(&line(format!("RPUSH due{}", " x".repeat(1000))), 0);
            store.execute(&line("PEXPIRE due -1".into()), 0);
            store.execute(&line("SET a b".into()), 0);
            store.execute(&line("FLUSHALL".into()), 0);
            let mut count = 0;
            fn is_send<T: Send>(_: &T) {}
            store.drain_garbage(|discarded| {
                is_send(&discarded);
                count += 1;
            });
            assert_eq!(count, expected);
        }
    }
}
