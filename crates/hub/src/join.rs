//! One turn's frames of a topic, joined: one chunk for every subscriber, so one write for each socket.

use bytes::Bytes;
use model::EntryId;
use smallvec::SmallVec;

/// Several frames as one chunk of bytes.
pub(crate) struct Joined {
    pub bytes: Bytes,
    /// How many frames they are.
    pub count: u32,
    /// The last entry's id in them (streams).
    pub end: EntryId,
}

/// Joins frames into as few chunks as the size allows. The copies are this lane's own, so that no reference count is
/// shared with other lanes.
pub(crate) fn join(frames: &[(Bytes, EntryId)], bytes_max: usize) -> SmallVec<[Joined; 1]> {
    let mut chunks: SmallVec<[Joined; 1]> = SmallVec::new();
    let mut rest = frames;
    while let [(first, _), others @ ..] = rest {
        let mut size = first.len();
        let more = others.iter().take_while(|(frame, _)| {
            size += frame.len();
            size <= bytes_max
        });
        let (now, later) = rest.split_at(1 + more.count());
        let bytes = match now {
            [(one, _)] if one.len() > bytes_max => one.clone(),
            several => {
                let mut joined = Vec::with_capacity(several.iter().map(|(frame, _)| frame.len()).sum());
                several.iter().for_each(|(frame, _)| joined.extend_from_slice(frame));
                joined.into()
            }
        };
        let end = now.iter().map(|(_, end)| *end).max().unwrap_or_default();
        chunks.push(Joined { bytes, count: now.len() as u32, end });
        rest = later;
    }
    chunks
}
