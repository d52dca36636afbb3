// A record as people say it, and which ones are decisions. Pure.
import type { JournalRecord } from '../../api/types';
import { percent, person, shortDigest, shortRef } from '../../ui/format';
import type { IconName } from '../../ui/icon';
import type { Tone } from '../../ui/state';

export interface Change {
	subject?: string;
	field?: string;
	before?: string; // JSON
	after?: string;
}
type Payload = Record<string, unknown>;

export const text = (p: Payload, key: string): string => (typeof p[key] === 'string' ? (p[key] as string) : '');
const num = (p: Payload, key: string): number => (typeof p[key] === 'number' ? (p[key] as number) : 0);
const yes = (p: Payload): boolean => p['ok'] === true;

export function changesOf(record: JournalRecord): Change[] {
	const list = record.payload?.['changes'];
	return Array.isArray(list) ? (list as Change[]) : [];
}
// A change's value is JSON: what a person reads is what it stands for.
export function shownValue(json: string | undefined): string {
	if (json === undefined) return '';
	try {
		const value: unknown = JSON.parse(json);
		if (typeof value === 'string') return value;
		if (Array.isArray(value) && value.every((v) => typeof v === 'string')) return value.join(', ');
		return JSON.stringify(value);
	} catch {
		return json; // cut at its end
	}
}

const quoted = (t: string): string => (t ? `: ${t}` : '');
const where = (p: Payload): string => [text(p, 'unit'), text(p, 'environment') && `in ${text(p, 'environment')}`].filter(Boolean).join(' ') || 'everything';
const version = (p: Payload): string => (text(p, 'image') ? ` at ${shortDigest(text(p, 'image'))}` : '');

function change(p: Payload): string {
	const c = (p['change'] ?? {}) as Payload;
	return text(c, 'subject') ? `\u201c${text(c, 'subject')}\u201d` : shortDigest(text(c, 'commit'));
}

type Say = (p: Payload, subject: string) => string;
const says: Record<string, Say> = {
	'engine.started': (p) => `Penstock ${text(p, 'text')} started, ${num(p, 'slots')} jobs at a time`,
	'engine.timer': (p) => `a wait is over${quoted(text(p, 'text'))}`,
	'engine.effect_failed': (p) => `gave up${quoted(text(p, 'error'))}`,
	'source.ref_moved': (p) => (text(p, 'commit') ? `${shortRef(text(p, 'ref'))} ${yes(p) ? 'stood' : 'moved'} at ${shortDigest(text(p, 'commit'))}` : `${shortRef(text(p, 'ref'))} was deleted`),
	'source.change_planned': (p) => `planned the change ${change(p)}`,
	'source.change_refused': (p) => `refused the change ${change(p)}${quoted(text(p, 'error'))}`,
	'source.change_reverted': (p, s) => (text(p, 'error') ? `could not revert ${s}${quoted(text(p, 'error'))}` : `reverted ${s} by ${shortDigest(text(p, 'commit'))}`),
	'job.started': (p) => `a job started on ${text(p, 'id') || 'this machine'}`,
	'job.ended': (p) => `a job ended${num(p, 'exit') ? ` with exit code ${num(p, 'exit')}` : ''}${text(p, 'error') ? quoted(text(p, 'error')) : num(p, 'exit') ? '' : ' well'}`,
	'evidence.attested': (p) => (text(p, 'error') ? `could not attest ${text(p, 'type')}${quoted(text(p, 'error'))}` : `signed evidence: ${text(p, 'type')}${text(p, 'image') ? ` of ${shortDigest(text(p, 'image'))}` : ''}`),
	'evidence.verified': (p, s) => (yes(p) ? `the evidence of ${s} verifies for ${text(p, 'environment')}` : `the evidence of ${s} does not verify${quoted(text(p, 'error'))}`),
	'deploy.planned': (p) => `planned what ${text(p, 'rollout')} will do, ${shortDigest(text(p, 'digest'))}`,
	'deploy.desired_written': (p) => `wrote the desired state, ${shortDigest(text(p, 'commit'))}`,
	'deploy.replica': (p) => `a replica of ${where(p)} ${text(p, 'replica') || 'changed'}${quoted(text(p, 'text'))}`,
	'deploy.replicas_started': (p) => (text(p, 'error') ? `the new version did not start${quoted(text(p, 'error'))}` : 'the new version runs'),
	'deploy.replicas_stopped': (p) => `${where(p)}: the old version was ended`,
	'route.weight_set': (p) => `${percent(num(p, 'weight'), 0)} of the traffic goes to the new version`,
	'watch.facts': () => 'what a second of traffic saw',
	'watch.history': () => 'the time before, for the verdict',
	'notify.sent': (p) => (text(p, 'error') ? `${text(p, 'text')} could not be told${quoted(text(p, 'error'))}` : `told ${text(p, 'text')}`),
	'person.approve': (p, s) => `${p['ok'] === true ? 'approved' : 'rejected'} ${s}${quoted(text(p, 'text'))}`,
	'person.promote': (p, s) => `took ${s} to its next step${quoted(text(p, 'text'))}`,
	'person.abort': (p, s) => `stopped ${s}${quoted(text(p, 'text'))}`,
	'person.rollback': (p) => `rolled back ${where(p)}${version(p)}${quoted(text(p, 'text'))}`,
	'person.pin': (p) => `pinned ${where(p)}${version(p)}${quoted(text(p, 'text'))}`,
	'person.unpin': (p, s) => `lifted ${text(p, 'id')} in ${s}`,
	'person.veto': (p) => `vetoed ${where(p)}${version(p)}${quoted(text(p, 'text'))}`,
	'person.unveto': (p, s) => `lifted ${text(p, 'id')} in ${s}`,
	'person.hold': (p) => `put ${where(p)} on hold${quoted(text(p, 'text'))}`,
	'person.unhold': (p, s) => `lifted ${text(p, 'id')} in ${s}`,
	'person.incident_note': (p, s) => `noted in ${s}${quoted(text(p, 'text'))}`,
	'person.incident_close': (p, s) => `closed ${s}${quoted(text(p, 'text'))}`,
	'person.incident_mitigate': (p, s) => `said that ${s} hurts nobody any more${quoted(text(p, 'text'))}`,
	'person.rerun': (_, s) => `had what did not pass in ${s} run again`,
	'person.refused': (p) => `asked to ${text(p, 'text') || 'do something'}, and was refused${quoted(text(p, 'error'))}`,
	'agent.seen': (p) => `agent ${text(p, 'id')} ${yes(p) ? 'connected' : 'was lost'}${quoted(text(p, 'error'))}`,
	'queue.merged': (p) => (text(p, 'error') ? `could not merge${quoted(text(p, 'error'))}` : `merged as ${shortDigest(text(p, 'commit'))}`),
	'queue.landed': (p) => (text(p, 'error') ? `did not land${quoted(text(p, 'error'))}` : 'landed'),
	'person.drain': (p) => (p['ok'] === true ? `gives agent ${text(p, 'id')} no more jobs` : `gives agent ${text(p, 'id')} jobs again`),
	'person.start_job': () => 'started a job by hand',
	'person.queue_add': (p) => `put ${shortRef(text(p, 'ref'))} into the queue for ${shortRef(text(p, 'type'))}`,
	'person.queue_remove': (p) => `took ${shortRef(text(p, 'ref'))} out of the queue for ${shortRef(text(p, 'type'))}`,
	'person.quarantine': (p) => `put the test ${text(p, 'id')} into quarantine${quoted(text(p, 'text'))}`,
	'person.unquarantine': (p) => `took the test ${text(p, 'id')} out of quarantine`,
	'access.user': (p) => `made or changed the user ${text(p, 'id')}`,
	'access.token': (p) => `made the token ${text(p, 'type')}${text(p, 'text') ? ` for ${person(text(p, 'text'))}` : ''}${text(p, 'role') ? `, ${text(p, 'role')}` : ''}`,
	'access.token_end': (p) => `revoked the token ${text(p, 'id')}`,
	'access.token_used': (p) => `used the token ${text(p, 'id')}`,
	'access.login': () => 'logged in',
	'access.logout': (p) => `ended the session ${text(p, 'id')}`,
	'access.grant': (p) => `gave ${text(p, 'type')} the role ${text(p, 'role')}${text(p, 'environment') ? ` in ${text(p, 'environment')}` : ''}`,
	'access.grant_end': (p) => `took the grant ${text(p, 'id')} back`,
	'access.denied': (p) => `was not allowed to ${text(p, 'text')}${quoted(text(p, 'error'))}${num(p, 'count') > 1 ? `, ${num(p, 'count')} times` : ''}`,
};

export function sentence(record: JournalRecord): string {
	const say = says[record.type];
	return say ? say(record.payload ?? {}, record.subject) : record.type.replaceAll(/[._]/g, ' ');
}

export interface Kind {
	tone: Tone;
	icon: IconName;
	label: string;
}
// What a record is: a person's decision, somebody who was refused, who may come in, or what the machine did.
export function kindOf(record: JournalRecord): Kind {
	const p = record.payload ?? {};
	if (record.type === 'access.denied' || record.type === 'person.refused') return { tone: 'bad', icon: 'shield', label: 'refused' };
	if (record.type === 'person.approve') return p['ok'] === true ? { tone: 'ok', icon: 'passed', label: 'decision' } : { tone: 'bad', icon: 'failed', label: 'decision' };
	if (record.type.startsWith('person.')) return { tone: 'wait', icon: 'person', label: 'decision' };
	if (record.type.startsWith('access.')) return { tone: 'kept', icon: 'shield', label: 'access' };
	if (text(p, 'error')) return { tone: 'bad', icon: 'failed', label: 'failure' };
	return { tone: 'idle', icon: 'commit', label: record.type.split('.')[0] ?? '' };
}
// Coming and going decides nothing.
const COMING = new Set(['access.login', 'access.logout', 'access.token_used']);
export const isDecision = (record: JournalRecord): boolean => !COMING.has(record.type) && (record.type.startsWith('person.') || record.type.startsWith('access.'));

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
