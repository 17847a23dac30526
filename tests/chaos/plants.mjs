// Planted faults: each changes what one client is shown, as a broken server would, and must be found by the checkers.
//
// A plant is a function of a feed's frame that gives the frames the checkers see instead. It acts now and then, not on the
// first frame it could, and more than once: a dropped patch that is followed by a whole value, say, did no harm and is none to
// find. `finds` names the kinds of problems of which at least one must be told.
import { Follow, Live, Messages } from './feeds.mjs';

/** Acts on each `nth` frame that fits, at most `times`. */
const sometimes = (fits, act, { nth = 3, times = Infinity } = {}) => () => {
  let seen = 0, done = 0;
  return (frame, feed) => {
    if (!fits(frame, feed)) return [frame];
    seen += 1;
    if (done >= times || seen % nth !== 0) return [frame];
    done += 1;
    return act(frame, feed);
  };
};

/** Holds a frame back until the next of the same feed and source, which it then follows. */
const swapped = (fits, source = () => '') => () => {
  let held;
  let seen = 0;
  return (frame, feed) => {
    if (!fits(frame, feed)) return [frame];
    if (held && held.feed === feed && held.source === source(frame)) { const earlier = held.frame; held = undefined; seen += 1; return [frame, earlier]; }
    if ((seen += 1) === 3) { held = { feed, frame, source: source(frame) }; return []; }
    return [frame];
  };
};

const isValue = (frame, feed) => feed instanceof Live && ('value' in frame || 'patch' in frame);
const isPatch = frame => 'patch' in frame;
const isMessage = (frame, feed) => feed instanceof Messages && 'message' in frame;
const isEntries = (frame, feed) => feed instanceof Follow && Array.isArray(frame.entries);

export const PLANTS = {
  'drop-patch': { finds: ['rev', 'diverged', 'patch'], make: sometimes(isPatch, () => []) },
  'wrong-patch': {
    finds: ['diverged', 'patch'],
    make: sometimes(isPatch, frame => [{ ...frame, patch: [...frame.patch, { op: 'add', path: '', value: 'planted' }] }], { nth: 1 }),
  },
  'swap-rev': { finds: ['rev'], make: swapped(isValue) },
  // The revs go on, and the value is the one of before.
  'stale-value': {
    finds: ['diverged'],
    make: () => (frame, feed) => (isValue(frame, feed) ? [{ feed: frame.feed, rev: Math.max(frame.rev, feed.rev + 1), tag: frame.tag, value: feed.value ?? 'planted' }] : [frame]),
  },
  'value-goes-back': {
    finds: ['went-back'],
    make: sometimes((frame, feed) => isValue(frame, feed) && feed.counts && feed.highest > 1, (frame, feed) => [
      frame, { feed: frame.feed, rev: frame.rev + 1, tag: frame.tag, value: `w0g0n${feed.highest - 1}x` },
      { feed: frame.feed, rev: frame.rev + 2, tag: frame.tag, value: frame.value }], { nth: 2, times: 1 }),
  },
  'lose-entry': { finds: ['missing'], make: sometimes(isEntries, frame => (frame.entries.length > 1 ? [{ ...frame, entries: frame.entries.slice(1) }] : [])) },
  'double-entry': { finds: ['doubled'], make: sometimes(isEntries, frame => [frame, { ...frame, entries: frame.entries.slice(-1) }]) },
  'lose-gap': { finds: ['missing'], make: () => frame => (frame.gap ? [] : [frame]), offline: true },
  'lose-message-silently': { finds: ['silent-loss'], make: sometimes(isMessage, () => []) },
  'double-message': { finds: ['doubled'], make: sometimes(isMessage, frame => [frame, frame]) },
  'swap-messages': { finds: ['order'], make: swapped(isMessage, ({ channel, message }) => `${channel} ${message.split('n')[0]}`) },
  'wrong-missed': { finds: ['miscounted'], make: () => frame => (frame.missed ? [{ ...frame, missed: frame.missed + 7 }] : [frame]), offline: true },
  'hide-missed': { finds: ['silent-loss'], make: () => frame => ('missed' in frame ? [] : [frame]), offline: true },
  'hide-stale': { finds: ['stale-not-told'], make: () => frame => (frame.stale === true ? [] : [frame]), offline: true },
  'stay-stale': { finds: ['stale-left'], make: () => frame => (frame.stale === false ? [] : [frame]), offline: true },
  'no-end': { finds: ['missing', 'silent-loss', 'diverged'], make: () => { let seen = 0; return frame => ((seen += 1) > 60 ? [] : [frame]); } },
};
