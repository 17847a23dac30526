// How writers and the truth reach the data: around keywire where there is a real server, through it where the store is embedded.
//
// A link is one client's persistent connections. `send(key, words)` answers with the reply as RESP gives it, or throws an error
// with a `code`. `generation` rises whenever a command under way was given up: whether it takes effect, and when, is not known.
import { setTimeout as sleep } from 'node:timers/promises';
import { Lost, Resp, RespError, slotOf } from '../blackbox/lib/resp.mjs';
import { Client } from '../blackbox/lib/client.mjs';
import { liveValue, parsed } from './values.mjs';

/** How long a command may take before its connection is given up; where nobody takes over, the server is waited for. */
const GIVE_UP_MS = 3_000;
const GIVE_UP_ALONE_MS = 60_000;

class Link {
  generation = 0;

  /** One command on this connection, under way at most as long as allowed. */
  async on(connection, words, give_up_ms) {
    const timer = setTimeout(() => connection.end('given up'), give_up_ms);
    try { return await connection.send(...words); } catch (error) {
      if (error instanceof Lost) this.generation += 1;
      throw error;
    } finally { clearTimeout(timer); }
  }
}

/** To one server, or to whatever Sentinel says is the master. */
class PrimaryLink extends Link {
  constructor(topology) { super(); this.topology = topology; }

  async send(_key, words) {
    if (!this.connection?.alive) await this.connect();
    return this.on(this.connection, words, this.topology.kind === 'sentinel' ? GIVE_UP_MS : GIVE_UP_ALONE_MS);
  }

  async connect() {
    const node = await this.topology.primary();
    if (!node) throw new Lost('there is no primary');
    this.connection = await node.client({ timeout_ms: 1_000 });
    this.node = node;
    if (this.topology.kind === 'sentinel') {
      const [role] = await this.connection.command('ROLE');
      // Connecting to a frozen server ends when it thaws: another may have taken its place meanwhile.
      if (role !== 'master' || await this.topology.primary() !== node) { this.connection.end(); throw new Lost('the primary is none'); }
    }
  }

  /** Leaves a server that is not the primary any more: it may go on taking writes for a while. */
  moved(primary) { if (this.node && primary && primary !== this.node) this.connection?.end('the primary is another now'); }

  end() { this.connection?.end(); }
}

/** To a cluster: a connection for each node, and the map of slots. */
class ClusterLink extends Link {
  constructor(topology, random) { super(); Object.assign(this, { topology, random, connections: new Map(), slots: undefined, home: undefined }); }

  async send(key, words) {
    // Messages go through one node, so that a publisher's have one way and one order.
    if (words[0] === 'PUBLISH') return this.on(await this.homeConnection(), words, GIVE_UP_MS);
    for (let attempt = 0, asking; attempt < 6; attempt += 1) {
      const connection = await this.connection(asking ?? await this.portOf(slotOf(key)));
      try {
        if (asking) { connection.send('ASKING').catch(() => {}); asking = undefined; }
        return await this.on(connection, words, GIVE_UP_MS);
      } catch (error) {
        if (error instanceof Lost) this.slots = undefined;
        if (!(error instanceof RespError)) throw error;
        const port = Number(/:(\d+)$/.exec(error.message)?.[1]);
        if (error.code === 'MOVED') this.slots?.set(slotOf(key), port);
        else if (error.code === 'ASK') asking = port;
        else if (error.code === 'TRYAGAIN') await sleep(10);
        else throw error;
      }
    }
    throw new RespError('TRYAGAIN too many redirections');
  }

  async homeConnection() {
    if (!this.home || !this.connections.get(this.home)?.alive) {
      const primaries = await this.topology.primaries();
      if (primaries.length === 0) throw new Lost('no primary answers');
      this.home = this.random.pick(primaries).port;
    }
    return this.connection(this.home);
  }

  async portOf(slot) {
    const slots = this.slots ?? await this.ask();
    const port = slots.get(slot);
    if (!port) { this.slots = undefined; throw new RespError('CLUSTERDOWN no node serves this slot'); }
    return port;
  }

  /** The map of slots, asked for once however many wait for it. */
  ask() {
    this.asking ??= this.topology.slots().then(ranges => {
      this.slots = new Map();
      for (const { first, last, node } of ranges) for (let i = first; i <= last; i += 1) this.slots.set(i, node?.port);
      return this.slots;
    }).finally(() => { this.asking = undefined; });
    return this.asking;
  }

  async connection(port) {
    let connection = this.connections.get(port);
    if (!connection?.alive) {
      try { connection = await Resp.connect(port, { timeout_ms: 1_000 }); } catch (error) { this.slots = undefined; throw error; }
      this.connections.set(port, connection);
    }
    return connection;
  }

  moved() {}

  end() { for (const connection of this.connections.values()) connection.end(); }
}

/** Through keywire itself, by WebSocket. Replies are JSON already. */
class EmbeddedLink extends Link {
  constructor(server) { super(); this.server = server; }

  async send(_key, words) {
    if (!this.client || this.client.socket.readyState !== 1) this.client = await Client.open(this.server());
    // What is kept for tests that look back would only grow here.
    this.client.frames.length = 0;
    this.client.texts.length = 0;
    const reply = await this.client.request({ command: words.map(word => (Buffer.isBuffer(word) ? { $base64: word.toString('base64') } : word)) });
    if (reply.error) throw Object.assign(new Error(reply.error.message), { code: reply.error.code });
    return reply.result;
  }

  moved() {}

  end() { this.client?.close(); }
}

export function openLink(topology, server, random) {
  if (!topology) return new EmbeddedLink(server);
  return topology.kind === 'cluster' ? new ClusterLink(topology, random) : new PrimaryLink(topology);
}

/** What a live feed of this query shows when it is current: asked of the server, never of keywire where there is one. */
export async function truthOf(link, topology, { live: command, json }) {
  let reply;
  try { reply = await link.send(command[1], command); } catch (error) {
    if (error instanceof Lost) throw error;
    if (!(error instanceof RespError) && topology) throw error;
    return { error: error.code };
  }
  if (topology) return liveValue(command, reply, json);
  const value = ['HKEYS', 'HVALS', 'SMEMBERS', 'SINTER', 'SUNION'].includes(command[0]) ? [...reply].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))) : reply;
  return { value: json ? parsed(value) : value };
}
