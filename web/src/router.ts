// Where we are: the address is the only state of navigation, so that every view can be linked, and back and forward just work.
import { useEffect, useState } from 'preact/hooks';

export interface Place {
	path: string;
	query: URLSearchParams;
	hash: string; // without "#"
}

// "/runs/:id" against "/runs/run-7": {id: "run-7"}; ":rest+" takes all that is left. Null: no match.
export function match(pattern: string, path: string): Record<string, string> | null {
	const want = pattern.split('/').filter(Boolean);
	const have = path.split('/').filter(Boolean);
	const found: Record<string, string> = {};
	for (let i = 0; i < want.length; i++) {
		const part = want[i] as string;
		if (part.startsWith(':') && part.endsWith('+')) {
			if (have.length <= i) return null;
			found[part.slice(1, -1)] = have.slice(i).map(decode).join('/');
			return found;
		}
		if (have[i] === undefined) return null;
		if (part.startsWith(':')) found[part.slice(1)] = decode(have[i] as string);
		else if (part !== have[i]) return null;
	}
	return have.length === want.length ? found : null;
}

function decode(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text; // a lone "%" is a "%"
	}
}

// The address with some of its query replaced; null and "" leave out.
export function withQuery(place: Place, change: Record<string, string | null>): string {
	const query = new URLSearchParams(place.query);
	for (const [key, value] of Object.entries(change)) {
		if (value === null || value === '') query.delete(key);
		else query.set(key, value);
	}
	const text = query.toString();
	return place.path + (text ? `?${text}` : '') + (place.hash ? `#${place.hash}` : '');
}

const watchers = new Set<() => void>();
const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search), hash: decode(location.hash.slice(1)) });
let place: Place | undefined;
export function currentPlace(): Place {
	return (place ??= here());
}
function moved(): void {
	place = here();
	for (const fn of [...watchers]) fn();
}

// Scroll positions belong to entries of the history, not to addresses: the same page may stand in it twice.
function keepScroll(): void {
	history.replaceState({ ...history.state, scroll: scrollY }, '');
}

export function go(to: string, how: { replace?: boolean; keepScroll?: boolean } = {}): void {
	const url = new URL(to, location.href);
	if (url.origin !== location.origin) return;
	if (url.href === location.href) return;
	const pathChanged = url.pathname !== location.pathname;
	if (how.replace) history.replaceState(history.state, '', url);
	else {
		keepScroll();
		history.pushState({}, '', url);
	}
	moved();
	if (pathChanged && !how.keepScroll) scrollTo(0, 0);
}

// Content comes after the page: try for a second until it is tall enough.
function restoreScroll(y: number): void {
	const end = Date.now() + 1000;
	const step = () => {
		scrollTo(0, y);
		if (Math.abs(scrollY - y) > 2 && Date.now() < end) requestAnimationFrame(step);
	};
	step();
}

function onClick(event: MouseEvent): void {
	if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
	const anchor = (event.target as Element | null)?.closest?.('a');
	if (!anchor || anchor.target || anchor.hasAttribute('download') || anchor.origin !== location.origin) return;
	if (anchor.pathname.startsWith('/api/') || anchor.pathname.startsWith('/assets/')) return;
	if (anchor.pathname === location.pathname && anchor.search === location.search && anchor.hash) return; // the browser's own jump
	event.preventDefault();
	go(anchor.href);
}

export function startRouter(): void {
	history.scrollRestoration = 'manual';
	addEventListener('popstate', (event) => {
		moved();
		const scroll = (event.state as { scroll?: number } | null)?.scroll;
		restoreScroll(scroll ?? 0);
	});
	addEventListener('hashchange', moved);
	addEventListener('pagehide', keepScroll);
	document.addEventListener('click', onClick);
	const scroll = (history.state as { scroll?: number } | null)?.scroll;
	if (scroll) restoreScroll(scroll);
}

export function usePlace(): Place {
	const [, render] = useState(0);
	useEffect(() => {
		const fn = () => render((n) => n + 1);
		watchers.add(fn);
		return () => void watchers.delete(fn);
	}, []);
	return currentPlace();
}
