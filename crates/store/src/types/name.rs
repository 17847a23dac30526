//! A key's, field's or member's bytes in 24 bytes of its own: short ones lie inline, longer ones in an allocation.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest name that needs no allocation, in bytes.
pub(super) const INLINE_MAX: usize = 22;

/// Bytes that name something and do not change. `P` holds those that are too long to lie inline.
#[derive(Clone)]
pub struct Name<P = Box<[u8]>>(Form<P>);

/// A name of which a copy costs nothing.
pub type SharedName = Name<Arc<[u8]>>;

#[derive(Clone)]
enum Form<P> {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Long(P),
}

impl<P: for<'a> From<&'a [u8]>> Name<P> {
    /// A copy of these bytes.
    pub fn new(name: &[u8]) -> Name<P> {
        if name.len() > INLINE_MAX {
            return Name(Form::Long(name.into()));
        }
        let mut bytes = [0; INLINE_MAX];
        bytes[..name.len()].copy_from_slice(name);
        Name(Form::Inline { len: name.len() as u8, bytes })
    }
}

impl<P: Deref<Target = [u8]>> Name<P> {
    /// How many bytes it takes beside its 24, about.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Inline { .. } => 0,
            Form::Long(bytes) => bytes.len(),
        }
    }
}

impl<P: Deref<Target = [u8]>> Deref for Name<P> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Form::Long(bytes) => bytes,
        }
    }
}

impl<P: Deref<Target = [u8]>> PartialEq for Name<P> {
    fn eq(&self, other: &Name<P>) -> bool {
        **self == **other
    }
}

impl<P: Deref<Target = [u8]>> Eq for Name<P> {}

impl<P: Deref<Target = [u8]>> fmt::Debug for Name<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_bytes_on_both_sides_of_the_inline_limit() {
        assert_eq!((size_of::<Name>(), size_of::<SharedName>()), (24, 24));
        for len in [0, 1, INLINE_MAX - 1, INLINE_MAX, INLINE_MAX + 1, 300] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let name: Name = Name::new(&bytes);
            assert_eq!((&*name, &*SharedName::new(&bytes)), (&*bytes, &*bytes));
            assert_eq!(matches!(name.0, Form::Inline { .. }), len <= INLINE_MAX);
        }
    }
}
