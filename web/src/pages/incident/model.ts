// The timeline of an incident with the deploys beside it. Pure.
import type { Incident, Rollout } from '../../api/types';
import { duration } from '../../ui/format';

export interface Line {
	at: number;
	side: 'event' | 'deploy';
	tone: 'bad' | 'ok' | 'wait' | 'run' | 'idle';
	text: string;
	by?: string;
	href?: string;
	suspect?: boolean;
	phase?: 'opened' | 'mitigated' | 'closed';
}

// What happened, without its numbers: those stand in the timeline.
export const headOf = (title: string | undefined): string => (title ?? '').split('; ')[0] ?? '';

const rank = (l: Line) => (l.phase === 'opened' ? 0 : l.side === 'deploy' ? 1 : 2);

export function linesOf(i: Incident): Line[] {
	const lines: Line[] = [];
	if (i.opened_at) lines.push({ at: i.opened_at, side: 'event', tone: 'bad', text: 'Opened', phase: 'opened' });
	for (const m of i.timeline ?? []) lines.push({ at: m.at, side: 'event', tone: 'idle', text: m.text ?? '', ...(m.actor ? { by: m.actor } : {}) });
	if (i.mitigated_at) lines.push({ at: i.mitigated_at, side: 'event', tone: 'ok', text: 'Mitigated: users are not hurt any more', phase: 'mitigated' });
	if (i.closed_at) lines.push({ at: i.closed_at, side: 'event', tone: 'ok', text: 'Closed', phase: 'closed' });
	for (const d of i.deploys ?? []) {
		const what = `${d.unit}${d.release ? ` of ${d.release}` : ''}`;
		const begins = d.returns ? 'returns' : 'begins';
		const end = d.state === 'done' ? 'live' : `${d.state.replaceAll('_', ' ')}${d.cause ? ` (${d.cause})` : ''}`;
		const tone = d.state === 'done' ? ('ok' as const) : d.ended_at ? ('bad' as const) : ('run' as const);
		const href = `/rollouts/${d.rollout}`;
		// The suspect has a line at both ends, each other one a line of its own at its beginning.
		if (d.suspect) {
			lines.push({ at: d.at, side: 'deploy', tone: 'bad', text: `${what} ${begins}`, href, suspect: true });
			if (d.ended_at) lines.push({ at: d.ended_at, side: 'deploy', tone, text: `${what}: ${end}`, href, suspect: true });
		} else lines.push({ at: d.at, side: 'deploy', tone, text: `${what}${d.returns ? ' returns' : ''}: ${d.ended_at ? `${end} after ${duration(d.ended_at - d.at)}` : 'under way'}`, href });
	}
	return lines.sort((a, b) => a.at - b.at || rank(a) - rank(b));
}

// The deploys closest to it; what is farther away is one click away.
export function nearLines(lines: Line[], i: Incident, before = 5, after = 3): Line[] {
	const opened = i.opened_at ?? 0;
	const end = i.mitigated_at ?? i.closed_at ?? Infinity;
	const aside = (l: Line) => l.side === 'deploy' && !l.suspect;
	const early = lines.filter((l) => aside(l) && l.at < opened);
	const late = lines.filter((l) => aside(l) && l.at > end);
	const dropped = new Set([...early.slice(0, Math.max(0, early.length - before)), ...late.slice(after)]);
	return lines.filter((l) => !dropped.has(l));
}

export interface Fact {
	name: string;
	value: string;
	about: string;
}
// How long each part took: what people ask first.
export function factsOf(i: Incident, r: Rollout | undefined, now: number): Fact[] {
	const facts: Fact[] = [];
	const span = (name: string, from: number | undefined, to: number | undefined, about: string) => {
		if (from && to && to >= from) facts.push({ name, value: duration(to - from), about });
	};
	span('Until noticed', r?.harm_at, r?.verdict_at, 'From the first bad answer of the new version to the decision to take it back');
	span('Until no traffic', r?.zero_ordered_at, r?.zero_confirmed_at, 'From the decision to 0 % confirmed at the data plane');
	span('Users were hurt for', r?.harm_at, r?.zero_confirmed_at ?? i.mitigated_at, 'From the first bad answer to no traffic');
	if (i.mitigated_at) span('Opened to mitigated', i.opened_at, i.mitigated_at, 'Time to restore');
	else if (i.opened_at) span('Open for', i.opened_at, now, 'Nobody has said yet that users are not hurt any more');
	if (i.closed_at) span('Opened to closed', i.opened_at, i.closed_at, 'Until people were done with it');
	return facts;
}

export interface Runbook {
	path?: string;
	repo?: string;
	commit?: string;
	text?: string;
	problem?: string;
}
export const isUrl = (text: string): boolean => /^https?:\/\/[^\s]+$/.test(text);
