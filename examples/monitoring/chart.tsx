/** A chart over time: uPlot, in the design's colours. Drag to zoom; all charts show the same stretch and the same cursor. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { colour, useDark } from '../design/theme.ts';
import type { Columns, Zoom } from './main.tsx';

export interface Series { readonly name: string; readonly field: string; readonly colour: string; readonly area?: boolean }

interface Props {
  readonly data: Columns;
  readonly series: readonly Series[];
  /** How far back, in seconds, and the distance of two points: longer ones are holes. */
  readonly range: number;
  readonly step: number;
  readonly zoom: Zoom | undefined;
  readonly onZoom: (zoom: Zoom) => void;
  /** The top of the scale, if it is known. */
  readonly most?: number;
  /** Above what it is alarming: a line, red above. */
  readonly limit?: number;
  readonly format: (value: number) => string;
  readonly label: string;
}

const HEIGHT = 172;

export function Chart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const dark = useDark();
  const { data, series, zoom, range } = props;

  useLayoutEffect(() => {
    plot.current = new uPlot(options(host.current!.clientWidth, latest), [[], ...series.map(() => [])] as unknown as uPlot.AlignedData, host.current!);
    const observer = new ResizeObserver(([entry]) => plot.current?.setSize({ width: entry!.contentRect.width, height: HEIGHT }));
    observer.observe(host.current!);
    return () => { observer.disconnect(); plot.current?.destroy(); };
  }, [dark]);

  useEffect(() => {
    const chart = plot.current!;
    const time = data.time!;
    const end = time.at(-1) ?? Date.now() / 1000;
    const [min, max] = zoom ?? [end - range, end];
    chart.batch(() => {
      chart.setData(withHoles(time, series.map(each => data[each.field]!), latest.current.step), false);
      chart.setScale('x', { min, max });
    });
  }, [data, zoom, range, dark, props.limit, props.most]);

  const last = data[series[0]!.field]!.at(-1);
  return (
    <figure class="chart">
      <div ref={host} role="img" aria-label={`${props.label}; now ${last === undefined ? 'unknown' : props.format(last)}`} />
      <figcaption>{series.map(each => <span key={each.name}><i style={{ background: `var(--${each.colour})` }} />{each.name}</span>)}</figcaption>
    </figure>
  );
}

/** Where nobody collected there is no line. */
function withHoles(time: number[], values: number[][], step: number): uPlot.AlignedData {
  const holes: (number | null)[][] = [[], ...values.map(() => [])];
  time.forEach((at, n) => {
    const before = time[n - 1];
    if (before !== undefined && at - before > 4 * step) { holes[0]!.push(before + step); values.forEach((_, k) => holes[k + 1]!.push(null)); }
    holes[0]!.push(at);
    values.forEach((column, k) => holes[k + 1]!.push(column[n]!));
  });
  return holes as unknown as uPlot.AlignedData;
}

function options(width: number, latest: { current: Props }): uPlot.Options {
  const [line, soft, bad] = [colour('line'), colour('soft'), colour('bad')];
  const { series, format } = latest.current;
  const axis: uPlot.Axis = { stroke: soft, font: '11px system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    cursor: { sync: { key: 'monitoring' }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    legend: { show: false },
    scales: { y: { range: (_, __, most) => [0, latest.current.most || Math.max(most * 1.15, 10)] } },
    axes: [
      { ...axis, size: 30, space: 80, values: (_, times) => times.map(at => new Date(at * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: latest.current.range < 600 ? '2-digit' : undefined, hourCycle: 'h23' })) },
      { ...axis, size: 62, gap: 6, space: 36, values: (_, values) => values.map(format) },
    ],
    series: [{}, ...series.map((each): uPlot.Series => ({
      stroke: chart => shade(chart, colour(each.colour), bad, latest.current.limit),
      fill: each.area ? chart => shade(chart, fade(colour(each.colour)), fade(bad), latest.current.limit) : undefined,
      width: 1.8,
      points: { show: false },
    }))],
    hooks: {
      setSelect: [chart => {
        if (chart.select.width < 6) return;
        const [from, to] = [chart.select.left, chart.select.left + chart.select.width].map(at => chart.posToVal(at, 'x')) as [number, number];
        chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        latest.current.onZoom([from, to]);
      }],
      draw: [chart => {
        const { limit } = latest.current;
        if (!limit) return;
        const y = chart.valToPos(limit, 'y', true);
        const { ctx, bbox } = chart;
        ctx.save();
        ctx.strokeStyle = bad;
        ctx.globalAlpha = 0.7;
        ctx.setLineDash([4, 5]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
        ctx.restore();
      }],
    },
  };
}

/** One colour below the limit, another above it. */
function shade(chart: uPlot, below: string, above: string, limit: number | undefined): string | CanvasGradient {
  const { top, height } = chart.bbox;
  const max = chart.scales.y?.max;
  if (!limit || !max || limit >= max || !height) return below;
  const at = Math.min(Math.max(1 - limit / max, 0), 1);
  const gradient = chart.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, above);
  gradient.addColorStop(at, above);
  gradient.addColorStop(at, below);
  gradient.addColorStop(1, below);
  return gradient;
}

const fade = (rgb: string): string => rgb.replace(/^rgb\(([^)]+)\)$/, 'rgba($1, 0.16)');
