// The matrix of services by environments, and the calendar. Pure.
import type { Drift, Interval, Windows } from '../../api/deliver';
import type { Environment, Live, Rollout } from '../../api/types';
import type { MarkOf } from '../shared/marks';

export interface Cell {
	live: Live | undefined;
	differs: boolean; // from the last environment of the way
	marks: MarkOf[];
	drift: Drift['units'][number] | undefined;
	moving: Rollout | undefined; // a rollout under way there
}
export interface MatrixRow {
	unit: string;
	cells: Cell[]; // as the environments stand
}

const stageOrder: Record<string, number> = { ci: 0, staging: 1, gate: 2, production: 3 };
export const byStage = (list: Environment[]): Environment[] => [...list].sort((a, b) => (stageOrder[a.stage] ?? 9) - (stageOrder[b.stage] ?? 9) || a.id.localeCompare(b.id));

const over = new Set(['done', 'aborted']);
export function matrix(environments: Environment[], marks: (e: Environment) => MarkOf[], drifts: Record<string, Drift | undefined>, rollouts: Rollout[]): MatrixRow[] {
	const list = byStage(environments);
	const units = [...new Set([...list.flatMap((e) => (e.live ?? []).map((l) => l.unit)), ...rollouts.filter((r) => !over.has(r.state)).map((r) => r.unit)])].sort();
	const last = list[list.length - 1];
	return units.map((unit) => {
		const goal = last?.live?.find((l) => l.unit === unit)?.image;
		return {
			unit,
			cells: list.map((env) => {
				const live = env.live?.find((l) => l.unit === unit);
				return {
					live, differs: env !== last && live !== undefined && live.image !== goal,
					marks: marks(env).filter((m) => m.mark.unit === unit || (m.kind === 'veto' && !m.mark.unit)),
					drift: drifts[env.id]?.units.find((u) => u.unit === unit && u.drift), moving: rollouts.find((r) => r.environment === env.id && r.unit === unit && !over.has(r.state)),
				};
			}),
		};
	});
}

// ---- calendar: a row for each day, a bar from midnight to midnight in the viewer's own time ----

export interface Block {
	left: number; // 0..1 of the day
	width: number;
	why: string;
	from: number; // of the whole interval
	to: number | undefined;
	kind: 'closed' | 'hold' | 'part'; // part: a hold of one service only
}
export interface Day {
	at: number; // its midnight, usec
	past: number; // 0..1: how much of it is over, or before the calendar
	blocks: Block[];
}

export function daysOf(w: Windows, now: number, count = 14): Day[] {
	const first = new Date(now / 1000);
	first.setHours(0, 0, 0, 0);
	const days: Day[] = [];
	for (let i = 0; i < count; i++) {
		// By the calendar, not by 24 hours: a day of the clock change has 23 or 25.
		const day = new Date(first);
		day.setDate(first.getDate() + i);
		const end = new Date(day);
		end.setDate(day.getDate() + 1);
		const from = day.getTime() * 1000;
		const length = end.getTime() * 1000 - from;
		const part = (t: number) => Math.max(0, Math.min(1, (t - from) / length));
		const blocks: Block[] = [];
		const put = (a: number, b: number, whole: Omit<Block, 'left' | 'width'>) => {
			const left = part(a);
			const width = part(b) - left;
			if (width > 0) blocks.push({ ...whole, left, width });
		};
		for (const calendar of w.calendars) {
			const prefix = w.calendars.length > 1 ? `${calendar.repo}: ` : '';
			for (const x of calendar.intervals) if (x.denied) put(x.from, x.to, { from: x.from, to: x.to, why: prefix + (x.why ?? 'closed'), kind: 'closed' });
		}
		for (const h of w.holds) put(h.from, h.to ?? w.to, { from: h.from, to: h.to, why: `${h.unit ?? 'everything'} on hold${h.reason ? `: ${h.reason}` : ''}`, kind: h.unit ? 'part' : 'hold' });
		days.push({ at: from, past: part(now), blocks });
	}
	return days;
}

// Whether it is open now, and until when.
export function windowNow(w: Windows | undefined, now: number): { closed: boolean; until: number | undefined; why: string | undefined } | undefined {
	if (!w) return undefined;
	const all = w.calendars.map((c) => c.intervals);
	const at = (list: Interval[]) => list.findIndex((x) => x.from <= now && now < x.to);
	const closed = all.map((list) => list[at(list)]).filter((x) => x?.denied);
	if (closed[0]) return { closed: true, until: Math.max(...closed.map((x) => (x as Interval).to)), why: closed[0].why };
	const next = all.map((list) => list.slice(at(list) + 1).find((x) => x.denied)?.from).filter((t) => t !== undefined);
	return { closed: false, until: next.length ? Math.min(...next) : undefined, why: undefined };
}
