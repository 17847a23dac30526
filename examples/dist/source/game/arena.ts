/**
 * The arena: one's own ship flies at once, by this page; the others are shown a moment late, between two of the places that
 * came, so that twenty places a second look smooth. Redis is met only through live.ts.
 */
import type { Client } from 'keywire';
import type { Me } from '../design/me.ts';
import { calm, colour, isDark } from '../design/theme.ts';
import { claim, fly, gems, place, positions, type Player } from './live.ts';

const [WIDTH, HEIGHT] = [1600, 900];
/** How late others are shown, in milliseconds: two places have come by then. */
const LATE_MS = 120;
const SEND_MS = 50;
/** Units a second. */
const SPEED = 250;
const TURN = 4.4;
const REACH = 34;

interface Place { readonly at: number; readonly x: number; readonly y: number; readonly heading: number }
interface Gem { readonly x: number; readonly y: number; readonly worth: number; /** When it was first seen: it grows. */ readonly since: number }
interface Spark { x: number; y: number; dx: number; dy: number; left: number; readonly hue: number }

export class Arena {
  readonly #kw: Client;
  readonly #me: Me;
  readonly #canvas: HTMLCanvasElement;
  readonly #stops: (() => void)[] = [];
  readonly #keys = new Set<string>();
  readonly #others = new Map<string, Place[]>();
  readonly #texts = new Map<string, string>();
  #gems = new Map<string, Gem>();
  /** Gems that this page has claimed: they are not shown any more, whoever was first. */
  readonly #claimed = new Set<string>();
  #sparks: Spark[] = [];
  #trail: { x: number; y: number }[] = [];
  #players: Record<string, Player> = {};
  #here: ReadonlySet<string> = new Set();
  /** Who comes for the first time begins somewhere around the middle. */
  #ship = { x: WIDTH * (0.3 + 0.4 * Math.random()), y: HEIGHT * (0.3 + 0.4 * Math.random()), heading: -Math.PI / 2, speed: 0 };
  /** Whether the place from last time is known: before that nothing is written. */
  #isPlaced = false;
  #sent = '';
  #sentAt = 0;
  #pointer: { x: number; y: number } | undefined;
  #frame = 0;
  #before = performance.now();
  #colours!: Record<'ground' | 'line' | 'ink' | 'soft' | 'gem' | 'gold', string>;

  constructor(kw: Client, me: Me, canvas: HTMLCanvasElement) {
    [this.#kw, this.#me, this.#canvas] = [kw, me, canvas];
    this.paint();
    this.#stops.push(positions(kw).onChange(all => this.#see(all ?? {})), gems(kw).onChange(all => this.#lay(all ?? {})));
    place(kw, me).then(text => { if (text) this.#goTo(text); this.#isPlaced = true; }, () => { this.#isPlaced = true; });
    this.#listen();
    this.#frame = requestAnimationFrame(now => this.#draw(now));
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    for (const stop of this.#stops) stop();
  }

  know(players: Record<string, Player>, here: ReadonlySet<string>): void {
    [this.#players, this.#here] = [players, here];
    // What the picture shows, in words that a test can read.
    this.#canvas.dataset.ships = [...this.#others.keys()].filter(id => here.has(id)).sort().join(' ');
  }

  /** Takes the theme's colours. */
  paint(): void {
    this.#colours = { ground: colour('surface'), line: colour('line'), ink: colour('ink'), soft: colour('soft'), gem: colour('c2'), gold: colour('gold') };
  }

  /** A place that was kept. */
  #goTo(text: string): void {
    const [x = NaN, y = NaN, heading = NaN] = text.split(',').map(Number);
    if (Number.isFinite(x + y + heading)) Object.assign(this.#ship, { x, y, heading });
  }

  #see(all: Record<string, string>): void {
    const at = performance.now();
    for (const [id, text] of Object.entries(all)) {
      if (id === this.#me.id) continue;
      const places = this.#others.get(id) ?? [];
      // Who rests is where it was until now: else it would seem to glide all the way since it last moved.
      if (this.#texts.get(id) === text) { const last = places.at(-1); if (last) places[places.length - 1] = { ...last, at }; continue; }
      const [x = 0, y = 0, heading = 0] = text.split(',').map(Number);
      this.#others.set(id, [...places.slice(-7), { at, x, y, heading }]);
      this.#texts.set(id, text);
    }
    for (const id of this.#others.keys()) if (!(id in all)) { this.#others.delete(id); this.#texts.delete(id); }
  }

  #lay(all: Record<string, string>): void {
    const now = performance.now();
    const isFirst = this.#gems.size === 0;
    const laid = new Map<string, Gem>();
    for (const [id, text] of Object.entries(all)) {
      const [x = 0, y = 0, worth = 1] = text.split(',').map(Number);
      laid.set(id, this.#gems.get(id) ?? { x, y, worth, since: isFirst ? 0 : now });
    }
    for (const [id, gem] of this.#gems) if (!laid.has(id) && !this.#claimed.has(id)) this.#burst(gem);
    for (const id of this.#claimed) if (!laid.has(id)) this.#claimed.delete(id);
    this.#gems = laid;
    this.#canvas.dataset.gems = String(laid.size);
  }

  #burst(gem: Gem): void {
    if (calm.matches || document.hidden) return;
    for (let n = 0; n < 10; n += 1) {
      const [angle, speed] = [Math.random() * 6.3, 40 + Math.random() * 130];
      this.#sparks.push({ x: gem.x, y: gem.y, dx: Math.cos(angle) * speed, dy: Math.sin(angle) * speed, left: 0.5, hue: gem.worth > 1 ? 85 : 240 });
    }
  }

  #draw(now: number): void {
    const seconds = Math.min((now - this.#before) / 1000, 0.1);
    this.#before = now;
    this.#frame = requestAnimationFrame(next => this.#draw(next));
    this.#steer(seconds);
    this.#collect();
    this.#tell(now);
    this.#picture(now, seconds);
  }

  #steer(seconds: number): void {
    const ship = this.#ship;
    let [turn, wanted] = [0, 0];
    if (this.#pointer) {
      const [dx, dy] = [this.#pointer.x - ship.x, this.#pointer.y - ship.y];
      turn = Math.max(-1, Math.min(1, between(Math.atan2(dy, dx), ship.heading) * 5));
      wanted = SPEED * Math.min(1, Math.hypot(dx, dy) / 70);
    } else {
      const is = (...names: string[]) => names.some(name => this.#keys.has(name));
      turn = Number(is('arrowright', 'd')) - Number(is('arrowleft', 'a'));
      wanted = is('arrowup', 'w') ? SPEED : is('arrowdown', 's') ? -SPEED / 3 : 0;
    }
    ship.heading = (ship.heading + turn * TURN * seconds) % (2 * Math.PI);
    ship.speed += (wanted - ship.speed) * Math.min(1, seconds * 5);
    ship.x = Math.max(0, Math.min(WIDTH, ship.x + Math.cos(ship.heading) * ship.speed * seconds));
    ship.y = Math.max(0, Math.min(HEIGHT, ship.y + Math.sin(ship.heading) * ship.speed * seconds));
  }

  #collect(): void {
    if (this.#kw.state !== 'open') return;
    for (const [id, gem] of this.#gems) {
      if (this.#claimed.has(id) || Math.hypot(gem.x - this.#ship.x, gem.y - this.#ship.y) > REACH) continue;
      this.#claimed.add(id);
      this.#burst(gem);
      claim(this.#kw, this.#me, id).catch(() => this.#claimed.delete(id));
    }
  }

  /** Writes where I am, if that changed, twenty times a second at most; and not while nobody hears it. */
  #tell(now: number): void {
    if (!this.#isPlaced || now - this.#sentAt < SEND_MS || this.#kw.state !== 'open') return;
    const { x, y, heading } = this.#ship;
    const text = `${x.toFixed(0)},${y.toFixed(0)},${heading.toFixed(2)}`;
    if (text === this.#sent) return;
    [this.#sent, this.#sentAt] = [text, now];
    fly(this.#kw, this.#me, x, y, heading).catch(() => { this.#sent = ''; });
  }

  #picture(now: number, seconds: number): void {
    const canvas = this.#canvas;
    const scale = Math.min(devicePixelRatio, 2);
    const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const c = canvas.getContext('2d')!;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, width, height);
    const view = this.#view(width, height);
    c.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
    this.#field(c);
    for (const [id, gem] of this.#gems) if (!this.#claimed.has(id)) this.#gem(c, gem, now);
    this.#spark(c, seconds);
    for (const [id, places] of this.#others) if (this.#here.has(id)) this.#vessel(c, between2(places, now - LATE_MS), this.#players[id], false);
    if (this.#isPlaced) {
      this.#tail(c);
      this.#vessel(c, this.#ship, { name: this.#me.name, hue: this.#me.hue }, true);
    }
  }

  /** The whole arena where there is room; on narrow screens what is around one's ship. */
  #view(width: number, height: number): { scale: number; x: number; y: number } {
    const whole = Math.min(width / WIDTH, height / HEIGHT);
    const scale = Math.max(whole, 0.55 * Math.min(devicePixelRatio, 2));
    const along = (size: number, world: number, at: number) => size >= world * scale ? (size - world * scale) / 2 : Math.max(size - world * scale, Math.min(0, size / 2 - at * scale));
    return { scale, x: along(width, WIDTH, this.#ship.x), y: along(height, HEIGHT, this.#ship.y) };
  }

  #field(c: CanvasRenderingContext2D): void {
    c.fillStyle = this.#colours.ground;
    c.fillRect(0, 0, WIDTH, HEIGHT);
    c.fillStyle = this.#colours.line;
    for (let x = 50; x < WIDTH; x += 50) for (let y = 50; y < HEIGHT; y += 50) c.fillRect(x - 1, y - 1, 2, 2);
    c.strokeStyle = this.#colours.line;
    c.lineWidth = 2;
    c.strokeRect(1, 1, WIDTH - 2, HEIGHT - 2);
  }

  #gem(c: CanvasRenderingContext2D, gem: Gem, now: number): void {
    // The frame may have begun before the gem came.
    const age = Math.max(0, Math.min(1, (now - gem.since) / 250));
    const size = (gem.worth > 1 ? 13 : 8) * age * (calm.matches ? 1 : 1 + 0.08 * Math.sin(now / 300 + gem.x));
    c.fillStyle = gem.worth > 1 ? this.#colours.gold : this.#colours.gem;
    c.globalAlpha = 0.18;
    c.beginPath();
    c.arc(gem.x, gem.y, size * 2, 0, 7);
    c.fill();
    c.globalAlpha = 1;
    c.beginPath();
    c.moveTo(gem.x, gem.y - size);
    c.lineTo(gem.x + size * 0.75, gem.y);
    c.lineTo(gem.x, gem.y + size);
    c.lineTo(gem.x - size * 0.75, gem.y);
    c.fill();
  }

  #spark(c: CanvasRenderingContext2D, seconds: number): void {
    for (const spark of this.#sparks) {
      spark.x += spark.dx * seconds;
      spark.y += spark.dy * seconds;
      spark.left -= seconds;
      c.fillStyle = `oklch(70% .15 ${spark.hue})`;
      c.globalAlpha = Math.max(0, spark.left * 2);
      c.fillRect(spark.x - 2, spark.y - 2, 4, 4);
    }
    c.globalAlpha = 1;
    this.#sparks = this.#sparks.filter(spark => spark.left > 0);
  }

  #tail(c: CanvasRenderingContext2D): void {
    if (calm.matches) return;
    this.#trail = [...this.#trail.slice(-22), { x: this.#ship.x, y: this.#ship.y }];
    this.#trail.forEach((at, n) => {
      c.globalAlpha = 0.3 * n / this.#trail.length;
      c.fillStyle = hue(this.#me.hue);
      c.beginPath();
      c.arc(at.x, at.y, 2 + 6 * n / this.#trail.length, 0, 7);
      c.fill();
    });
    c.globalAlpha = 1;
  }

  #vessel(c: CanvasRenderingContext2D, at: { x: number; y: number; heading: number } | undefined, player: Player | undefined, isMine: boolean): void {
    if (!at || !player) return;
    c.save();
    c.translate(at.x, at.y);
    if (isMine) {
      c.strokeStyle = hue(player.hue);
      c.globalAlpha = 0.35;
      c.lineWidth = 2;
      c.beginPath();
      c.arc(0, 0, REACH - 4, 0, 7);
      c.stroke();
      c.globalAlpha = 1;
    }
    c.rotate(at.heading);
    c.fillStyle = hue(player.hue);
    c.strokeStyle = this.#colours.ground;
    c.lineWidth = 2.5;
    c.lineJoin = 'round';
    c.beginPath();
    c.moveTo(19, 0);
    c.lineTo(-13, 12.5);
    c.lineTo(-7, 0);
    c.lineTo(-13, -12.5);
    c.closePath();
    c.stroke();
    c.fill();
    c.restore();
    c.font = `${isMine ? 700 : 560} 16px system-ui, sans-serif`;
    c.textAlign = 'center';
    c.fillStyle = isMine ? this.#colours.ink : this.#colours.soft;
    c.fillText(player.name, at.x, at.y + 42);
  }

  #listen(): void {
    const on = <K extends keyof WindowEventMap>(target: EventTarget, name: K, run: (event: WindowEventMap[K]) => void) => {
      target.addEventListener(name, run as EventListener);
      this.#stops.push(() => target.removeEventListener(name, run as EventListener));
    };
    const isTyping = (event: KeyboardEvent) => event.target instanceof HTMLElement && event.target.matches('input, textarea, select, a, button');
    on(window, 'keydown', event => {
      const key = event.key.toLowerCase();
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key.startsWith('arrow')) event.preventDefault();
      this.#keys.add(key);
    });
    on(window, 'keyup', event => this.#keys.delete(event.key.toLowerCase()));
    on(window, 'blur', () => { this.#keys.clear(); this.#pointer = undefined; });
    const point = (event: PointerEvent) => {
      const box = this.#canvas.getBoundingClientRect();
      const scale = this.#canvas.width / box.width;
      const view = this.#view(this.#canvas.width, this.#canvas.height);
      this.#pointer = { x: ((event.clientX - box.left) * scale - view.x) / view.scale, y: ((event.clientY - box.top) * scale - view.y) / view.scale };
    };
    on(this.#canvas, 'pointerdown', event => { this.#canvas.setPointerCapture(event.pointerId); point(event); });
    on(this.#canvas, 'pointermove', event => { if (this.#pointer) point(event); });
    on(this.#canvas, 'pointerup', () => { this.#pointer = undefined; });
    on(this.#canvas, 'pointercancel', () => { this.#pointer = undefined; });
  }
}

const hue = (of: number): string => `oklch(${isDark() ? '76%' : '56%'} .15 ${of})`;

/** The way from one angle to another, the short way round. */
function between(to: number, from: number): number {
  const off = (to - from) % (2 * Math.PI);
  return off > Math.PI ? off - 2 * Math.PI : off < -Math.PI ? off + 2 * Math.PI : off;
}

/** Where something was at that time: between the two places around it, else at the nearest. */
function between2(places: readonly Place[], at: number): Place | undefined {
  for (let n = places.length - 1; n > 0; n -= 1) {
    const [a, b] = [places[n - 1]!, places[n]!];
    if (a.at > at) continue;
    if (b.at <= at) return b;
    // Who comes from far away has been away: it does not cross the whole arena in a moment.
    if (Math.hypot(b.x - a.x, b.y - a.y) > 200) return b;
    const share = (at - a.at) / (b.at - a.at);
    return { at, x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share, heading: a.heading + between(b.heading, a.heading) * share };
  }
  return places.at(-1);
}
