//! A member's bytes in 24 bytes of its own: short ones lie inline, longer ones are shared between map and tree.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// The longest member that needs no allocation.
const INLINE_MAX: usize = 22;

#[derive(Clone)]
pub(super) enum Member {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Shared(Arc<[u8]>),
}

impl Member {
    pub(super) fn new(member: &[u8]) -> Member {
        if member.len() > INLINE_MAX {
            return Member::Shared(member.into());
        }
        let mut bytes = [0; INLINE_MAX];
        bytes[..member.len()].copy_from_slice(member);
        Member::Inline { len: member.len() as u8, bytes }
    }

    /// How many bytes a member of this length takes beside its 24.
    pub(super) fn heap_size(len: usize) -> usize {
        /// The two counts before the shared bytes.
        const COUNTS: usize = 16;
        if len > INLINE_MAX { COUNTS + len } else { 0 }
    }
}

impl Deref for Member {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Member::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Member::Shared(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Member {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Member) -> bool {
        **self == **other
    }
}

impl Eq for Member {}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_bytes_on_both_sides_of_the_inline_limit() {
        assert_eq!(size_of::<Member>(), 24);
        for len in [0, 1, INLINE_MAX - 1, INLINE_MAX, INLINE_MAX + 1, 300] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let member = Member::new(&bytes);
            assert_eq!(*member, *bytes);
            assert_eq!(matches!(member, Member::Inline { .. }), len <= INLINE_MAX);
        }
    }
}
