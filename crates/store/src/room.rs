//! What a reply may hold.
//!
//! A few words can ask for gigabytes: a large value named a thousand times in an `MGET`, all elements of a long list, a
//! pattern for each element of a `SORT`. So whoever puts a reply together takes room for each part before the next is
//! made, and gives up with an error when there is none. A reply counts as [`Reply::size`] has it, and those of a
//! transaction count together.
//!
//! Commands that change something are never refused for their reply: it is left out when they are done.

use crate::errors;
use model::{Error, Reply};

/// How much more a reply may hold.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    bytes: usize,
}

/// A reply up to this size is given in any case: it takes no more than the command that asked for it did.
const SMALL_BYTES: usize = 256;

impl Room {
    /// So many bytes.
    pub fn new(bytes: usize) -> Room {
        Room { bytes }
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// There is not so much room.
    pub fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(errors::REPLY_TOO_BIG)?;
        Ok(())
    }

    /// These replies, one made after the other.
    ///
    /// # Errors
    /// There is no room for one of them; those behind it are not made.
    pub fn gather(&mut self, replies: impl Iterator<Item = Reply>) -> Result<Vec<Reply>, Error> {
        /// Whoever has more finds out as they come.
        const CAPACITY_MAX: usize = 1024;
        let mut gathered = Vec::with_capacity(replies.size_hint().0.min(CAPACITY_MAX));
        for reply in replies {
            self.take(reply.size())?;
            gathered.push(reply);
        }
        Ok(gathered)
    }

    /// The reply of a command that was carried out, or, if there is no room for it, an error in its place.
    pub fn fit(&mut self, reply: Reply, has_changed: bool) -> Reply {
        let size = reply.size();
        match self.take(size) {
            Err(_) if size > SMALL_BYTES => {
                let error = if has_changed { errors::DONE_REPLY_TOO_BIG } else { errors::REPLY_TOO_BIG };
                Reply::error(error.to_string())
            }
            _ => reply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ends_at_the_byte() {
        let mut room = Room::new(10);
        assert_eq!((room.take(4), room.take(6), room.take(0)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(room.take(1), Err(errors::REPLY_TOO_BIG));
    }

    #[test]
    fn what_does_not_fit_is_not_made() {
        let mut made = 0;
        let replies = std::iter::repeat_with(|| {
            made += 1;
            Reply::bulk("x")
        });
        assert_eq!(Room::new(100).gather(replies), Err(errors::REPLY_TOO_BIG));
        assert_eq!(made, 100 / Reply::bulk("x").size() + 1);
    }

    #[test]
    fn small_replies_always_fit_and_large_ones_say_what_was_done() {
        let mut room = Room::new(0);
        assert_eq!(room.fit(Reply::OK, true), Reply::OK);
        let large = || Reply::bulk([0; SMALL_BYTES]);
        assert_eq!(room.fit(large(), false), Reply::error(errors::REPLY_TOO_BIG.to_string()));
        assert_eq!(room.fit(large(), true), Reply::error(errors::DONE_REPLY_TOO_BIG.to_string()));
        assert_eq!(Room::new(large().size()).fit(large(), true), large());
    }
}
