import { useClient, useLive, useStream } from 'keywire/react';

/** The hosts that somebody collects for, and what they are. */
export const useHosts = () => useLive<Record<string, About>>(['HGETALL', 'demo:monitoring:hosts'], { json: true }).value;

export interface About { readonly os: string; readonly kernel: string; readonly cores: number; readonly processor: string }

/** The newest figures. */
export const useFigures = (host: string) => useLive(['HGETALL', `demo:monitoring:${host}`]);

/** Whether somebody still collects: a key that expires a few seconds after the last look. When it does, this changes. */
export const useIsCollected = (host: string) => useLive(['GET', `demo:monitoring:${host}:alive`]).value !== null;

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
