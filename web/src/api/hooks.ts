import { useEffect, useState } from 'preact/hooks';
import { currentLink, onLink, onTouch, type Link } from './live';
import { peekQuery, watchQuery, type Query } from './store';
import type { Touch } from './touch';

const NOTHING: Query<never> = { data: undefined, problem: undefined, at: 0, loading: false };

// The answer to GET /api/v1<path>, kept current. Null: nothing is asked.
export function useQuery<T>(path: string | null, touched?: (touch: Touch) => boolean): Query<T> {
	const [, render] = useState(0);
	useEffect(() => {
		if (path === null) return;
		return watchQuery(path, () => render((n) => n + 1), touched);
	}, [path]);
	return path === null ? NOTHING : peekQuery<T>(path);
}

export function useLink(): Link {
	const [link, set] = useState(currentLink());
	useEffect(() => onLink(set), []);
	return link;
}

export function useTouches(fn: (touch: Touch) => void, deps: unknown[]): void {
	useEffect(() => onTouch(fn), deps);
}

// Renders again every `ms`, for what says how long ago something was. Null: nothing moves.
export function useTick(ms: number | null): number {
	const [now, set] = useState(Date.now());
	useEffect(() => {
		if (ms === null) return;
		const timer = setInterval(() => {
			if (document.visibilityState === 'visible') set(Date.now());
		}, ms);
		return () => clearInterval(timer);
	}, [ms]);
	return now;
}
