// What the board shows, out of what the API knows. Pure: no clock, no DOM.
import { standing } from '../../api/standing';
import type { Environment, Job, Release, Requirement, Rollout, Run, Stage, StatusJob, StatusRun } from '../../api/types';
import { person, plural, shortRef } from '../../ui/format';
import type { IconName } from '../../ui/icon';

export const STAGES: Stage[] = ['ci', 'staging', 'gate', 'production'];
export const stageName: Record<Stage, string> = { ci: 'CI', staging: 'Staging', gate: 'Gate', production: 'Production' };

// Somebody or something that a change waits for.
export interface Wait {
	icon: IconName;
	text: string;
	bad?: boolean; // it will not pass by waiting
	since?: number;
	until?: number;
	href?: string;
}
export interface Part {
	tone: string;
	n: number;
}
export interface Card {
	key: string; // of the change: the same wherever the card is
	run: Run;
	release: Release | undefined;
	stage: Stage;
	state: string;
	since: number | undefined; // in this stage
	parts: Part[];
	progress: string; // the same in words
	waits: Wait[];
	units: string[];
	open: boolean; // something still happens or is waited for
	passed: Partial<Record<Stage, number>>; // stages behind it, with how long each took; 0: not known
}
export interface Facts {
	runs: Run[];
	live: StatusRun[]; // with job lists
	releases: Release[];
	rollouts: Rollout[];
	environments: Environment[];
}

const stateTone: Record<string, string> = {
	passed: 'ok', cached: 'kept', failed: 'bad', lost: 'bad', flaky: 'wait', running: 'run', manual: 'wait',
};
const partOrder = ['passed', 'cached', 'flaky', 'failed', 'lost', 'running', 'ready', 'manual', 'blocked', 'cancelled'];

export function jobParts(counts: Partial<Record<string, number>>): Part[] {
	const parts: Part[] = [];
	for (const state of partOrder) {
		const n = counts[state] ?? 0;
		if (!n) continue;
		const tone = stateTone[state] ?? 'idle';
		const last = parts[parts.length - 1];
		if (last?.tone === tone) last.n += n;
		else parts.push({ tone, n });
	}
	return parts;
}

export function jobName(job: Pick<Job, 'unit' | 'name'>): string {
	return job.unit ? `${job.unit}/${job.name}` : job.name;
}

// Where a release stands, or stood when it ended.
export function stageOf(run: Run, release: Release | undefined): Stage {
	if (!release) return 'ci';
	switch (release.state) {
		case 'built':
		case 'staging':
			return 'staging';
		case 'staged':
		case 'rejected':
			return 'gate';
		case 'gated':
		case 'promoting':
		case 'live':
		case 'rolled_back':
			return 'production';
		default:
			return release.gated_at ? 'production' : release.staged_at ? 'gate' : run.release ? 'staging' : 'ci';
	}
}

const finalRelease = new Set(['live', 'rejected', 'failed', 'rolled_back', 'superseded']);
const finalRun = new Set(['passed', 'failed', 'cancelled', 'superseded']);
const finalRollout = new Set(['done', 'aborted']);

function ciWaits(run: Run, live: StatusRun | undefined): Wait[] {
	const waits: Wait[] = [];
	const since = run.created_at;
	const base = since ? { since } : {};
	if (run.waits) waits.push({ icon: 'person', text: 'Waits for somebody to let it run: the change comes from a fork', ...base });
	const jobs = (live?.job_list ?? []).filter((j) => j.stage === 'ci');
	const failed = jobs.filter((j) => j.state === 'failed' || j.state === 'lost');
	if (run.state === 'failed' || failed.length) {
		const first = failed[0];
		if (first)
			waits.push({ icon: 'failed', bad: true, text: `${failed.slice(0, 2).map(jobName).join(', ')}${failed.length > 2 ? ` and ${failed.length - 2} more` : ''} failed${first.error ? `: ${first.error}` : ''}`, href: `/runs/${run.id}?job=${encodeURIComponent(first.id)}` });
		else if (run.reason) waits.push({ icon: 'failed', bad: true, text: run.reason });
	} else if (finalRun.has(run.state) && run.state !== 'passed' && run.reason) waits.push({ icon: 'superseded', text: run.reason });
	if (run.state === 'passed') waits.push({ icon: 'unaffected', text: 'No image changed: nothing to release' });
	if (finalRun.has(run.state)) return waits;
	const running = jobs.filter((j) => j.state === 'running');
	const ready = jobs.filter((j) => j.state === 'ready');
	const manual = jobs.filter((j) => j.state === 'manual');
	if (!running.length && ready.length) waits.push({ icon: 'ready', text: `${plural(ready.length, 'job')} ${ready.length === 1 ? 'waits' : 'wait'} for a free slot`, ...base });
	if (!running.length && !ready.length && manual.length) waits.push({ icon: 'manual', text: `Waits for somebody to start ${jobName(manual[0] as StatusJob)}`, href: `/runs/${run.id}?job=${encodeURIComponent((manual[0] as StatusJob).id)}` });
	return waits;
}

const requirementIcon: Record<string, IconName> = { approvals: 'person', reviews: 'person', window: 'clock', hold: 'hold', veto: 'stop', evidence: 'shield' };

// Who is said as people say it.
export const named = (text: string): string => text.replace(/\buser:(?=[\w.-])/g, '');

// The API's reason, with a hint for the terminal left out: here there is a button for it.
export function gateText(r: Requirement): string {
	const given = /^(\d+) of (\d+) given/.exec(r.reason ?? '');
	if (r.kind !== 'approvals' || !given || given[1] === given[2]) return named(r.reason ?? r.kind);
	const missing = Number(given[2]) - Number(given[1]);
	return `Waits for ${plural(missing, 'approval')}${given[1] === '0' ? '' : `, ${given[1]} given`}`;
}

function gateWaits(release: Release): Wait[] {
	const since = release.staged_at ? { since: release.staged_at } : {};
	const waits: Wait[] = [];
	for (const r of release.gate?.requirements ?? [])
		if (r.state !== 'ok') waits.push({ icon: r.state === 'no' ? 'failed' : (requirementIcon[r.kind] ?? 'waiting'), text: gateText(r), bad: r.state === 'no', ...since });
	return waits;
}

function environmentWaits(release: Release, env: Environment | undefined): Wait[] {
	if (!env) return [];
	const waits: Wait[] = [];
	const units = new Set((release.items ?? []).map((i) => i.unit));
	for (const hold of env.holds ?? [])
		if (!hold.unit || units.has(hold.unit))
			waits.push({ icon: 'hold', text: `${hold.unit ?? env.id} is on hold${hold.actor ? ` by ${person(hold.actor)}` : ''}${hold.reason ? `: ${hold.reason}` : ''}`, ...(hold.since ? { since: hold.since } : {}), ...(hold.until ? { until: hold.until } : {}) });
	const at = env.queue?.indexOf(release.id) ?? -1;
	if (at >= 0 && env.active && env.active !== release.id) waits.push({ icon: 'waiting', text: `Behind ${env.active} in ${env.id}${at ? `, place ${at + 1}` : ''}` });
	return waits;
}

function rolloutWaits(rollouts: Rollout[]): Wait[] {
	const waits: Wait[] = [];
	for (const ro of rollouts) {
		const since = ro.step_at ?? ro.created_at;
		const base = since ? { since } : {};
		if (ro.state === 'holding') waits.push({ icon: 'hold', text: `${ro.unit} is on hold${ro.reason ? `: ${ro.reason}` : ''}`, ...base });
		else if (ro.state === 'baking') {
			const steps = ro.strategy?.steps ?? [];
			const share = Math.round((ro.confirmed ?? ro.weight ?? 0) * 100);
			const need = ro.numbers?.need ?? 0;
			const step = steps.length > 1 ? `, step ${(ro.step ?? 0) + 1} of ${steps.length}` : '';
			waits.push({ icon: 'shield', text: `${ro.unit} at ${share} %${step}: ${need ? `about ${plural(need, 'more request')} until there is evidence` : 'is being watched'}`, ...base });
		} else if (ro.state === 'applying' && (ro.ready ?? 0) < (ro.want ?? ro.replicas ?? 0))
			waits.push({ icon: 'running', text: `${ro.unit}: ${ro.ready ?? 0} of ${ro.want ?? ro.replicas ?? 0} replicas ready`, ...base });
		else if (ro.state === 'aborting' || ro.state === 'aborted')
			waits.push({ icon: 'rolled_back', bad: true, text: `${ro.unit}: ${ro.reason ?? ro.cause ?? 'taken back'}` });
	}
	return waits;
}

function took(from: number | undefined, to: number | undefined): number {
	return from && to && to > from ? to - from : 0;
}

function passedStages(run: Run, release: Release | undefined, stage: Stage): Partial<Record<Stage, number>> {
	const passed: Partial<Record<Stage, number>> = {};
	if (!release || stage === 'ci') return passed;
	passed.ci = took(run.created_at, run.ended_at ?? release.built_at);
	if (stage === 'staging') return passed;
	passed.staging = took(release.built_at, release.staged_at);
	if (stage === 'gate') return passed;
	passed.gate = took(release.staged_at, release.gated_at);
	return passed;
}

function rolloutParts(release: Release, rollouts: Rollout[], stage: Stage): { parts: Part[]; progress: string } {
	const items = release.items ?? [];
	const done = items.filter((i) => (stage === 'staging' ? i.staging_done || i.staging_skipped : i.production_done || i.production_skipped)).length;
	const bad = rollouts.filter((r) => r.state === 'aborting' || r.state === 'aborted').length;
	const busy = rollouts.filter((r) => !finalRollout.has(r.state) && r.state !== 'aborting').length;
	const parts = [{ tone: 'ok', n: Math.max(0, done - bad) }, { tone: 'bad', n: bad }, { tone: 'run', n: busy }, { tone: 'idle', n: Math.max(0, items.length - done - bad - busy) }].filter((p) => p.n);
	return { parts, progress: `${done} of ${plural(items.length, 'service')}${release.jobs_open ? `, ${plural(release.jobs_open, 'job')} to go` : ''}` };
}

export function cardOf(run: Run, facts: Facts): Card {
	const live = facts.live.find((r) => r.id === run.id);
	const release = facts.releases.find((r) => r.id === run.release || r.run === run.id);
	const stage = stageOf(run, release);
	const card: Card = {
		key: run.id, run, release, stage, state: release && stage !== 'ci' ? standing(release) : run.state, since: run.created_at, parts: [], progress: '', waits: [],
		units: run.affected ?? (release?.items ?? []).map((i) => i.unit), open: false, passed: passedStages(run, release, stage),
	};
	if (stage === 'ci' || !release) {
		const counts = live?.counts?.ci ?? {};
		card.parts = jobParts(counts);
		const all = Math.max(0, (run.jobs ?? 0) - (run.unaffected ?? 0)); // what the change does not touch is no work
		const open = run.open ?? 0;
		if (!card.parts.length && all) card.parts = [{ tone: run.failed ? 'bad' : 'ok', n: Math.max(0, all - open) }, { tone: 'idle', n: open }].filter((p) => p.n);
		card.progress = all ? `${all - open} of ${plural(all, 'job')}` : 'nothing to do';
		card.waits = ciWaits(run, live);
		card.open = !finalRun.has(run.state);
		return card;
	}
	const env = facts.environments.find((e) => e.stage === stage);
	const mine = facts.rollouts.filter((r) => r.release === release.id && (!env || r.environment === env.id));
	card.open = !finalRelease.has(release.state);
	if (stage === 'gate') {
		card.since = release.staged_at;
		const all = release.gate?.requirements ?? [];
		const ok = all.filter((r) => r.state === 'ok').length;
		card.parts = [{ tone: 'ok', n: ok }, { tone: 'bad', n: all.filter((r) => r.state === 'no').length }, { tone: 'wait', n: all.filter((r) => r.state === 'wait').length }].filter((p) => p.n);
		card.progress = all.length ? `${ok} of ${plural(all.length, 'requirement')} met` : 'no requirements';
		card.waits = gateWaits(release);
	} else {
		card.since = stage === 'staging' ? release.built_at : release.gated_at;
		Object.assign(card, rolloutParts(release, mine, stage));
		if (card.open) card.waits = [...environmentWaits(release, env), ...rolloutWaits(mine)];
	}
	const reason = named(release.reason ?? '');
	if (!card.open && card.state !== 'live' && card.state !== 'replaced' && reason) {
		card.waits = card.waits.filter((w) => w.text !== reason); // a rejection is both: what the gate says, and why it ended
		card.waits.unshift({ icon: release.state === 'superseded' ? 'superseded' : 'failed', bad: release.state !== 'superseded', text: reason, ...(release.incident ? { href: `/incidents/${release.incident}` } : {}) });
	}
	return card;
}

// ---- what is asked for ----

export interface Filter {
	text: string;
	service: string;
	author: string;
	state: string; // "", open, waiting, running, failed, done
}

export function groupOf(card: Card): 'waiting' | 'running' | 'failed' | 'done' {
	if (card.open) return card.stage === 'gate' || card.run.waits || card.waits.some((w) => w.icon === 'hold' || w.icon === 'manual') ? 'waiting' : 'running';
	return card.state === 'live' || card.state === 'replaced' || card.state === 'passed' || card.state === 'superseded' || card.state === 'cancelled' ? 'done' : 'failed';
}

export function fits(card: Card, filter: Filter): boolean {
	const change = card.run.change ?? {};
	if (filter.service && !card.units.includes(filter.service)) return false;
	if (filter.author && change.author !== filter.author) return false;
	if (filter.state) {
		const group = groupOf(card);
		if (filter.state === 'open' ? !card.open : filter.state !== group) return false;
	}
	const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
	if (!words.length) return true;
	const text = [card.run.id, card.release?.id, change.subject, change.author, change.commit, change.ref && shortRef(change.ref), change.number && `#${change.number}`, card.state, ...card.units, ...card.waits.map((w) => w.text)].join(' ').toLowerCase();
	return words.every((w) => text.includes(w));
}

// The newest first; what is open stays above what is over.
export function sortCards(cards: Card[]): Card[] {
	const number = (id: string) => Number(id.slice(id.lastIndexOf('-') + 1)) || 0;
	return [...cards].sort((a, b) => Number(b.open) - Number(a.open) || number(b.run.id) - number(a.run.id));
}

export interface Lane {
	unit: string;
	cards: Card[];
}
// A lane for each service, those first where something is under way; what touches no service has a lane of its own, last.
export function serviceLanes(cards: Card[], environments: Environment[]): Lane[] {
	const names = new Set<string>();
	for (const env of environments) for (const live of env.live ?? []) names.add(live.unit);
	for (const card of cards) for (const item of card.release?.items ?? []) names.add(item.unit);
	const lanes = [...names].sort().map((unit) => ({ unit, cards: cards.filter((c) => c.units.includes(unit) || (c.release?.items ?? []).some((i) => i.unit === unit)) }));
	const busy = (lane: Lane) => lane.cards.some((c) => c.open);
	lanes.sort((a, b) => Number(busy(b)) - Number(busy(a)));
	const rest = cards.filter((c) => !lanes.some((l) => l.cards.includes(c)));
	if (rest.length) lanes.push({ unit: '', cards: rest });
	return lanes;
}
