// One stream of events for all tabs: the tab that holds the lock reads it and tells the others. A browser gives a host six connections
// over HTTP/1.1; six tabs with a stream each would leave none for requests.
import { BASE } from './client';
import { SseParser } from './sse';
import { touchOf, type Touch } from './touch';
import type { JournalRecord } from './types';

export type LinkState = 'connecting' | 'live' | 'broken';
export interface Link {
	state: LinkState;
	heard: number; // ms: when the server last said something
	seq: number; // of the newest record that we know of
}

const SILENCE = 50_000; // ms; the server's heartbeat comes every 20 s
const TELL = 10_000; // how often the leader says how it is
const SLEPT = 20_000; // a timer that comes this much too late: the machine slept
const CHANNEL = 'penstock-events';

type Told = { kind: 'touch'; touch: Touch } | { kind: 'link'; link: Link } | { kind: 'hello' } | { kind: 'resync' };

let link: Link = { state: 'connecting', heard: 0, seq: 0 };
const linkWatchers = new Set<(link: Link) => void>();
const touchWatchers = new Set<(touch: Touch) => void>();
const resyncWatchers = new Set<() => void>();
let channel: BroadcastChannel | undefined;
let leading = false;
let reader: AbortController | undefined;
let retry = 0;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let lastTold = 0;

export const currentLink = (): Link => link;
function watch<F>(set: Set<F>, fn: F): () => void {
	set.add(fn);
	return () => void set.delete(fn);
}
export const onLink = (fn: (link: Link) => void) => watch(linkWatchers, fn);
export const onTouch = (fn: (touch: Touch) => void) => watch(touchWatchers, fn);
// Something may have been missed: whatever is shown is to be asked for again.
export const onResync = (fn: () => void) => watch(resyncWatchers, fn);

function setLink(next: Link): void {
	link = next;
	for (const fn of linkWatchers) fn(link);
}
function tell(what: Told): void {
	channel?.postMessage(what);
}
function setLeaderLink(next: Partial<Link>): void {
	setLink({ ...link, ...next });
	lastTold = Date.now();
	tell({ kind: 'link', link });
}
function resync(): void {
	for (const fn of resyncWatchers) fn();
}

function take(touch: Touch): void {
	const gap = link.seq > 0 && touch.seq > link.seq + 1;
	if (touch.seq <= link.seq) return; // seen: the stream began a little earlier
	link = { ...link, seq: touch.seq, heard: Date.now() };
	for (const fn of touchWatchers) fn(touch);
	if (gap) resync();
}

// ---- the leader's stream ----

async function follow(): Promise<void> {
	const mine = new AbortController();
	reader?.abort();
	reader = mine;
	let heard = Date.now();
	const watchdog = setInterval(() => {
		if (Date.now() - heard > SILENCE) mine.abort();
	}, 5_000);
	try {
		const headers: Record<string, string> = { Accept: 'text/event-stream' };
		if (link.seq) headers['Last-Event-ID'] = String(link.seq);
		const response = await fetch(`${BASE}/events`, { headers, credentials: 'same-origin', cache: 'no-store', signal: mine.signal });
		if (!response.ok || !response.body) {
			if (response.status === 401) retry = 6; // the next ordinary request leads to /login
			throw new Error(`events: ${response.status}`);
		}
		const reconnected = retry > 0 || link.state === 'broken';
		retry = 0;
		setLeaderLink({ state: 'live', heard: Date.now() });
		// What came between is in the stream, if the server still knows our place; asking again is cheap and sure.
		if (reconnected) {
			resync();
			tell({ kind: 'resync' });
		}
		const parser = new SseParser((event) => {
			if (event.event !== 'record') return;
			const touch = touchOf(JSON.parse(event.data) as JournalRecord);
			take(touch);
			tell({ kind: 'touch', touch });
		});
		const decoder = new TextDecoder();
		const body = response.body.getReader();
		for (;;) {
			const { done, value } = await body.read();
			if (done) break;
			heard = Date.now();
			link = { ...link, heard };
			parser.feed(decoder.decode(value, { stream: true }));
			if (heard - lastTold > TELL) setLeaderLink({});
		}
	} catch {
		// told below: there is only one answer to a broken stream
	} finally {
		clearInterval(watchdog);
	}
	if (reader !== mine || !leading) return; // replaced meanwhile
	setLeaderLink({ state: 'broken' });
	retry++;
	// Doubling up to 15 s, with a spread, so that a thousand browsers do not come back in the same second.
	const wait = Math.min(15_000, 250 * 2 ** Math.min(retry, 6)) * (0.75 + Math.random() / 2);
	retryTimer = setTimeout(() => void follow(), wait);
}

function reconnectNow(): void {
	if (!leading) {
		tell({ kind: 'hello' });
		return;
	}
	clearTimeout(retryTimer);
	retry = Math.max(retry, 1);
	void follow();
}

// ---- all tabs ----

function listen(): void {
	channel = new BroadcastChannel(CHANNEL);
	channel.onmessage = (message: MessageEvent<Told>) => {
		const told = message.data;
		if (told.kind === 'hello' && leading) tell({ kind: 'link', link });
		if (leading) return;
		if (told.kind === 'touch') take(told.touch);
		else if (told.kind === 'resync') resync();
		else if (told.kind === 'link') {
			lastTold = Date.now();
			const missed = link.seq > 0 && told.link.seq > link.seq;
			setLink(told.link);
			if (missed) resync();
		}
	};
	tell({ kind: 'hello' });
}

function lead(): void {
	const begin = () => {
		leading = true;
		void follow();
	};
	// Without locks (an old browser, or http on a name that is not localhost) each tab reads for itself.
	if (!navigator.locks) {
		begin();
		return;
	}
	void navigator.locks.request(CHANNEL, () => {
		begin();
		return new Promise<void>(() => {}); // held until the tab is gone
	});
}

function watchSleep(): void {
	let last = Date.now();
	setInterval(() => {
		const now = Date.now();
		if (now - last > SLEPT) {
			resync();
			reconnectNow();
		}
		last = now;
		// A follower whose leader is silent: it may be frozen. Say so rather than look live.
		if (!leading && lastTold && now - lastTold > TELL * 3) setLink({ ...link, state: 'broken' });
		else if (link.state !== 'live') setLink({ ...link }); // its age is shown
	}, 5_000);
	const awake = () => {
		if (document.visibilityState !== 'visible') return;
		if (Date.now() - link.heard > SILENCE || link.state !== 'live') reconnectNow();
	};
	document.addEventListener('visibilitychange', awake);
	addEventListener('pageshow', (event) => {
		if (event.persisted) resync();
		awake();
	});
	addEventListener('online', () => {
		resync();
		reconnectNow();
	});
	addEventListener('offline', () => setLink({ ...link, state: 'broken' }));
}

let begun = false;
// seq: of the state that was read last; the stream goes on from there.
export function startLive(seq: number): void {
	if (begun) return;
	begun = true;
	link = { ...link, seq };
	if (typeof BroadcastChannel !== 'undefined') listen();
	lead();
	watchSleep();
}
