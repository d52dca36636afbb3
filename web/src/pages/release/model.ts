// What a release page says, out of what the API answers. Pure.
import type { EvidenceItem, Envelope, ReleaseDiff } from '../../api/deliver';
import type { Environment, Release, Requirement, Run } from '../../api/types';
import { duration, person, plural } from '../../ui/format';
import type { IconName } from '../../ui/icon';
import { gateText, named } from '../way/model';

export interface StageStep {
	name: string;
	state: 'done' | 'now' | 'bad' | 'next';
	from?: number;
	to?: number;
}

const bad = new Set(['rejected', 'failed', 'rolled_back']);
const over = new Set(['live', 'rejected', 'failed', 'rolled_back', 'superseded']);
export const isOver = (release: Release): boolean => over.has(release.state);

// Which comparison a diff is, in words.
export function comparedWith(diff: ReleaseDiff, over: boolean): string {
	const where = diff.environment ?? 'its environment';
	const items = diff.items ?? [];
	if (diff.with === 'before') return items.some((i) => i.with === 'now') ? `Compared with what it replaced in ${where}; services that it has not come to yet, with what runs there now.` : `Compared with what it replaced in ${where}.`;
	return over ? `Compared with what runs in ${where} now, also when that is newer.` : `Compared with what runs in ${where} now, which it would replace.`;
}

// Its four stages with their times; where it ended badly, that stage is marked.
export function stagesOf(release: Release, run: Run | undefined): StageStep[] {
	const marks = [run?.created_at ?? release.change?.pushed_at, release.built_at, release.staged_at, release.gated_at, release.live_at];
	const ended = release.ended_at;
	const names = ['CI', 'Staging', 'Gate', 'Production'];
	let stopped = false;
	return names.map((name, i) => {
		const from = marks[i];
		const to = marks[i + 1];
		const step: StageStep = { name, state: 'next' };
		if (stopped || !from) return step;
		step.from = from;
		if (to) return { ...step, to, state: 'done' as const };
		stopped = true;
		if (!isOver(release)) return { ...step, state: 'now' as const };
		return { ...step, ...(ended ? { to: ended } : {}), state: bad.has(release.state) ? ('bad' as const) : ('next' as const) };
	});
}

// Whether somebody's word still counts: the same states as the daemon takes it in.
export function mayBeDecided(release: Release): boolean {
	return ['built', 'staging', 'staged'].includes(release.state) && release.gate?.decision !== 'pass';
}
export function waitsForPeople(release: Release): boolean {
	return release.state === 'staged' && (release.gate?.requirements ?? []).some((r) => r.kind === 'approvals' && r.state === 'wait');
}

// Where the gate leads.
export function productionOf(environments: Environment[]): string | undefined {
	return environments.find((e) => e.stage === 'production')?.id;
}

const requirementNames: Record<string, string> = { evidence: 'Signed evidence', approvals: 'Approvals', window: 'Window', hold: 'Hold', pin: 'Pin', veto: 'Veto', reviews: 'Reviews' };
export const requirementName = (r: Requirement): string => requirementNames[r.kind] ?? r.kind;

const requirementIcons: Record<string, IconName> = { approvals: 'person', reviews: 'person', window: 'clock', hold: 'hold', pin: 'flag', evidence: 'shield' };
export function requirementWaits(release: Release): { icon: IconName; text: string; since?: number }[] {
	return (release.gate?.requirements ?? [])
		.filter((r) => r.state === 'wait')
		.map((r) => ({ icon: requirementIcons[r.kind] ?? 'waiting', text: r.kind === 'approvals' ? gateText(r).replace(/^Waits for /, '') : `${requirementName(r)}: ${named(r.reason ?? 'not met yet')}`, ...(release.staged_at ? { since: release.staged_at } : {}) }));
}

export function gateSummary(release: Release): { tone: 'ok' | 'bad' | 'wait' | 'idle'; text: string } {
	const gate = release.gate;
	const all = gate?.requirements ?? [];
	if (gate?.decision === 'pass') return { tone: 'ok', text: 'passed' };
	if (gate?.decision === 'no' || all.some((r) => r.state === 'no')) return { tone: 'bad', text: 'refused' };
	if (!all.length) return { tone: 'idle', text: 'not reached yet' };
	const open = all.filter((r) => r.state !== 'ok').length;
	return { tone: 'wait', text: open ? `waits for ${plural(open, 'requirement')}` : 'decides' };
}

// ---- evidence ----

interface Statement {
	predicateType?: string;
	subject?: { digest?: { sha256?: string } }[];
	predicate?: Record<string, unknown>;
}

export function statementOf(body: Envelope | undefined): Statement | undefined {
	if (!body?.payload) return undefined;
	try {
		const bytes = Uint8Array.from(atob(body.payload), (c) => c.charCodeAt(0));
		return JSON.parse(new TextDecoder().decode(bytes)) as Statement;
	} catch {
		return undefined;
	}
}

export function evidenceName(item: Pick<EvidenceItem, 'type' | 'stage'>): string {
	if (item.type === 'build') return 'Build provenance';
	if (item.type === 'tests') return item.stage === 'staging' ? 'Tests in staging' : 'Tests in CI';
	if (item.type === 'decision') return 'Decision of the gate';
	return `${item.type} (${item.stage})`;
}

interface JobFact {
	state?: string;
	tests?: number;
	failed?: number;
}
// What a statement says, in one line.
export function statementText(item: EvidenceItem): string {
	if (item.problem) return item.problem;
	const predicate = statementOf(item.body)?.predicate;
	if (!predicate) return 'cannot be read';
	if (item.type === 'build') {
		const definition = predicate['buildDefinition'] as { externalParameters?: { unit?: string }; internalParameters?: { job?: string }; resolvedDependencies?: { digest?: { gitCommit?: string } }[] } | undefined;
		const commit = definition?.resolvedDependencies?.[0]?.digest?.gitCommit;
		return `built by ${definition?.internalParameters?.job ?? 'a job'}${commit ? ` from commit ${commit.slice(0, 8)}` : ''}`;
	}
	if (item.type === 'tests') {
		const jobs = (predicate['jobs'] as JobFact[] | undefined) ?? [];
		const tests = jobs.reduce((n, j) => n + (j.tests ?? 0), 0);
		const failed = jobs.reduce((n, j) => n + (j.failed ?? 0), 0);
		return `${String(predicate['result'] ?? '').toLowerCase()}: ${plural(jobs.length, 'job')}, ${plural(tests, 'test')}${failed ? `, ${failed} failed` : ''}`;
	}
	if (item.type === 'decision') {
		const gate = predicate['gate'] as { decision?: string; by?: string; requirements?: unknown[] } | undefined;
		return `${gate?.decision === 'pass' ? 'let through' : (gate?.decision ?? 'decided')} by ${gate?.by ? person(gate.by) : 'the gate'}, ${plural(gate?.requirements?.length ?? 0, 'requirement')}`;
	}
	return '';
}

export function verifySummary(items: { verified?: { ok: boolean } }[]): { ok: number; bad: number; all: number } {
	return { ok: items.filter((i) => i.verified?.ok).length, bad: items.filter((i) => i.verified && !i.verified.ok).length, all: items.length };
}

export const stageTook = (step: StageStep, now: number): string => (step.from ? duration((step.to ?? now) - step.from) : '');
