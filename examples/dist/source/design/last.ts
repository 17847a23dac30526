/** The last value that was known: for the moment in which another question has not been answered yet. */
import { useRef } from 'preact/hooks';

export function useLast<T>(value: T | undefined): T | undefined {
  const last = useRef<T | undefined>(undefined);
  if (value !== undefined) last.current = value;
  return last.current;
}
