/** Drives a {@link Session} by hand: a test is the server, the clock and the program. */
import { expect } from 'vitest';
import type { KeywireError } from '../../src/errors.ts';
import type { Hello, OpeningVerb, Request, ServerFrame, Verb } from '../../src/frames.ts';
import { Session, type Config, type Output } from '../../src/session/session.ts';
import type { Subscriber, Topic, TopicEvent } from '../../src/session/topic.ts';

export const HELLO: Hello = {
  version: '0.1.0', node: 'n1', user: 'anonymous', expires: null, ping_interval_ms: 25_000, reconnect_ms: [100, 2000],
  limits: { message_bytes_max: 1 << 20, feeds_max: 1000, requests_per_second_max: 0 },
};

/** A subscriber that remembers. */
export class Ear implements Subscriber {
  place: string | undefined;
  topic!: Topic;
  readonly heard: TopicEvent[] = [];

  constructor(place?: string) { this.place = place; }

  notify(event: TopicEvent): void { this.heard.push(event); }

  /** What it heard beside changes, and forgets it. */
  events(): TopicEvent[] { return this.heard.splice(0).filter(event => !('change' in event)); }

  get value(): unknown { return this.topic.snapshot.value; }
  get state(): string { return this.topic.snapshot.state; }
  get error(): KeywireError | undefined { return this.topic.snapshot.error; }
}

export class World {
  now = 1_000_000;
  readonly session: Session;
  /** Of the connection that is, or is being made. */
  attempt = 0;
  /** Outputs since the last look, without notifications and settlements, which are carried out at once. */
  outputs: Output[] = [];
  random = 0.5;

  constructor(config: Partial<Config> = {}) {
    this.session = new Session({ timeoutMs: 30_000, lingerMs: 1_000, pauseMs: 60_000, queueMax: 1_000, random: () => this.random, ...config });
  }

  flush(): void {
    for (const output of this.session.out) {
      if (output.do === 'notify') output.to.notify(output.event);
      else if (output.do === 'settle') output.caller(output.outcome);
      else {
        if (output.do === 'connect' || output.do === 'token') this.attempt = output.attempt;
        this.outputs.push(output);
      }
    }
    this.session.out.length = 0;
  }

  /** What was to be done since the last look, by kind. */
  did(): string[] {
    this.flush();
    return this.outputs.splice(0).map(output => output.do).filter(kind => kind !== 'state');
  }

  /** What was sent since the last look; nothing else may have been to be done. */
  sent(): Request[] {
    this.flush();
    return this.outputs.splice(0).flatMap(output => (output.do === 'send' ? [JSON.parse(output.text) as Request].flat() : []));
  }

  /** The one request that was sent since the last look. */
  request(): Request & Record<string, unknown> {
    const sent = this.sent();
    expect(sent).toHaveLength(1);
    return sent[0] as Request & Record<string, unknown>;
  }

  listen(verb: OpeningVerb, place?: string): Ear {
    const ear = new Ear(place);
    ear.topic = this.session.join(this.session.topic(verb), ear, this.now);
    this.flush();
    return ear;
  }

  leave(ear: Ear): void { this.session.leave(ear.topic, ear, this.now); this.flush(); }

  /** Asks, and returns where the outcome will be. */
  ask(...verbs: Verb[]): { outcome?: unknown[] | KeywireError } {
    const box: { outcome?: unknown[] | KeywireError } = {};
    this.session.ask(verbs, outcome => { box.outcome = outcome; }, this.now);
    this.flush();
    return box;
  }

  frame(frame: ServerFrame | Record<string, unknown>): void {
    this.session.handleFrame(this.attempt, frame as ServerFrame, this.now);
    this.flush();
  }

  hello(change: Partial<Hello> = {}): void { this.frame({ hello: { ...HELLO, ...change } }); }

  closed(code: number): void {
    this.session.handleClosed(this.attempt, code, '', this.now);
    this.flush();
  }

  /** Lets time pass, in the steps that the session asks for. */
  pass(ms: number): void {
    const end = this.now + ms;
    while (this.session.nextTimeout() <= end) {
      this.now = Math.max(this.now, this.session.nextTimeout());
      this.session.handleTimeout(this.now);
      this.flush();
    }
    this.now = end;
  }

  /** A live query that is open: answered with this value at rev 1. */
  opened(command: [string, ...string[]], value: unknown, feed = 17): Ear {
    const ear = this.listen({ live: command });
    this.frame({ id: this.request().id, feed, rev: 1, tag: 'tag-1', via: 'tracking', value });
    return ear;
  }
}

/** A session whose connection is open. */
export function openWorld(config: Partial<Config> = {}, hello: Partial<Hello> = {}): World {
  const world = new World(config);
  world.session.ask([{ ping: 0 }], () => {}, world.now);
  world.flush();
  world.hello(hello);
  world.frame({ id: world.request().id, result: 0 });
  return world;
}
