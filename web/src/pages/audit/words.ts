// A record as people see it. Pure.
import { bytes, person } from '../../ui/format';
import type { IconName } from '../../ui/icon';
import type { Tone } from '../../ui/state';
import type { Entry } from './source';

// A value before or after: what a person reads is what it stands for.
export function shownValue(value: unknown): string {
	if (value === undefined || value === null) return '';
	if (typeof value === 'string') return value;
	if (Array.isArray(value) && value.every((v) => typeof v === 'string')) return value.join(', ');
	return JSON.stringify(value);
}

// Who, and what they did: the API's sentence begins with who.
export function sentence(entry: Entry): { who: string; did: string } {
	const who = person(entry.actor);
	const text = entry.summary ?? entry.type.replaceAll(/[._]/g, ' ');
	return text.startsWith(`${who} `) ? { who, did: text.slice(who.length + 1) } : { who: '', did: text };
}

// Bytes are no reading: what they are, and how many. The whole record stands in the journal.
const BASE64_SHOWN = 120;
const saved: Record<string, string> = { 'watch.history': "what the verdict remembers of the old version's traffic before the rollout" };
export function shownPayload(entry: Entry): { text: string; short: boolean } {
	let short = false;
	const rest: Record<string, unknown> = {};
	if (entry.payload_bytes) return { text: `(${bytes(entry.payload_bytes)}: ${saved[entry.type] ?? 'too long for a list'})`, short: true };
	for (const [key, value] of Object.entries(entry.payload ?? {})) {
		if (['changes', 'address', 'via'].includes(key)) continue;
		const is64 = typeof value === 'string' && value.length > BASE64_SHOWN && /^[A-Za-z0-9+/_-]+=*$/.test(value);
		rest[key] = is64 ? `(${bytes(Math.floor((value.replace(/=+$/, '').length * 3) / 4))}: ${key === 'text' && saved[entry.type] ? saved[entry.type] : 'bytes, as base64'})` : value;
		short ||= is64;
	}
	return { text: Object.keys(rest).length ? JSON.stringify(rest, null, 2) : '', short };
}

export interface Kind {
	tone: Tone;
	icon: IconName;
	label: string;
}
// What a record is: a decision, somebody who was refused, who may come in, or what the machine did.
export function kindOf(entry: Entry): Kind {
	const p = entry.payload ?? {};
	if (entry.type === 'access.denied' || entry.type === 'person.refused') return { tone: 'bad', icon: 'shield', label: 'refused' };
	if (entry.type === 'person.approve') return p['ok'] === true ? { tone: 'ok', icon: 'passed', label: 'approval' } : { tone: 'bad', icon: 'failed', label: 'rejection' };
	if (entry.type.startsWith('person.')) return { tone: 'wait', icon: 'person', label: 'decision' };
	if (entry.type.startsWith('access.')) return { tone: 'kept', icon: 'shield', label: 'access' };
	if (typeof p['error'] === 'string' && p['error']) return { tone: 'bad', icon: 'failed', label: 'failure' };
	if (entry.decision) return { tone: 'run', icon: 'flag', label: 'decision of the system' };
	return { tone: 'idle', icon: 'commit', label: entry.type.split('.')[0] ?? '' };
}

// The page that shows what a record is about; undefined: none does.
export function hrefOf(subject: string): string | undefined {
	if (/^run-\d+$/.test(subject)) return `/runs/${subject}`;
	const job = /^(run-\d+)\/.+/.exec(subject);
	if (job) return `/runs/${job[1]}?job=${encodeURIComponent(subject)}`;
	if (/^rel-\d+$/.test(subject)) return `/releases/${subject}`;
	if (/^ro-\d+$/.test(subject)) return `/rollouts/${subject}`;
	if (/^inc-\d+$/.test(subject)) return `/incidents/${subject}`;
	return undefined;
}
