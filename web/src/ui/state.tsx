// Every state of every machine: one word, one shape, one tone. The shape and the word carry the meaning; the tone only helps.
import type { Standing } from '../api/standing';
import type { IncidentState, JobState, RolloutState, RunState } from '../api/types';
import { Icon, type IconName } from './icon';

export type Tone = 'ok' | 'bad' | 'run' | 'wait' | 'idle' | 'kept';
export type AnyState = RunState | JobState | Standing | RolloutState | IncidentState;

interface Look {
	tone: Tone;
	icon: IconName;
	text: string;
}
const look = (tone: Tone, icon: IconName, text: string): Look => ({ tone, icon, text });

const looks: Record<AnyState, Look> = {
	// runs and jobs
	planned: look('idle', 'waiting', 'planned'),
	running: look('run', 'running', 'running'),
	passed: look('ok', 'passed', 'passed'),
	failed: look('bad', 'failed', 'failed'),
	cancelled: look('idle', 'cancelled', 'cancelled'),
	superseded: look('idle', 'superseded', 'superseded'),
	blocked: look('idle', 'blocked', 'blocked'),
	ready: look('wait', 'ready', 'waits for a slot'),
	cached: look('kept', 'cached', 'cached'),
	unaffected: look('idle', 'unaffected', 'unaffected'),
	skipped: look('idle', 'skipped', 'skipped'),
	flaky: look('wait', 'flaky', 'flaky'),
	lost: look('bad', 'lost', 'lost'),
	manual: look('wait', 'manual', 'waits for a start'),
	// releases
	built: look('run', 'release', 'built'),
	staging: look('run', 'running', 'in staging'),
	staged: look('wait', 'waiting', 'at the gate'),
	gated: look('ok', 'passed', 'through the gate'),
	promoting: look('run', 'running', 'going live'),
	live: look('ok', 'live', 'live'),
	replaced: look('idle', 'superseded', 'replaced'),
	rejected: look('bad', 'failed', 'rejected'),
	rolled_back: look('bad', 'rolled_back', 'rolled back'),
	// rollouts
	queued: look('wait', 'waiting', 'queued'),
	applying: look('run', 'running', 'applying'),
	baking: look('run', 'running', 'watched'),
	verifying: look('run', 'running', 'verifying'),
	done: look('ok', 'passed', 'done'),
	holding: look('wait', 'hold', 'on hold'),
	aborting: look('bad', 'rolled_back', 'aborting'),
	aborted: look('bad', 'rolled_back', 'aborted'),
	// incidents
	open: look('bad', 'open', 'open'),
	mitigated: look('wait', 'waiting', 'mitigated'),
	closed: look('ok', 'passed', 'closed'),
};
const unknown = (state: string): Look => look('idle', 'lost', state.replaceAll('_', ' '));

export const lookOf = (state: string): Look => looks[state as AnyState] ?? unknown(state);

export function StateIcon({ state, label = true, size }: { state: string; label?: boolean; size?: number }) {
	const is = lookOf(state);
	return (
		<span class={`state-icon tone-${is.tone}`} title={label ? is.text : undefined}>
			<Icon name={is.icon} {...(size ? { size } : {})} {...(label ? { label: is.text } : {})} />
		</span>
	);
}

// text: instead of the state's own word, when more is known ("waits for 1 approval").
export function StateBadge({ state, text }: { state: string; text?: string }) {
	const is = lookOf(state);
	return (
		<span class={`badge tone-${is.tone}`}>
			<Icon name={is.icon} size={14} />
			{text ?? is.text}
		</span>
	);
}
