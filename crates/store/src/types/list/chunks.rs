//! The large form of a list: elements in chunks.

use crate::types::Text;
use std::collections::VecDeque;
use std::ops::Range;

/// The most elements of a chunk.
const CHUNK_MAX: usize = 128;

/// A list in chunks.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    /// None is empty.
    chunks: VecDeque<VecDeque<Text>>,
    len: usize,
    /// Bytes that the elements take beside the chunks.
    heap: usize,
}

impl Chunks {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds an element at the head.
    pub fn push_front(&mut self, element: Text) {
        self.heap += element.heap_size();
        if self.chunks.front().is_none_or(|chunk| chunk.len() >= CHUNK_MAX) {
            self.reserve_chunk();
            self.chunks.push_front(VecDeque::new());
        }
        self.chunks.front_mut().expect("a chunk with room").push_front(element);
        self.len += 1;
    }

    /// Adds an element at the tail.
    pub fn push_back(&mut self, element: Text) {
        self.heap += element.heap_size();
        if self.chunks.back().is_none_or(|chunk| chunk.len() >= CHUNK_MAX) {
            self.reserve_chunk();
            self.chunks.push_back(VecDeque::new());
        }
        self.chunks.back_mut().expect("a chunk with room").push_back(element);
        self.len += 1;
    }

    /// Takes the element at the head.
    pub fn pop_front(&mut self) -> Option<Text> {
        let chunk = self.chunks.front_mut()?;
        let element = chunk.pop_front();
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.len -= 1;
        self.heap -= element.as_ref().map_or(0, Text::heap_size);
        element
    }

    /// Takes the element at the tail.
    pub fn pop_back(&mut self) -> Option<Text> {
        let chunk = self.chunks.back_mut()?;
        let element = chunk.pop_back();
        if chunk.is_empty() {
            self.chunks.pop_back();
        }
        self.len -= 1;
        self.heap -= element.as_ref().map_or(0, Text::heap_size);
        element
    }

    /// The element at this place.
    pub fn get(&self, position: usize) -> Option<&Text> {
        if position >= self.len {
            return None;
        }
        let (chunk, at) = self.locate(position);
        self.chunks[chunk].get(at)
    }

    /// Puts an element in the place of the one that is there. The place must exist.
    pub fn set(&mut self, position: usize, element: Text) {
        let (chunk, at) = self.locate(position);
        self.heap += element.heap_size();
        let old = std::mem::replace(&mut self.chunks[chunk][at], element);
        self.heap -= old.heap_size();
    }

    /// Puts an element before the one at this place, or behind the last.
    pub fn insert(&mut self, position: usize, element: Text) {
        if position >= self.len {
            return self.push_back(element);
        }
        let (chunk, at) = self.locate(position);
        self.heap += element.heap_size();
        self.chunks[chunk].insert(at, element);
        self.len += 1;
        if self.chunks[chunk].len() > CHUNK_MAX {
            let rest = self.chunks[chunk].split_off(CHUNK_MAX / 2);
            self.chunks.insert(chunk + 1, rest);
        }
    }

    /// Keeps only the elements at these places.
    pub fn keep(&mut self, range: Range<usize>) {
        self.drop_back(self.len - range.end.min(self.len));
        self.drop_front(range.start.min(self.len));
    }

    /// Keeps only the elements for which `keep` says so; it is asked from head to tail.
    pub fn retain(&mut self, mut keep: impl FnMut(&Text) -> bool) {
        for chunk in &mut self.chunks {
            chunk.retain(&mut keep);
        }
        self.heap = self.chunks.iter().flatten().map(Text::heap_size).sum();
        self.chunks.retain(|chunk| !chunk.is_empty());
        self.len = self.chunks.iter().map(VecDeque::len).sum();
    }

    /// The elements from head to tail.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Text> {
        self.chunks.iter().flatten()
    }

    /// The elements of these places, which must exist.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = &Text> {
        let (chunk, at) = if range.start < self.len { self.locate(range.start) } else { (self.chunks.len(), 0) };
        self.chunks.range(chunk..).flatten().skip(at).take(range.len())
    }

    /// About how many bytes it takes, in constant time.
    pub fn heap_size(&self) -> usize {
        let chunks = self.chunks.len() * size_of::<VecDeque<Text>>() + self.len * size_of::<Text>();
        size_of::<Chunks>() + chunks + self.heap
    }

    /// Room for one more chunk: just that while the list has one, as most lists will never have two.
    fn reserve_chunk(&mut self) {
        if self.chunks.is_empty() {
            self.chunks.reserve_exact(1);
        }
    }

    /// The chunk of this place, which must exist, and the place in it: counted from the nearer end.
    fn locate(&self, position: usize) -> (usize, usize) {
        if position <= self.len / 2 {
            let mut rest = position;
            for (number, chunk) in self.chunks.iter().enumerate() {
                match rest.checked_sub(chunk.len()) {
                    Some(left) => rest = left,
                    None => return (number, rest),
                }
            }
        }
        let mut behind = self.len - position;
        for (number, chunk) in self.chunks.iter().enumerate().rev() {
            match chunk.len().checked_sub(behind) {
                Some(at) => return (number, at),
                None => behind -= chunk.len(),
            }
        }
        unreachable!("a place beyond the list")
    }

    fn drop_back(&mut self, mut count: usize) {
        self.len -= count;
        while let Some(chunk) = self.chunks.back_mut().filter(|_| count > 0) {
            let left = chunk.len().saturating_sub(count);
            count -= chunk.len() - left;
            self.heap -= chunk.range(left..).map(Text::heap_size).sum::<usize>();
            chunk.truncate(left);
            if left == 0 {
                self.chunks.pop_back();
            }
        }
    }

    fn drop_front(&mut self, mut count: usize) {
        self.len -= count;
        while let Some(chunk) = self.chunks.front_mut().filter(|_| count > 0) {
            let dropped = count.min(chunk.len());
            count -= dropped;
            self.heap -= chunk.drain(..dropped).map(|element| element.heap_size()).sum::<usize>();
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
    }
}

#[cfg(test)]
impl Chunks {
    /// Panics unless no chunk is empty or too long.
    pub(super) fn check(&self) {
        assert!(self.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK_MAX));
        assert_eq!(self.heap, self.iter().map(Text::heap_size).sum::<usize>());
    }
}
