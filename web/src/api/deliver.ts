// What the API answers about releases, rollouts and environments beyond the things themselves. Each shape is documented at the head of the
// file in src/api that writes it: look.c, release_diff.c, curves.c, env_history.c, env_compare.c, env_windows.c.
import type { RolloutState } from './types';

export interface Envelope {
	payload?: string; // base64 of an in-toto statement
	payloadType?: string;
	signatures?: { keyid?: string; sig?: string }[];
}
export interface Verified {
	ok: boolean;
	why?: string;
}
export interface EvidenceItem {
	image: string;
	type: string;
	stage: string;
	envelope: string;
	body?: Envelope;
	signer?: string;
	verified?: Verified;
	problem?: string; // it cannot be read
}
export interface EvidenceAnswer {
	release: string;
	evidence?: EvidenceItem[];
	decision?: { envelope: string; body?: Envelope; signer?: string; verified?: Verified; problem?: string };
}

export interface Commits {
	from?: string;
	to?: string;
	ahead?: number;
	behind?: number;
	more?: boolean;
	list?: { commit: string; author?: string; subject?: string; at?: number }[];
	problem?: string;
}
export interface DiffItem {
	unit: string;
	image: string;
	with?: 'now' | 'before';
	same?: boolean;
	live?: boolean; // it is what runs there now
	was?: { image: string; release?: string; commit?: string; since?: number };
	plan?: { hash?: string; diff?: string; rollout?: string; problem?: string };
	commits?: Commits;
	files?: { path: string; change: 'added' | 'changed' | 'removed' }[];
	files_more?: boolean;
}
export interface ReleaseDiff {
	release: string;
	environment?: string;
	with?: 'now' | 'before';
	units?: string[];
	items?: DiffItem[];
	config?: { from?: string; to?: string; same?: boolean; diff?: string; problem?: string };
}

export type Column = (number | null)[];
export interface Side {
	n: Column;
	errors: Column;
	error_rate: Column;
	over_p50: Column;
	over_p95: Column;
	over_p99: Column;
}
export const QUANTILES = ['p50', 'p95', 'p99'] as const;
export type Quantile = (typeof QUANTILES)[number];
export interface DifferenceColumns {
	estimate: Column;
	low: Column;
	high: Column;
	margin: Column;
}
export interface Curves {
	rollout: string;
	environment?: string;
	unit?: string;
	state: RolloutState;
	seconds: number;
	t: number[];
	step: number[];
	weight: number[];
	canary: Side;
	stable: Side;
	difference: DifferenceColumns; // of the error rates
	over_difference?: Record<Quantile, DifferenceColumns>; // of the shares of slow requests
	latency?: Record<Quantile, { stable: Column; allowed: Column; canary: Column }>; // usec
	verdict: { answer: (string | null)[]; metric: (string | null)[]; evidence: Column; wanted: Column; harm_metric: (string | null)[]; harm_evidence: Column; harm_wanted: Column };
	steps: { share: number; state: 'done' | 'now' | 'next' | 'left_out' | 'stopped'; error_margin?: number; latency_ratio?: number }[];
	decisions: { at: number; by: string; text: string; seq?: number }[];
	about?: Record<string, string>;
}

export interface Was {
	rollout?: string;
	unit: string;
	image: string;
	previous?: string;
	release?: string;
	returns?: boolean;
	since: number;
	until?: number;
	live?: boolean;
	repo?: string;
	branch?: string;
	commit?: string;
	author?: string;
	subject?: string;
	approved_by?: string[];
	cause?: string;
}
export interface EnvHistory {
	environment: string;
	history: Was[];
	next?: string;
}
export interface Version {
	image: string;
	release?: string;
	since?: number;
	commit?: string;
	subject?: string;
}
export interface Comparison {
	a: string;
	b: string;
	units: { unit: string; same?: boolean; a?: Version; b?: Version; commits?: Commits }[];
}
export interface Drift {
	environment: string;
	units: { unit: string; live?: string; desired?: string; drift?: boolean; rollout?: string; problem?: string }[];
	drift?: number;
}
export interface Interval {
	from: number;
	to: number;
	denied?: boolean;
	why?: string;
}
export interface Windows {
	environment: string;
	from: number;
	to: number;
	calendars: { repo: string; windows: { kind: 'deny' | 'allow'; span: string; zone?: string }[]; intervals: Interval[] }[];
	holds: { id: string; unit?: string; from: number; to?: number; by?: string; reason?: string }[];
}
