//! A lane's mailbox: what other threads have for it. The one lock of the data path, held only to swap a vector.

use model::LaneId;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Takes letters from any thread for the one thread that empties it.
///
/// Bounded in bytes: a sender asks for [`Mailbox::room`] before it posts what can wait on its side; what cannot wait is
/// always taken, since refusing it could only lose it.
#[derive(Debug)]
pub struct Mailbox<T> {
    inner: Mutex<Inner<T>>,
    /// Wakes the owner.
    notify: Notify,
    bytes_max: usize,
}

#[derive(Debug)]
struct Inner<T> {
    letters: Vec<T>,
    bytes: usize,
    /// Senders to wake when there is room again.
    waiting: Vec<LaneId>,
}

impl<T> Mailbox<T> {
    /// An empty mailbox that wants at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Mailbox<T> {
        let inner = Inner { letters: Vec::new(), bytes: 0, waiting: Vec::new() };
        Mailbox { inner: Mutex::new(inner), notify: Notify::new(), bytes_max }
    }

    /// Posts a letter that cannot wait on the sender's side.
    pub fn post(&self, letter: T, bytes: usize) {
        let was_empty = {
            let mut inner = self.lock();
            inner.letters.push(letter);
            inner.bytes += bytes;
            inner.letters.len() == 1
        };
        // A mailbox that was not empty has woken its owner already.
        if was_empty {
            self.notify.notify_one();
        }
    }

    /// Posts letters from `next` (each with its bytes) while there is room. If it ends for lack of room, `from` is named
    /// by a later [`Mailbox::take`] of the owner.
    pub fn post_while_room(&self, from: LaneId, mut next: impl FnMut() -> Option<(T, usize)>) {
        let mut inner = self.lock();
        let was_empty = inner.letters.is_empty();
        loop {
            if inner.bytes >= self.bytes_max {
                if !inner.waiting.contains(&from) {
                    inner.waiting.push(from);
                }
                break;
            }
            let Some((letter, bytes)) = next() else { break };
            inner.letters.push(letter);
            inner.bytes += bytes;
        }
        let wake = was_empty && !inner.letters.is_empty();
        drop(inner);
        if wake {
            self.notify.notify_one();
        }
    }

    /// Whether there are no letters.
    pub fn is_empty(&self) -> bool {
        self.lock().letters.is_empty()
    }

    /// Whether letters that can wait would be taken now.
    pub fn room(&self) -> bool {
        self.lock().bytes < self.bytes_max
    }

    /// Asks that `from` is named by the owner's next [`Mailbox::take`].
    pub fn ask_for_room(&self, from: LaneId) {
        let mut inner = self.lock();
        if !inner.waiting.contains(&from) {
            inner.waiting.push(from);
        }
    }

    /// Takes everything into `letters` (which must be empty and keeps its capacity for the next time), and names the
    /// senders that wait for room.
    pub fn take(&self, letters: &mut Vec<T>) -> Vec<LaneId> {
        debug_assert!(letters.is_empty());
        let mut inner = self.lock();
        inner.bytes = 0;
        std::mem::swap(&mut inner.letters, letters);
        std::mem::take(&mut inner.waiting)
    }

    /// Wakes the owner though there is no letter.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until there may be something to do.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // Nothing can panic while it is held; if it did, the letters are whole all the same.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_can_wait_is_taken_up_to_the_limit_and_the_sender_is_named() {
        let mailbox = Mailbox::new(10);
        let mut left = vec![4, 3, 2, 1];
        mailbox.post_while_room(LaneId(7), || left.pop().map(|n| (n, 5)));
        assert_eq!(left, [4, 3]);
        assert!(!mailbox.room());
        mailbox.post(9, 5);
        let mut letters = Vec::new();
        assert_eq!(mailbox.take(&mut letters), [LaneId(7)]);
        assert_eq!(letters, [1, 2, 9]);
        assert!(mailbox.room());
        letters.clear();
        assert_eq!(mailbox.take(&mut letters), []);
    }

    #[test]
    fn under_load_every_letter_arrives_once_and_in_its_senders_order() {
        const EACH: u32 = 20_000;
        let mailbox = Arc::new(Mailbox::new(1000));
        let senders: Vec<_> = (0..3u16)
            .map(|sender| {
                let mailbox = mailbox.clone();
                std::thread::spawn(move || {
                    let mut next = 0;
                    while next < EACH {
                        mailbox.post_while_room(LaneId(sender), || {
                            (next < EACH).then(|| {
                                next += 1;
                                ((sender, next - 1), 8)
                            })
                        });
                        if next % 64 == 0 {
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut expected = [0; 3];
        runtime.block_on(async {
            let mut letters = Vec::new();
            while expected != [EACH; 3] {
                mailbox.woken().await;
                mailbox.take(&mut letters);
                for (sender, n) in letters.drain(..) {
                    assert_eq!(n, expected[usize::from(sender)]);
                    expected[usize::from(sender)] += 1;
                }
            }
        });
        senders.into_iter().for_each(|s| s.join().unwrap());
    }
}
