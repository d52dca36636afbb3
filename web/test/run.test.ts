import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job, Run } from '../src/api/types';
import { byFile } from '../src/pages/run/findings';
import { layout } from '../src/pages/run/graph';
import { criticalPath, groupsOf, ticks } from '../src/pages/run/waterfall';
import { ago, bytes, duration, shortAge, shortDigest } from '../src/ui/format';
import { rank } from '../src/ui/rank';

const job = (id: string, more: Partial<Job> = {}): Job => ({ id, name: id, stage: 'ci', state: 'passed', ...more });
const chain = [
	job('a', { started_at: 1e6, ended_at: 3e6 }),
	job('b', { started_at: 1e6, ended_at: 2e6 }),
	job('c', { needs: ['a', 'b'], ready_at: 3e6, started_at: 4e6, ended_at: 6e6 }),
	job('d', { needs: ['b'], started_at: 2e6, ended_at: 5e6 }),
	job('e', { state: 'cached' }),
];
test('waterfall: the critical path goes back through what ended last', () => assert.deepEqual([...criticalPath(chain, 9e6)], ['c', 'a']));
test('waterfall: a running job counts to now', () => assert.deepEqual([...criticalPath([...chain, job('f', { needs: ['d'], state: 'running', started_at: 5e6 })], 9e6)], ['f', 'd', 'b']));
test('waterfall: a circle in the data ends', () => assert.equal(criticalPath([job('x', { needs: ['y'], started_at: 1, ended_at: 2 }), job('y', { needs: ['x'], started_at: 1, ended_at: 2 })], 3).size, 2));
test('waterfall: groups, waits and what was not run', () => {
	const [ci] = groupsOf({ id: 'run-1', state: 'passed' } as Run, chain, 9e6);
	assert.equal(ci?.bars.length, 4);
	assert.deepEqual(ci?.idle.map((j) => j.id), ['e']);
	assert.deepEqual(ci?.bars.find((b) => b.job.id === 'c')?.wait, { from: 3e6, to: 4e6 });
	assert.deepEqual([ci?.from, ci?.to, ci?.open], [1e6, 6e6, false]);
});
test('waterfall: the end of a run knows its path best', () => assert.deepEqual(groupsOf({ id: 'r', state: 'passed', critical: ['b', 'd'] } as Run, chain, 9e6)[0]?.bars.filter((b) => b.critical).map((b) => b.job.id), ['b', 'd']));
test('waterfall: ticks are round and few', () => {
	assert.deepEqual(ticks(7.6e6), [2e6, 4e6, 6e6]);
	for (const span of [1, 1e5, 3e6, 5e8, 1e12]) assert.ok(ticks(span).length <= 7);
});
test('findings: what the jobs of a matrix found alike is one, the worst file first', () => {
	const a = (path: string, level: 'error' | 'warning', line = 1) => ({ path, level, line, message: 'm' });
	const files = byFile([{ job: 'run-1/ci/a', annotation: a('x.c', 'warning') }, { job: 'run-1/ci/b', annotation: a('y.c', 'error') }, { job: 'run-1/ci/c', annotation: a('x.c', 'warning') }, { job: 'run-1/ci/c', annotation: a('x.c', 'warning', 2) }]);
	assert.deepEqual([...files].map(([path, list]) => [path, list.map((f) => f.jobs.length)]), [['y.c', [1]], ['x.c', [2, 1]]]);
});
test('graph: where all of some need all of others, the lines meet in one knot', () => {
	const first = ['a1', 'a2', 'a3'].map((id) => job(id, {}));
	const then = ['b1', 'b2', 'b3'].map((id) => job(id, { needs: ['a1', 'a2', 'a3'] }));
	const g = layout([...first, ...then, job('c', { needs: ['b1', 'b2', 'b3'] })]);
	assert.deepEqual(g.bundles.map((b) => [b.from.length, b.to.length, b.x]), [[3, 3, 1]]);
	assert.equal(g.edges.length, 3, 'those to c, which is alone, stay as they are');
});
test('graph: needs stand to the left, later stages behind earlier ones', () => {
	const g = layout([...chain, job('s', { stage: 'staging' })]);
	const x = (id: string) => g.nodes.find((n) => n.job.id === id)?.x;
	assert.deepEqual([x('a'), x('c'), x('s')], [0, 1, 2]);
	assert.equal(g.edges.length, 3);
	assert.equal(new Set(g.nodes.map((n) => `${n.x} ${n.y}`)).size, g.nodes.length, 'no two in one place');
	assert.deepEqual(g.stages.map((s) => s.stage), ['ci', 'staging']);
});
const texts: [string, string][] = [
	[duration(0), '0 ms'], [duration(-5), '0 ms'], [duration(829e3), '829 ms'], [duration(2.64e6), '2.6 s'], [duration(59.4e6), '59 s'], [duration(185e6), '3 m 05 s'],
	[duration(8040e6), '2 h 14 m'], [duration(90000e6 * 3), '3 d 3 h'], [shortAge(3e6), 'now'], [shortAge(61e6), '1 m'], [ago(0, 7200e6), '2 h ago'], [ago(7300e6, 0), 'in 2 h'], [ago(6 * 3600e6 - 40e6, 0), 'in 6 h'], [ago(47 * 3600e6, 0), 'in 2 d'],
	[shortDigest('sha256:84a3727410e1ad12'), '84a3727410e1'], [shortDigest('096557f9cb54'), '096557f9'], [bytes(1536), '1.5 KiB'], [bytes(12), '12 B'],
];
for (const [got, want] of texts) test(`text: ${want}`, () => assert.equal(got, want));
test('rank: all words, beginnings first', () => {
	const names = ['payments: refund', 'auth: tokens for payments', 'orders'];
	assert.deepEqual(rank(names, 'pay', (n) => n), [names[0], names[1]]);
	assert.deepEqual(rank(names, 'pay auth', (n) => n), [names[1]]);
	assert.deepEqual(rank(names, '  ', (n) => n), names);
});
