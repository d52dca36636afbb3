// Where the jobs of a run stand in a picture of what needs what: columns by depth, rows so that lines cross little. Pure.
import type { Job, Stage } from '../../api/types';

export interface Node {
	job: Job;
	x: number; // column
	y: number; // row
}
export interface Graph {
	stages: { stage: Stage; x: number }[]; // where each stage begins
	nodes: Node[];
	edges: { from: Node; to: Node }[];
	bundles: Bundle[]; // in place of their edges
	columns: number;
	rows: number;
}

// All of some nodes are needed by all of some others: lines that meet in one knot before the others, instead of one for each pair.
export interface Bundle {
	from: Node[];
	to: Node[];
	x: number; // the column before which the knot is
	y: number;
}
const BUNDLED = 3; // on both sides, at least

function bundlesOf(nodes: Node[], byId: Map<string, Node>): Bundle[] {
	const alike = new Map<string, Node[]>();
	for (const node of nodes) {
		const needs = (node.job.needs ?? []).filter((id) => byId.has(id)).sort();
		if (needs.length < BUNDLED) continue;
		const key = `${node.x} ${needs.join(' ')}`;
		alike.set(key, [...(alike.get(key) ?? []), node]);
	}
	return [...alike.values()].filter((to) => to.length >= BUNDLED).map((to) => {
		const from = (to[0]!.job.needs ?? []).map((id) => byId.get(id)).filter((n) => n !== undefined);
		const mean = (list: Node[]) => list.reduce((sum, n) => sum + n.y, 0) / list.length;
		return { from, to, x: to[0]!.x, y: (mean(from) + mean(to)) / 2 };
	});
}

export function layout(jobs: Job[]): Graph {
	const byId = new Map(jobs.map((j) => [j.id, j]));
	const depth = new Map<string, number>();
	const visit = (job: Job, on: Set<string>): number => {
		const known = depth.get(job.id);
		if (known !== undefined) return known;
		if (on.has(job.id)) return 0; // no plan has a circle; a wrong answer must not hang the page
		on.add(job.id);
		let most = 0;
		for (const id of job.needs ?? []) {
			const need = byId.get(id);
			if (need) most = Math.max(most, visit(need, on) + 1);
		}
		on.delete(job.id);
		depth.set(job.id, most);
		return most;
	};
	for (const job of jobs) visit(job, new Set());
	// A later stage begins to the right of the one before, also where no job needs another across.
	const stages: { stage: Stage; x: number }[] = [];
	let right = 0;
	for (const stage of ['ci', 'staging', 'gate', 'production'] as const) {
		const mine = jobs.filter((j) => j.stage === stage);
		if (!mine.length) continue;
		const least = Math.min(...mine.map((j) => depth.get(j.id) ?? 0));
		for (const job of mine) depth.set(job.id, (depth.get(job.id) ?? 0) - least + right);
		stages.push({ stage, x: right });
		right = Math.max(...mine.map((j) => depth.get(j.id) ?? 0)) + 1;
	}
	const columns: Node[][] = [];
	const nodes = new Map<string, Node>();
	for (const job of [...jobs].sort((a, b) => (a.unit ?? '').localeCompare(b.unit ?? '') || a.name.localeCompare(b.name))) {
		const x = depth.get(job.id) ?? 0;
		const column = (columns[x] ??= []);
		const node = { job, x, y: column.length };
		column.push(node);
		nodes.set(job.id, node);
	}
	const edges: { from: Node; to: Node }[] = [];
	for (const node of nodes.values())
		for (const id of node.job.needs ?? []) {
			const from = nodes.get(id);
			if (from) edges.push({ from, to: node });
		}
	// Each column in the order of the middle of what its nodes are tied to, forth and back a few times.
	const middle = (node: Node, side: 'from' | 'to') => {
		const tied = edges.filter((e) => e[side === 'from' ? 'to' : 'from'] === node).map((e) => e[side].y);
		return tied.length ? tied.reduce((a, b) => a + b, 0) / tied.length : node.y;
	};
	for (let round = 0; round < 3 && jobs.length <= 400; round++)
		for (const side of ['from', 'to'] as const)
			for (const column of side === 'from' ? columns : [...columns].reverse()) {
				if (!column) continue;
				const wish = new Map(column.map((n) => [n, middle(n, side)]));
				column.sort((a, b) => (wish.get(a) as number) - (wish.get(b) as number));
				column.forEach((n, i) => (n.y = i));
			}
	const bundles = bundlesOf([...nodes.values()], nodes);
	const bundled = new Set(bundles.flatMap((b) => b.to));
	return { stages, nodes: [...nodes.values()], edges: edges.filter((e) => !bundled.has(e.to)), bundles, columns: columns.length, rows: Math.max(0, ...columns.map((c) => c?.length ?? 0)) };
}
