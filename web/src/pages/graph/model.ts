// What the graph shows, out of what the API knows. Pure.
import type { Tone } from '../../ui/state';
import type { Link } from './layout';

export interface LiveVersion {
	environment: string;
	image?: string;
	release?: string;
	since?: number;
	wanted?: number;
	ready?: number;
}
export interface GraphNode {
	id: string;
	kind: 'service' | 'library';
	repo?: string;
	path?: string;
	level?: number;
	wave?: number;
	owners?: string[];
	provides?: string[];
	consumes?: string[];
	live?: LiveVersion[];
}
export interface GraphEdge extends Link {
	kind: 'dep' | 'consumes';
	interface?: string;
}
export interface GraphData {
	nodes: GraphNode[];
	edges: GraphEdge[];
	levels?: number;
}

// Above so many nodes a picture of all is a wall: groups are shown first.
export const MANY = 60;

export interface Health {
	tone: Tone;
	text: string;
}
export function healthOf(live: LiveVersion): Health {
	const ready = live.ready ?? 0;
	const wanted = live.wanted ?? 1;
	if (ready >= wanted) return { tone: 'ok', text: `${ready} of ${wanted} replicas ready` };
	return { tone: ready ? 'wait' : 'bad', text: `${ready} of ${wanted} replicas ready` };
}
const worse: Tone[] = ['bad', 'wait', 'ok'];
export function worstOf(nodes: GraphNode[]): Tone {
	const tones = nodes.flatMap((n) => (n.live ?? []).map((l) => healthOf(l).tone));
	return worse.find((t) => tones.includes(t)) ?? 'idle';
}
export const environmentsOf = (nodes: GraphNode[]): string[] => {
	const all = new Set(nodes.flatMap((n) => (n.live ?? []).map((l) => l.environment)));
	// The last stage stands last, as on every other page.
	return [...all].sort((a, b) => Number(a === 'production') - Number(b === 'production') || a.localeCompare(b));
};

// To which group a node belongs, and by what groups are made.
export type GroupBy = 'repo' | 'owner' | 'folder';
export function groupBy(nodes: GraphNode[]): GroupBy {
	const several = (of: (n: GraphNode) => string) => {
		const n = new Set(nodes.map(of)).size;
		return n > 1 && n <= Math.max(4, nodes.length / 2);
	};
	if (several((n) => n.repo ?? '')) return 'repo';
	if (nodes.filter((n) => n.owners?.length).length * 2 > nodes.length && several((n) => n.owners?.[0] ?? '')) return 'owner';
	return 'folder';
}
export function groupOf(node: GraphNode, by: GroupBy): string {
	if (by === 'repo') return node.repo ?? 'no repository';
	if (by === 'owner') return node.owners?.[0] ?? 'no owner';
	const parts = (node.path ?? '').split('/');
	return parts.slice(0, -1).join('/') || parts[0] || 'top folder';
}

export interface Shown {
	id: string; // of a node, or "group:NAME"
	node: GraphNode | undefined;
	group: { name: string; nodes: GraphNode[] } | undefined;
}
export interface View {
	shown: Shown[];
	edges: GraphEdge[]; // between what is shown; those of a group are one, with their number
	counts: Map<GraphEdge, number>;
}

export const groupId = (name: string): string => `group:${name}`;

// Groups that are not open stand for their nodes.
export function collapse(data: GraphData, open: Set<string>, by: GroupBy): View {
	const home = new Map<string, string>();
	const shown: Shown[] = [];
	const groups = new Map<string, GraphNode[]>();
	for (const node of data.nodes) {
		const name = groupOf(node, by);
		if (open.has(name)) {
			home.set(node.id, node.id);
			shown.push({ id: node.id, node, group: undefined });
			continue;
		}
		home.set(node.id, groupId(name));
		groups.set(name, [...(groups.get(name) ?? []), node]);
	}
	for (const [name, nodes] of groups) shown.push({ id: groupId(name), node: undefined, group: { name, nodes } });
	const merged = new Map<string, GraphEdge>();
	const counts = new Map<GraphEdge, number>();
	for (const edge of data.edges) {
		const from = home.get(edge.from);
		const to = home.get(edge.to);
		if (!from || !to || from === to) continue;
		const key = `${from}\n${to}\n${from === edge.from && to === edge.to ? `${edge.kind} ${edge.interface ?? ''}` : edge.kind}`;
		let one = merged.get(key);
		if (!one) merged.set(key, (one = from === edge.from && to === edge.to ? edge : { from, to, kind: edge.kind }));
		counts.set(one, (counts.get(one) ?? 0) + 1);
	}
	return { shown, edges: [...merged.values()], counts };
}

// A node with all that is at most `hops` edges away, in both directions.
export function around(data: GraphData, id: string, hops: number): GraphData {
	let keep = new Set([id]);
	for (let i = 0; i < hops; i++) {
		const more = new Set(keep);
		for (const edge of data.edges) {
			if (keep.has(edge.from)) more.add(edge.to);
			if (keep.has(edge.to)) more.add(edge.from);
		}
		keep = more;
	}
	return { nodes: data.nodes.filter((n) => keep.has(n.id)), edges: data.edges.filter((e) => keep.has(e.from) && keep.has(e.to)) };
}

export function plain(data: GraphData): View {
	return { shown: data.nodes.map((node) => ({ id: node.id, node, group: undefined })), edges: data.edges, counts: new Map() };
}

export function finds(node: GraphNode, text: string): boolean {
	const want = text.trim().toLowerCase();
	if (!want) return false;
	return [node.id, node.path ?? '', ...(node.owners ?? []), ...(node.provides ?? []), ...(node.consumes ?? [])].some((t) => t.toLowerCase().includes(want));
}
export const hits = (shown: Shown, text: string): boolean => (shown.node ? finds(shown.node, text) : !!shown.group?.nodes.some((n) => finds(n, text)));
