import { useClient, useLive, useStream } from 'keywire/react';
import { useLast } from '../design/last.ts';

/** The hosts that somebody has collected for in the last day; and what one of them is. */
export const useHosts = () => useLive(['ZRANGE', 'demo:monitoring:hosts', 0, -1]).value;
export const useAbout = (host: string) => useLive<About>(['GET', `demo:monitoring:${host}:about`], { json: true }).value;

export interface About { readonly os: string; readonly kernel: string; readonly cores: number; readonly processor: string }

/** The newest figures. */
export const useFigures = (host: string) => useLive(['HGETALL', `demo:monitoring:${host}`]);

/** For which of them somebody still collects: keys that expire a few seconds after the last look. When one does, this changes. */
export function useCollected(hosts: string[]) {
  const { value } = useLive<(string | null)[]>(['MGET', ...hosts.map(host => `demo:monitoring:${host}:alive`)], { skip: hosts.length === 0 });
  return useLast(value && hosts.filter((_, n) => value[n]));
}

/** Its history, from a quarter of an hour by seconds to six hours by tens of them: what is there, and then what comes. */
export const useHistory = (host: string, step: '1s' | '10s') => useStream(`demo:monitoring:${host}:${step}`, { from: '0', keep: 2200 });

/** The busiest processes: a string of JSON; what changes inside it comes as a patch. */
export const useProcesses = (host: string) => useLive<Process[]>(['GET', `demo:monitoring:${host}:processes`], { json: true }).value ?? [];

export interface Process { readonly pid: number; readonly name: string; readonly cpu: number; readonly memory: number }

/** Above what something is alarming: the same for everybody who looks. */
export function useThresholds(): [Record<string, string>, (name: string, value: number) => void] {
  const kw = useClient();
  const { value } = useLive(['HGETALL', 'demo:monitoring:thresholds']);
  return [value ?? {}, (name, value) => void kw.command(['HSET', 'demo:monitoring:thresholds', name, value]).catch(() => {})];
}
