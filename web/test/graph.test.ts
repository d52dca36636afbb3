import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backEdges, layout, levelsOf, pathOf, type Link } from '../src/pages/graph/layout';
import { around, collapse, environmentsOf, finds, groupBy, healthOf, worstOf, type GraphData, type GraphNode } from '../src/pages/graph/model';
import { begin, fit, LEAST, MOST, READABLE, reveal, zoomAt } from '../src/pages/graph/zoom';

const size = { width: 200, height: 60, gapX: 80, gapY: 14, column: 12 };
const links = (...pairs: string[]): Link[] => pairs.map((p) => ({ from: p.split('>')[0] as string, to: p.split('>')[1] as string }));
const ids = (n: number, front = 'n'): string[] => Array.from({ length: n }, (_, i) => `${front}${i}`);

test('graph: levels are the longest ways down', () => {
	assert.deepEqual([...levelsOf(['a', 'b', 'c', 'd'], links('a>b', 'b>c', 'a>c', 'd>c'))], [['a', 2], ['b', 1], ['c', 0], ['d', 1]]);
});
test('graph: a circle loses one edge, and has levels', () => {
	const circle = links('a>b', 'b>c', 'c>a');
	assert.equal(backEdges(['a', 'b', 'c'], circle).size, 1);
	assert.deepEqual([...levelsOf(['a', 'b', 'c'], circle).values()], [2, 1, 0]);
	const drawn = layout(['a', 'b', 'c'], circle, size);
	assert.equal(drawn.edges.length, 3);
	assert.equal(drawn.places.size, 3);
});
test('graph: who needs stands left of what it needs', () => {
	const drawn = layout(['web', 'api', 'lib'], links('web>api', 'api>lib', 'web>lib'), size);
	const x = (id: string) => drawn.places.get(id)?.x ?? NaN;
	assert.ok(x('web') < x('api') && x('api') < x('lib'));
	for (const { link, points } of drawn.edges) {
		assert.equal(points[0]?.x, x(link.from) + size.width);
		assert.equal(points.at(-1)?.x, x(link.to));
	}
});
test('graph: two that cross when read in order do not cross when drawn', () => {
	const drawn = layout(['a', 'b', 'x', 'y'], links('a>y', 'b>x'), size);
	assert.equal(drawn.crossings, 0);
	const y = (id: string) => drawn.places.get(id)?.y ?? NaN;
	assert.equal(y('a') < y('b'), y('y') < y('x'));
});
test('graph: crossings that cannot be avoided are counted', () => assert.equal(layout(['a', 'b', 'x', 'y'], links('a>x', 'a>y', 'b>x', 'b>y'), size).crossings, 1));

function random(n: number, seed: number): { nodes: string[]; edges: Link[] } {
	let s = seed;
	const rnd = () => (s = (s * 1103515245 + 12345) % 2147483648) / 2147483648;
	const nodes = ids(n);
	const edges: Link[] = [];
	for (let i = 1; i < n; i++) for (let k = 0; k < 3; k++) edges.push({ from: nodes[i] as string, to: nodes[Math.floor(rnd() * n)] as string });
	return { nodes, edges: edges.filter((e) => e.from !== e.to) };
}
for (const [n, seed] of [[5, 1], [40, 2], [120, 3], [500, 4]] as const)
	test(`graph: ${n} units: no two on one another, all inside, the same each time, soon`, () => {
		const { nodes, edges } = random(n, seed);
		const began = Date.now();
		const drawn = layout(nodes, edges, { ...size, column: Math.max(12, Math.ceil(Math.sqrt(n) * 1.5)) });
		const took = Date.now() - began;
		assert.ok(took < 3000, `${took} ms`);
		const places = [...drawn.places.values()];
		assert.equal(places.length, n);
		for (const p of places) assert.ok(p.x >= -1e-6 && p.y >= -1e-6 && p.x + size.width <= drawn.width + 1e-6 && p.y + size.height <= drawn.height + 1e-6, JSON.stringify(p));
		for (let i = 0; i < n; i++)
			for (let j = i + 1; j < n; j++) {
				const [a, b] = [places[i]!, places[j]!];
				assert.ok(a.x + size.width <= b.x + 1e-6 || b.x + size.width <= a.x + 1e-6 || a.y + size.height <= b.y + 1e-6 || b.y + size.height <= a.y + 1e-6, `${a.id} lies on ${b.id}`);
			}
		assert.deepEqual(drawn, layout(nodes, edges, { ...size, column: Math.max(12, Math.ceil(Math.sqrt(n) * 1.5)) }));
	});
test('graph: nothing, and one', () => {
	assert.deepEqual([layout([], [], size).width, layout([], [], size).height], [0, 0]);
	assert.deepEqual([layout(['a'], [], size).width, layout(['a'], [], size).height], [200, 60]);
});
test('graph: edges to what is not there are left out', () => assert.equal(layout(['a'], links('a>b', 'b>a', 'a>a'), size).edges.length, 0));
test('graph: paths', () => {
	assert.equal(pathOf([]), '');
	assert.equal(pathOf([{ x: 0, y: 5 }, { x: 10, y: 5 }]), 'M0 5L10 5');
	assert.match(pathOf([{ x: 0, y: 0 }, { x: 100, y: 50 }]), /^M0 0C50 0 50 50 100 50$/);
});

const node = (id: string, more: Partial<GraphNode> = {}): GraphNode => ({ id, kind: 'service', path: `services/${id}`, ...more });
const data: GraphData = {
	nodes: [node('orders', { live: [{ environment: 'production', wanted: 2, ready: 1 }, { environment: 'staging', wanted: 2, ready: 2 }] }), node('auth', { owners: ['team-id'], provides: ['auth-api'] }), node('shared', { kind: 'library', path: 'libs/shared' }), node('far')],
	edges: [{ from: 'orders', to: 'auth', kind: 'consumes', interface: 'auth-api' }, { from: 'orders', to: 'shared', kind: 'dep' }, { from: 'auth', to: 'shared', kind: 'dep' }],
};
test('graph: health', () => {
	assert.deepEqual([{ wanted: 2, ready: 2 }, { wanted: 2, ready: 1 }, { wanted: 2 }, { ready: 1 }].map((l) => healthOf({ environment: 'e', ...l }).tone), ['ok', 'wait', 'bad', 'ok']);
	assert.equal(worstOf(data.nodes), 'wait');
	assert.equal(worstOf([]), 'idle');
	assert.deepEqual(environmentsOf(data.nodes), ['staging', 'production']);
});
test('graph: groups stand for their nodes until they are open', () => {
	assert.equal(groupBy(data.nodes), 'folder');
	const closed = collapse(data, new Set(), 'folder');
	assert.deepEqual(closed.shown.map((s) => s.id).sort(), ['group:libs', 'group:services']);
	assert.deepEqual(closed.edges.map((e) => [e.from, e.to, closed.counts.get(e)]), [['group:services', 'group:libs', 2]]);
	const open = collapse(data, new Set(['services']), 'folder');
	assert.deepEqual(open.shown.map((s) => s.id).sort(), ['auth', 'far', 'group:libs', 'orders']);
	assert.equal(open.edges.length, 3);
	assert.equal(groupBy([node('a', { repo: 'x' }), node('b', { repo: 'x' }), node('c', { repo: 'y' }), node('d', { repo: 'y' })]), 'repo');
});
test('graph: a node with its neighbors', () => {
	assert.deepEqual(around(data, 'auth', 1).nodes.map((n) => n.id), ['orders', 'auth', 'shared']);
	assert.equal(around(data, 'auth', 1).edges.length, 3);
	assert.deepEqual(around(data, 'far', 3).nodes.map((n) => n.id), ['far']);
});
test('graph: search', () => {
	assert.deepEqual(data.nodes.filter((n) => finds(n, 'AUTH-api')).map((n) => n.id), ['auth']);
	assert.deepEqual(data.nodes.filter((n) => finds(n, 'team')).map((n) => n.id), ['auth']);
	assert.equal(finds(node('x'), '  '), false);
});
test('graph: zoom keeps what is under the pointer, within bounds', () => {
	const zoomed = zoomAt({ x: 10, y: 20, k: 1 }, 1.5, { x: 110, y: 120 });
	assert.deepEqual([(110 - zoomed.x) / zoomed.k, (120 - zoomed.y) / zoomed.k], [100, 100]);
	assert.equal(zoomAt(zoomed, 1000, { x: 0, y: 0 }).k, MOST);
	assert.equal(zoomAt(zoomed, 0.0001, { x: 0, y: 0 }).k, LEAST);
	const whole = fit(2000, 1000, { width: 1000, height: 800 });
	assert.ok(whole.x >= 0 && whole.x + 2000 * whole.k <= 1000);
	const first = begin(4000, 1000, { width: 1000, height: 800 });
	assert.deepEqual([first.k, first.x], [READABLE, 24], 'never so small that nobody can read it: its left part, then');
	assert.deepEqual(begin(500, 500, { width: 1000, height: 800 }), fit(500, 500, { width: 1000, height: 800 }));
	const shown = reveal({ x: 0, y: 0, k: 1 }, { x: 1500, y: -300, width: 200, height: 60 }, { width: 1000, height: 800 });
	assert.deepEqual([1500 + shown.x + 200, -300 + shown.y], [980, 20]);
});
