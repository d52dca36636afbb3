// What the insights page shows, out of GET /insights. Pure. Times are usec, days begin at 00:00 UTC.
import { count, duration, percent } from '../../ui/format';

export interface Numbers {
	deploys?: number;
	failed?: number;
	rework?: number;
	per_day?: number;
	fail_rate?: number;
	rework_rate?: number;
	lead_p50?: number;
	lead_p95?: number;
	recovered?: number;
	recovery_p50?: number;
	recovery_p95?: number;
}
export interface DoraDay extends Numbers {
	day: number;
	rollouts?: string[];
}
export interface WorkDay {
	day: number;
	runs?: number;
	passed?: number;
	failed?: number;
	ci_p50?: number;
	jobs?: number;
	hits?: number;
	saved?: number;
	queue_p50?: number;
}
export interface InsightsData {
	since: number;
	until: number;
	unit?: string; // all of it is of this service
	dora?: { all?: Numbers; units?: (Numbers & { unit: string })[]; days?: DoraDay[] };
	definitions?: Record<string, string>;
	stages?: { stage: string; n?: number; p50?: number; p95?: number }[];
	days?: WorkDay[];
	runs?: { n?: number; passed?: number; failed?: number };
	cache?: { jobs?: number; hits?: number; rate?: number; saved?: number };
	queue?: { n?: number; p50?: number; p95?: number };
	flaky?: { test: string; unit?: string; job?: string; count?: number; last_at?: number }[];
	slowest?: { unit?: string; job: string; usec?: number; runs?: number; failed?: number }[];
}

export const DAY = 24 * 3600 * 1e6;
export const RANGES = [7, 30, 90] as const;
export type Range = (typeof RANGES)[number];
export const rangeOf = (text: string): Range => RANGES.find((r) => String(r) === text) ?? 30;

// Whole days up to today: a window that moves with every look would be another question each time.
export function sinceOf(now: number, days: Range): number {
	return Math.floor(now / DAY) * DAY - (days - 1) * DAY;
}
// "2026-11-23" and back; undefined: no day.
export const dayKey = (day: number): string => new Date(day / 1000).toISOString().slice(0, 10);
export function dayOf(key: string): number | undefined {
	if (!/^\d{4}-\d{2}-\d{2}$/.test(key)) return undefined;
	const ms = Date.parse(`${key}T00:00:00Z`);
	return Number.isNaN(ms) ? undefined : ms * 1000;
}
const dayFormat = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short' });
export const dayText = (day: number): string => dayFormat.format(day / 1000);

// One for each day of the window; what the API leaves out had nothing.
export function everyDay<T extends { day: number }>(days: T[] | undefined, since: number, until: number): ({ day: number } & Partial<T>)[] {
	const known = new Map((days ?? []).map((d) => [Math.floor(d.day / DAY), d]));
	const all: ({ day: number } & Partial<T>)[] = [];
	for (let d = Math.floor(since / DAY); d * DAY < until && all.length < 800; d++) all.push(known.get(d) ?? ({ day: d * DAY } as { day: number } & Partial<T>));
	return all;
}

export type MeasureId = 'lead' | 'frequency' | 'failures' | 'recovery' | 'rework';
export interface Series {
	label: string;
	kind: 'bars' | 'line';
	tone: 'accent' | 'idle' | 'bad' | 'wait' | 'ok' | 'kept';
	values: (number | null)[];
}
export interface Measure {
	id: MeasureId;
	name: string;
	what: string; // in one line
	value: (n: Numbers) => string; // with its unit; "none" when nothing is behind it
	note: (n: Numbers) => string;
	format: (v: number) => string; // of the chart's axis
	series: (days: Numbers[]) => Series[];
	behind: (n: Numbers) => number; // deployments that the number is made of
}

const some = (v: number | undefined): number | null => (v ? v : null);
const ofDeploys = (n: Numbers, part: number | undefined): string => `${count(part ?? 0)} of ${count(n.deploys ?? 0)} deployments`;
const led = (n: Numbers): number => (n.lead_p50 ? (n.deploys ?? 0) - (n.failed ?? 0) : 0);

// Deployments a day, as people say it: few are so many a week, or a month.
export function frequency(perDay: number | undefined): string {
	if (!perDay) return 'none';
	if (perDay >= 1) return `${perDay >= 10 ? count(Math.round(perDay)) : perDay.toFixed(1)} a day`;
	if (perDay * 7 >= 1) return `${(perDay * 7).toFixed(1)} a week`;
	return `${(perDay * 30).toFixed(1)} in 30 days`;
}

export const measures: Measure[] = [
	{
		id: 'lead', name: 'Change lead time', what: 'from the push of a commit to all traffic on it; the median',
		value: (n) => (n.lead_p50 ? duration(n.lead_p50) : 'none'), note: (n) => (n.lead_p95 ? `95 of 100 within ${duration(n.lead_p95)}` : 'no deployment that reached all traffic'),
		format: duration, behind: led,
		series: (days) => [
			{ label: 'median', kind: 'line', tone: 'accent', values: days.map((d) => some(d.lead_p50)) },
			{ label: '95 of 100 within', kind: 'line', tone: 'idle', values: days.map((d) => some(d.lead_p95)) },
		],
	},
	{
		id: 'frequency', name: 'Deployment frequency', what: 'versions of services that got production traffic',
		value: (n) => frequency(n.per_day), note: (n) => `${count(n.deploys ?? 0)} ${n.deploys === 1 ? 'deployment' : 'deployments'} in all`,
		format: count, behind: (n) => n.deploys ?? 0,
		series: (days) => [{ label: 'deployments', kind: 'bars', tone: 'accent', values: days.map((d) => d.deploys ?? 0) }],
	},
	{
		id: 'failures', name: 'Change fail rate', what: 'deployments that had to be taken back, or opened an incident',
		value: (n) => (n.deploys ? percent(n.fail_rate ?? 0, 1) : 'none'), note: (n) => ofDeploys(n, n.failed),
		format: count, behind: (n) => n.failed ?? 0,
		series: (days) => [
			{ label: 'deployments', kind: 'bars', tone: 'idle', values: days.map((d) => d.deploys ?? 0) },
			{ label: 'failed', kind: 'bars', tone: 'bad', values: days.map((d) => d.failed ?? 0) },
		],
	},
	{
		id: 'recovery', name: 'Failed deployment recovery time', what: 'from the first harm to the end of it; the median',
		value: (n) => (n.recovery_p50 ? duration(n.recovery_p50) : 'none'), note: (n) => (n.recovered ? `of ${count(n.recovered)} recovered, 95 of 100 within ${duration(n.recovery_p95 ?? 0)}` : 'nothing had to recover'),
		format: duration, behind: (n) => n.recovered ?? 0,
		series: (days) => [{ label: 'median', kind: 'line', tone: 'bad', values: days.map((d) => some(d.recovery_p50)) }],
	},
	{
		id: 'rework', name: 'Deployment rework rate', what: 'deployments made because of an incident: returns, reverts, hotfixes',
		value: (n) => (n.deploys ? percent(n.rework_rate ?? 0, 1) : 'none'), note: (n) => ofDeploys(n, n.rework),
		format: count, behind: (n) => n.rework ?? 0,
		series: (days) => [
			{ label: 'deployments', kind: 'bars', tone: 'idle', values: days.map((d) => d.deploys ?? 0) },
			{ label: 'rework', kind: 'bars', tone: 'wait', values: days.map((d) => d.rework ?? 0) },
		],
	},
];
export const measureOf = (id: string): Measure => measures.find((m) => m.id === id) ?? (measures[0] as Measure);
