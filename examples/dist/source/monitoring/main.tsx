/** The monitoring's screen. What it knows of Redis is in live.ts. */
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Entry } from 'keywire';
import { useConnection } from 'keywire/react';
import { bytes, count, duration, number, rate } from '../design/format.ts';
import { start } from '../design/shell.tsx';
import { Chart, type Series } from './chart.tsx';
import code from './live.ts?raw';
import { useAbout, useCollected, useFigures, useHistory, useHosts, useProcesses, useThresholds } from './live.ts';
import './style.css';

/** What is looked back on, in seconds, and in which steps. */
const RANGES = [
  { name: '2 min', seconds: 120, step: '1s' },
  { name: '15 min', seconds: 900, step: '1s' },
  { name: '6 h', seconds: 21_600, step: '10s' },
] as const;
type Range = (typeof RANGES)[number];
/** A stretch of time that was zoomed into, in seconds since 1970. */
export type Zoom = readonly [from: number, to: number];

const DEFAULTS: Record<string, number> = { cpu: 85, memory: 90, disk: 90, load: 2 };

function Monitoring() {
  const hosts = useHosts();
  const names = hosts?.toSorted() ?? [];
  const [chosen, choose] = useState<string>();
  const collected = useCollected(names);
  const host = chosen ?? collected?.[0] ?? names[0];
  if (!hosts || (names.length > 0 && !collected)) return <p class="empty soft" role="status">Waiting for the first figures …</p>;
  if (!host) return <p class="empty soft" role="status">Nobody collects yet: run <code>keywire collect</code> beside this server.</p>;
  return <Host key={host} host={host} hosts={names} choose={choose} isCollected={!!collected?.includes(host)} />;
}

function Host({ host, hosts, choose, isCollected }: { host: string; isCollected: boolean; hosts: string[]; choose: (host: string) => void }) {
  const about = useAbout(host);
  const { value, state } = useFigures(host);
  const { state: connection } = useConnection();
  const [range, setRange] = useState<Range>(RANGES[0]);
  const [zoom, setZoom] = useState<Zoom>();
  const history = useHistory(host, range.step);
  const [thresholds, setThreshold] = useThresholds();
  const figures = value ?? {};
  const figure = (name: string) => number(figures[name]);
  const limit = (name: string) => number(thresholds[name]) || DEFAULTS[name]!;
  const isStale = state === 'stale' || connection !== 'open' || !isCollected;
  const data = useMemo(() => columns(history.entries), [history.entries]);
  const cores = (figures.cores_percent ?? '').split(',').map(Number);
  const memory = 100 * figure('memory_used_bytes') / (figure('memory_total_bytes') || 1);
  const disk = 100 * figure('disk_used_bytes') / (figure('disk_total_bytes') || 1);
  const chart = (series: Series[], extra: { most?: number; limit?: number; format: (value: number) => string; label: string }) => (
    <Chart data={data} series={series} range={range.seconds} step={range.step === '1s' ? 1 : 10} zoom={zoom} onZoom={setZoom} {...extra} />
  );

  return (
    <>
      <header class="host">
        <div>
          <h1>{hosts.length < 2 ? host : <><label class="hidden" for="host">Host</label><select id="host" class="field" value={host} onChange={event => choose(event.currentTarget.value)}>{hosts.map(name => <option key={name}>{name}</option>)}</select></>}</h1>
          <p class="soft">{[about?.os, about && `${about.cores} cores`, about?.processor, figures.uptime_s && `up ${duration(figure('uptime_s'))}`].filter(Boolean).join(' · ')}</p>
        </div>
        <p class={`collected ${isStale ? 'is-away' : ''}`} role="status" id="collected">
          {connection !== 'open' ? 'No connection: these are the last figures' : !isCollected ? 'The collector is silent: these are its last figures' : ''}
        </p>
        <div class="group" role="group" aria-label="Time shown">
          {RANGES.map(each => <button key={each.name} class="quiet" type="button" aria-pressed={each === range && !zoom} onClick={() => { setRange(each); setZoom(undefined); }}>{each.name}</button>)}
        </div>
        {zoom && <button class="quiet" type="button" id="unzoom" onClick={() => setZoom(undefined)}>Back to live</button>}
      </header>

      <div class={`tiles ${isStale ? 'is-stale' : ''}`} aria-busy={!value}>
        <Tile id="cpu" label="Processor" value={`${figure('cpu_percent').toFixed(0)} %`} share={figure('cpu_percent')} limit={limit('cpu')} onLimit={value => setThreshold('cpu', value)}>
          <span class="cores" role="img" aria-label={`By core: ${cores.map(core => `${core} %`).join(', ')}`}>{cores.slice(0, 64).map((core, n) => <i key={n} style={{ '--share': String(core / 100) }} class={core > limit('cpu') ? 'over' : ''} />)}</span>
        </Tile>
        <Tile id="memory" label="Memory" value={`${memory.toFixed(0)} %`} share={memory} limit={limit('memory')} onLimit={value => setThreshold('memory', value)}>
          {bytes(figure('memory_used_bytes'))} of {bytes(figure('memory_total_bytes'))}
        </Tile>
        <Tile id="disk" label="Disk" value={`${disk.toFixed(0)} %`} share={disk} limit={limit('disk')} onLimit={value => setThreshold('disk', value)}>
          {bytes(figure('disk_used_bytes'))} of {bytes(figure('disk_total_bytes'))}
        </Tile>
        <Tile id="load" label="Load per core" value={(figure('load1') / (cores.length || 1)).toFixed(2)} share={50 * figure('load1') / (cores.length || 1)} unit="" step={0.5} most={20} limit={limit('load')} over={figure('load1') / (cores.length || 1) > limit('load')} onLimit={value => setThreshold('load', value)}>
          {figure('load1').toFixed(2)} on {cores.length} cores
        </Tile>
      </div>

      <div class={`charts ${isStale ? 'is-stale' : ''}`}>
        <Panel title="Processor" note="per cent of all cores">
          {chart([{ name: 'cpu', field: 'cpu', colour: 'c1', area: true }, { name: 'keywire', field: 'gcpu', colour: 'c4' }], { most: 100, limit: limit('cpu'), format: value => `${value.toFixed(0)} %`, label: 'Processor load over time' })}
        </Panel>
        <Panel title="Memory" note="in use">
          {chart([{ name: 'memory', field: 'mem', colour: 'c2', area: true }], { most: figure('memory_total_bytes'), limit: limit('memory') / 100 * figure('memory_total_bytes'), format: bytes, label: 'Memory in use over time' })}
        </Panel>
        <Panel title="Network" note={`in ${rate(figure('net_rx_bytes_per_s'))} · out ${rate(figure('net_tx_bytes_per_s'))}`}>
          {chart([{ name: 'in', field: 'rx', colour: 'c3', area: true }, { name: 'out', field: 'tx', colour: 'c1' }], { format: rate, label: 'Network traffic over time' })}
        </Panel>
        <Panel title="keywire" note={`${count(figure('gateway_connections'))} connections · ${count(figure('gateway_feeds'))} feeds`}>
          {chart([{ name: 'commands/s', field: 'cmd', colour: 'c4' }, { name: 'frames/s', field: 'out', colour: 'c2' }], { format: count, label: 'Commands and frames of the gateway a second, over time' })}
        </Panel>
      </div>

      <div class={`lower ${isStale ? 'is-stale' : ''}`}>
        <section class="card gateway" aria-labelledby="gateway-title">
          <h2 id="gateway-title">The gateway</h2>
          <dl>
            <Fact name="Connections" value={count(figure('gateway_connections'))} />
            <Fact name="Live feeds" value={count(figure('gateway_feeds'))} />
            <Fact name="Commands/s" value={count(figure('gateway_commands_per_s'))} />
            <Fact name="Reads/s" value={count(figure('gateway_reads_per_s'))} />
            <Fact name="Frames/s" value={count(figure('gateway_frames_per_s'))} />
            <Fact name="Sent" value={rate(figure('gateway_bytes_per_s'))} />
            {figures.gateway_cpu_percent && <Fact name="Processor" value={`${figure('gateway_cpu_percent').toFixed(1)} %`} />}
            {figures.gateway_memory_bytes && <Fact name="Memory" value={bytes(figure('gateway_memory_bytes'))} />}
          </dl>
        </section>
        <Processes host={host} />
      </div>
    </>
  );
}

function Tile({ id, label, value, share, unit = ' %', limit, most = 100, step = 5, over = share > limit, onLimit, children }: { id: string; label: string; value: string; share: number; unit?: string; limit: number; most?: number; step?: number; over?: boolean; onLimit: (value: number) => void; children: ComponentChildren }) {
  return (
    <section class={`card tile ${over ? 'over' : ''}`} id={`tile-${id}`} aria-labelledby={`${id}-label`}>
      <header>
        <h2 class="label" id={`${id}-label`}>{label}</h2>
        <label class="limit"><span class="soft">alarm above</span>
          <input class="num" type="number" id={`limit-${id}`} min={step} max={most} step={step} value={limit} aria-label={`${label}: alarm above`} onChange={event => onLimit(Number(event.currentTarget.value) || limit)} />{unit}
        </label>
      </header>
      <p class="figure num" id={`figure-${id}`}>{value}{over && <span class="alarm">over {limit}{unit}</span>}</p>
      <div class="meter" aria-hidden="true"><i style={{ '--share': String(Math.min(share, 100) / 100) }} />{most === 100 && <b style={{ '--share': String(limit / 100) }} />}</div>
      <p class="soft small num">{children}</p>
    </section>
  );
}

const Panel = ({ title, note, children }: { title: string; note: string; children: ComponentChildren }) => (
  <section class="card panel"><header><h2>{title}</h2><span class="soft small num">{note}</span></header>{children}</section>
);

const Fact = ({ name, value }: { name: string; value: string }) => <div><dt class="soft">{name}</dt><dd class="num">{value}</dd></div>;

function Processes({ host }: { host: string }) {
  const processes = useProcesses(host);
  return (
    <section class="card processes" aria-labelledby="processes-title">
      <h2 id="processes-title">Busiest processes</h2>
      <table>
        <thead><tr><th scope="col">Process</th><th scope="col" class="pid">PID</th><th scope="col">CPU</th><th scope="col">Memory</th></tr></thead>
        <tbody>
          {processes.map(process => (
            <tr key={process.pid}>
              <th scope="row">{process.name}</th><td class="num pid">{process.pid}</td>
              <td class="num share"><i style={{ '--share': String(Math.min(process.cpu, 100) / 100) }} aria-hidden="true" />{process.cpu.toFixed(1)} %</td><td class="num">{bytes(process.memory)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export type Columns = Record<string, number[]>;

/** Entries as columns: the time in seconds, and each field. */
function columns(entries: readonly Entry[]): Columns {
  const all: Columns = { time: entries.map(([id]) => Number(id.split('-')[0]) / 1000) };
  for (const field of ['cpu', 'mem', 'rx', 'tx', 'cmd', 'out', 'gcpu']) all[field] = entries.map(([, fields]) => number((fields as Record<string, string>)[field]));
  return all;
}

start('monitoring', code, Monitoring);
