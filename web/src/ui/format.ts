// Numbers and times as text. Pure. Times are microseconds since 1970, lengths microseconds.

export const SEC = 1e6;
const MIN = 60 * SEC;
const HOUR = 60 * MIN;
const DAY = 24 * HOUR;

// How far the daemon's clock is ahead of ours, in microseconds: ages are counted by the clock that wrote the times.
let ahead = 0;
export function setServerNow(now: number): void {
	ahead = now - Date.now() * 1000;
	// Less than a second is the network, not the clock.
	if (Math.abs(ahead) < SEC) ahead = 0;
}
export const serverNow = (): number => Date.now() * 1000 + ahead;

// "0.4 s", "12 s", "3 m 05 s", "2 h 14 m", "3 d 4 h"
export function duration(usec: number): string {
	if (usec < 0) usec = 0;
	if (usec < SEC) return `${Math.round(usec / 1000)} ms`;
	if (usec < 10 * SEC) return `${(usec / SEC).toFixed(1)} s`;
	if (usec < MIN) return `${Math.round(usec / SEC)} s`;
	if (usec < HOUR) return `${Math.floor(usec / MIN)} m ${String(Math.floor((usec % MIN) / SEC)).padStart(2, '0')} s`;
	if (usec < DAY) return `${Math.floor(usec / HOUR)} h ${String(Math.floor((usec % HOUR) / MIN)).padStart(2, '0')} m`;
	const hours = Math.floor((usec % DAY) / HOUR);
	return `${Math.floor(usec / DAY)} d${hours ? ` ${hours} h` : ''}`;
}

// One unit only: "now", "12 s", "5 m", "3 h", "2 d", "4 w"
export function shortAge(usec: number): string {
	if (usec < 5 * SEC) return 'now';
	if (usec < MIN) return `${Math.floor(usec / SEC)} s`;
	if (usec < HOUR) return `${Math.floor(usec / MIN)} m`;
	if (usec < DAY) return `${Math.floor(usec / HOUR)} h`;
	if (usec < 14 * DAY) return `${Math.floor(usec / DAY)} d`;
	return `${Math.floor(usec / (7 * DAY))} w`;
}
// The same to the nearest: what ends in 5 h 59 m ends "in 6 h".
export function shortLeft(usec: number): string {
	const unit = usec < MIN ? SEC : usec < HOUR ? MIN : usec < DAY ? HOUR : usec < 14 * DAY ? DAY : 7 * DAY;
	return shortAge(Math.round(usec / unit) * unit);
}
export function ago(at: number, now: number): string {
	if (at > now + 2 * SEC) return `in ${shortLeft(at - now)}`;
	const text = shortAge(now - at);
	return text === 'now' ? 'just now' : `${text} ago`;
}
// When the text of shortAge changes next: no more renders than needed.
export function ageTick(usec: number): number {
	const far = Math.abs(usec);
	return far < MIN ? 1_000 : far < HOUR ? 15_000 : 60_000;
}

const exactFormat = new Intl.DateTimeFormat('en-GB', {
	weekday: 'short', year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
});
export const exact = (at: number): string => exactFormat.format(at / 1000);
export const iso = (at: number): string => new Date(at / 1000).toISOString();

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const clock = (at: number): string => clockFormat.format(at / 1000);
// For logs, where lines are milliseconds apart.
export const clockMs = (at: number): string => `${clock(at)}.${String(Math.floor(at / 1000) % 1000).padStart(3, '0')}`;

export function percent(share: number, digits = 1): string {
	return `${(share * 100).toFixed(digits)} %`;
}
export function count(n: number): string {
	return n.toLocaleString('en-US').replaceAll(',', '\u2009');
}
export function plural(n: number, one: string, many = `${one}s`): string {
	return `${count(n)} ${n === 1 ? one : many}`;
}
export function bytes(n: number): string {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let i = 0;
	while (n >= 1024 && i < units.length - 1) {
		n /= 1024;
		i++;
	}
	return `${i ? n.toFixed(1) : n} ${units[i]}`;
}

// "sha256:84a3727410e1..." or a commit: its first characters, which is how people say it.
export function shortDigest(digest: string): string {
	return digest.replace(/^sha\d+:/, '').slice(0, digest.startsWith('sha') ? 12 : 8);
}
// "user:ann" is Ann to the people who work with her.
export function person(actor: string): string {
	return actor.replace(/^user:/, '');
}
// "refs/heads/main": main; "refs/tags/v1": v1
export function shortRef(ref: string): string {
	return ref.replace(/^refs\/(heads|tags|pull)\//, '');
}
