//! The list: elements from head to tail.
//!
//! A short one of short elements is a [`Pack`]. A longer one lies in chunks of about a hundred: both ends are a step away, a
//! place in the middle is found by counting chunks, and no operation moves more than a chunk, however long the list is.
//! A list never goes back to the small form.

mod chunks;

use super::Text;
use super::pack::{Pack, STRING_MAX};
use chunks::Chunks;
use std::ops::Range;

/// The most elements of the small form, which is written anew with each change.
const SMALL_MAX: usize = 32;

/// A list.
#[derive(Clone, Debug)]
pub struct List(Form);

#[derive(Clone, Debug)]
enum Form {
    Small(Pack),
    Large(Box<Chunks>),
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl List {
    /// A list without elements.
    pub fn new() -> List {
        List(Form::Small(Pack::new()))
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Small(pack) => pack.len(),
            Form::Large(chunks) => chunks.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an element at the head.
    pub fn push_front(&mut self, element: &[u8]) {
        self.insert(0, element);
    }

    /// Adds an element at the tail.
    pub fn push_back(&mut self, element: &[u8]) {
        self.insert(self.len(), element);
    }

    /// Puts an element before the one at this position, or behind the last.
    pub fn insert(&mut self, position: usize, element: &[u8]) {
        self.grow_for(element, 1);
        match &mut self.0 {
            Form::Small(pack) if position >= pack.len() => pack.push(&[element]),
            Form::Small(pack) => pack.insert(pack.place(position), element),
            Form::Large(chunks) if position == 0 => chunks.push_front(Text::new(element)),
            Form::Large(chunks) => chunks.insert(position, Text::new(element)),
        }
    }

    /// Takes the element at the head.
    pub fn pop_front(&mut self) -> Option<Text> {
        match &mut self.0 {
            Form::Small(pack) => remove(pack, 0),
            Form::Large(chunks) => chunks.pop_front(),
        }
    }

    /// Takes the element at the tail.
    pub fn pop_back(&mut self) -> Option<Text> {
        match &mut self.0 {
            Form::Small(pack) => remove(pack, pack.len().checked_sub(1)?),
            Form::Large(chunks) => chunks.pop_back(),
        }
    }

    /// The element at this position.
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        match &self.0 {
            Form::Small(pack) => pack.iter().nth(position),
            Form::Large(chunks) => chunks.get(position).map(|element| &**element),
        }
    }

    /// Puts an element in the place of the one at this position, which must exist.
    pub fn set(&mut self, position: usize, element: &[u8]) {
        self.grow_for(element, 0);
        match &mut self.0 {
            Form::Small(pack) => pack.set(pack.place(position), element),
            Form::Large(chunks) => chunks.set(position, Text::new(element)),
        }
    }

    /// Keeps only the elements at these positions.
    pub fn keep(&mut self, range: Range<usize>) {
        match &mut self.0 {
            Form::Small(pack) => {
                let (start, end) = (range.start.min(pack.len()), range.end.min(pack.len()));
                pack.remove(pack.place(end), pack.len() - end);
                pack.remove(pack.place(0), start.min(pack.len()));
            }
            Form::Large(chunks) => chunks.keep(range),
        }
    }

    /// Keeps only the elements for which `keep` says so; it is asked from head to tail.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        match &mut self.0 {
            Form::Small(pack) => {
                let mut kept = Pack::new();
                pack.iter().filter(|element| keep(element)).for_each(|element| kept.push(&[element]));
                *pack = kept;
            }
            Form::Large(chunks) => chunks.retain(|element| keep(element)),
        }
    }

    /// The elements from head to tail.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        let (small, large) = match &self.0 {
            Form::Small(pack) => (pack.iter().collect(), None),
            Form::Large(chunks) => (Vec::new(), Some(chunks)),
        };
        let large = large.into_iter().flat_map(|chunks| chunks.iter());
        small.into_iter().chain(large.map(|element| &**element))
    }

    /// The elements of these positions, which must exist.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = &[u8]> {
        let (small, large) = match &self.0 {
            Form::Small(pack) => (Some(pack.iter().skip(range.start).take(range.len())), None),
            Form::Large(chunks) => (None, Some(chunks.range(range))),
        };
        small.into_iter().flatten().chain(large.into_iter().flatten().map(|element| &**element))
    }

    /// The name that `OBJECT ENCODING` gives the form Redis would hold it in: a short list is a single listpack.
    pub fn encoding(&self) -> &'static str {
        /// Redis' `list-max-listpack-size` of -2, in bytes, and what an element takes beside its own at least.
        const LISTPACK_BYTES_MAX: usize = 8192;
        const ELEMENT_BYTES: usize = 2;
        let is_few = self.len() <= LISTPACK_BYTES_MAX / ELEMENT_BYTES;
        let bytes = || self.iter().map(|element| element.len() + ELEMENT_BYTES).sum::<usize>();
        if is_few && bytes() <= LISTPACK_BYTES_MAX { "listpack" } else { "quicklist" }
    }

    /// About how many bytes it takes beside its own 16, in constant time.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Small(pack) => pack.heap_size(),
            Form::Large(chunks) => chunks.heap_size(),
        }
    }

    /// Takes the large form if the small one has no room for so many more elements like this.
    fn grow_for(&mut self, element: &[u8], more: usize) {
        let Form::Small(pack) = &self.0 else { return };
        if element.len() > STRING_MAX || pack.len() + more > SMALL_MAX {
            let mut chunks = Chunks::default();
            pack.iter().for_each(|element| chunks.push_back(Text::new(element)));
            self.0 = Form::Large(Box::new(chunks));
        }
    }
}

fn remove(pack: &mut Pack, position: usize) -> Option<Text> {
    let place = pack.place(position);
    let element = pack.from(place).next().map(Text::new)?;
    pack.remove(place, 1);
    Some(element)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn text(n: u16) -> Text {
        Text::new(n.to_string().as_bytes())
    }

    #[test]
    fn a_list_is_small_in_memory_and_grows_at_the_limits() {
        assert_eq!(size_of::<List>(), 16);
        let mut list = List::new();
        (0..SMALL_MAX).for_each(|_| list.push_front(b"x"));
        assert!(matches!(list.0, Form::Small(_)));
        list.set(3, &[b'y'; STRING_MAX]);
        assert!(matches!(list.0, Form::Small(_)));
        list.push_back(b"z");
        assert!(matches!(list.0, Form::Large(_)) && list.encoding() == "listpack");
        (0..4000).for_each(|_| list.push_front(b"x"));
        assert_eq!(list.encoding(), "quicklist");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn a_list_is_a_sequence(steps in proptest::collection::vec((0u8..9, any::<u16>(), 0usize..40), 0..300)) {
            let (mut list, mut model) = (List::new(), VecDeque::new());
            for (step, n, many) in steps {
                let at = usize::from(n) % (model.len() + 1);
                match step {
                    0 | 1 => (0..many as u16).for_each(|n| { list.push_front(&text(n)); model.push_front(n); }),
                    2 | 3 => (0..many as u16).for_each(|n| { list.push_back(&text(n)); model.push_back(n); }),
                    4 => prop_assert_eq!(list.pop_front().map(|t| t.to_vec()), model.pop_front().map(|n| text(n).to_vec())),
                    5 => prop_assert_eq!(list.pop_back().map(|t| t.to_vec()), model.pop_back().map(|n| text(n).to_vec())),
                    6 => { list.insert(at, &text(n)); model.insert(at, n); }
                    7 => {
                        let end = (at + 20 * many).min(model.len());
                        list.keep(at.min(10)..end.max(at.min(10)));
                        model.truncate(end.max(at.min(10)));
                        model.drain(..at.min(10));
                    }
                    _ => {
                        let drop = (many as u16).to_string().into_bytes();
                        list.retain(|t| t[..] != drop[..]);
                        model.retain(|n| *n != many as u16);
                    }
                }
                if at < model.len() {
                    prop_assert_eq!(list.get(at).unwrap(), &*text(model[at]));
                    list.set(at, &text(7));
                    model[at] = 7;
                    let part: Vec<_> = list.range(at..model.len()).map(|t| t.to_vec()).collect();
                    prop_assert_eq!(part, model.range(at..).map(|n| text(*n).to_vec()).collect::<Vec<_>>());
                }
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.get(model.len()).is_none());
                if let Form::Large(chunks) = &list.0 { chunks.check(); }
            }
            let all: Vec<_> = list.iter().rev().map(|t| t.to_vec()).collect();
            prop_assert_eq!(all, model.iter().rev().map(|n| text(*n).to_vec()).collect::<Vec<_>>());
        }
    }
}
