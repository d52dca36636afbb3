import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Environment, Release, Rollout, Run, StatusRun } from '../src/api/types';
import { cardOf, fits, groupOf, jobParts, serviceLanes, sortCards, stageOf, type Facts } from '../src/pages/way/model';

const run = (more: Partial<Run> = {}): Run => ({ id: 'run-7', state: 'passed', change: { subject: 'orders: cents', author: 'Grace Lee', ref: 'refs/heads/main' }, affected: ['orders'], release: 'rel-4', created_at: 1e6, ended_at: 5e6, jobs: 4, ...more });
const release = (state: Release['state'], more: Partial<Release> = {}): Release => ({ id: 'rel-4', run: 'run-7', state, items: [{ unit: 'orders', image: 'sha256:1' }, { unit: 'auth', image: 'sha256:2' }], built_at: 5e6, ...more });
const facts = (more: Partial<Facts> = {}): Facts => ({ runs: [], live: [], releases: [], rollouts: [], environments: [], ...more });
const production: Environment = { id: 'production', stage: 'production' };

const stages: [Release['state'], Partial<Release>, string][] = [
	['built', {}, 'staging'], ['staging', {}, 'staging'], ['staged', {}, 'gate'], ['gated', {}, 'production'], ['promoting', {}, 'production'], ['live', {}, 'production'],
	['rejected', {}, 'gate'], ['rolled_back', {}, 'production'], ['failed', {}, 'staging'], ['failed', { staged_at: 6e6 }, 'gate'], ['superseded', { staged_at: 6e6, gated_at: 7e6 }, 'production'],
];
for (const [state, more, want] of stages) test(`way: a release that is ${state} ${JSON.stringify(more)} stands in ${want}`, () => assert.equal(stageOf(run(), release(state, more)), want));
test('way: no release: ci', () => assert.equal(stageOf(run(), undefined), 'ci'));

test('way: at the gate, each requirement that is not met is a wait', () => {
	const card = cardOf(run(), facts({ releases: [release('staged', { staged_at: 8e6, gate: { requirements: [{ kind: 'evidence', state: 'ok' }, { kind: 'approvals', state: 'wait', reason: '0 of 2 given; approve with: penstock approve rel-4' }, { kind: 'window', state: 'wait', reason: 'opens Mon 08:00' }] } })] }));
	assert.deepEqual(card.waits.map((w) => [w.icon, w.text, w.since]), [['person', 'Waits for 2 approvals', 8e6], ['clock', 'opens Mon 08:00', 8e6]]);
	assert.equal(card.progress, '1 of 3 requirements met');
	assert.equal(groupOf(card), 'waiting');
	assert.deepEqual(card.passed, { ci: 4e6, staging: 3e6 });
});
test('way: in production, how much evidence is missing', () => {
	const rollout: Rollout = { id: 'ro-1', release: 'rel-4', environment: 'production', unit: 'orders', image: 'sha256:1', state: 'baking', weight: 0.05, confirmed: 0.05, step: 0, strategy: { steps: [{ share: 0.05 }, { share: 1 }] }, numbers: { need: 1234 }, step_at: 9e6 };
	const card = cardOf(run(), facts({ releases: [release('promoting')], rollouts: [rollout], environments: [production] }));
	assert.equal(card.waits[0]?.text, 'orders at 5 %, step 1 of 2: about 1\u2009234 more requests until there is evidence');
	assert.equal(groupOf(card), 'running');
});
test('way: a hold says who and why; a queue, behind whom', () => {
	const env: Environment = { ...production, holds: [{ id: 'h1', actor: 'user:ann', reason: 'month end', since: 3e6 }], queue: ['rel-3', 'rel-4'], active: 'rel-3' };
	const card = cardOf(run(), facts({ releases: [release('gated')], environments: [env] }));
	assert.deepEqual(card.waits.map((w) => w.text), ['production is on hold by ann: month end', 'Behind rel-3 in production, place 2']);
});
test('way: in ci, what failed first and what nobody started', () => {
	const live = (state: 'failed' | 'manual' | 'ready'): StatusRun => ({ ...run(), job_list: [{ id: 'run-7/ci/orders/test', unit: 'orders', name: 'test', stage: 'ci', state, error: 'exit 1' }] });
	assert.match(cardOf(run({ state: 'failed', release: '' }), facts({ live: [live('failed')] })).waits[0]?.text ?? '', /orders\/test failed: exit 1/);
	assert.match(cardOf(run({ state: 'running', release: '' }), facts({ live: [live('manual')] })).waits[0]?.text ?? '', /somebody to start orders\/test/);
	assert.match(cardOf(run({ state: 'running', release: '' }), facts({ live: [live('ready')] })).waits[0]?.text ?? '', /1 job waits for a free slot/);
	assert.match(cardOf(run({ state: 'planned', waits: true, release: '' }), facts()).waits[0]?.text ?? '', /fork/);
});
test('way: jobs that the change does not touch are no work to do', () => {
	assert.equal(cardOf(run({ state: 'running', release: '', jobs: 178, open: 2, unaffected: 172 }), facts()).progress, '4 of 6 jobs');
});
test('way: a rejection is said once, and by whom as people say it', () => {
	const why = 'user:ann said no: not before the sale is over';
	const card = cardOf(run(), facts({ releases: [release('rejected', { reason: why, gate: { requirements: [{ kind: 'approvals', state: 'no', reason: why }] } })] }));
	assert.deepEqual(card.waits.map((w) => w.text), ['ann said no: not before the sale is over']);
});
test('way: filters', () => {
	const card = cardOf(run(), facts({ releases: [release('staged')] }));
	const filter = { text: '', service: '', author: '', state: '' };
	for (const [change, want] of [[{ text: 'CENTS grace' }, true], [{ text: 'refund' }, false], [{ service: 'orders' }, true], [{ service: 'web' }, false], [{ author: 'Grace Lee' }, true], [{ state: 'waiting' }, true], [{ state: 'open' }, true], [{ state: 'done' }, false]] as const)
		assert.equal(fits(card, { ...filter, ...change }), want, JSON.stringify(change));
});
test('way: what is open stands above, then the newest', () => {
	const cards = ['run-9', 'run-10', 'run-2'].map((id) => cardOf(run({ id, release: '', state: id === 'run-2' ? 'running' : 'failed' }), facts()));
	assert.deepEqual(sortCards(cards).map((c) => c.run.id), ['run-2', 'run-10', 'run-9']);
});
test('way: lanes by service, the rest in one of its own', () => {
	const a = cardOf(run(), facts({ releases: [release('staged')] }));
	const b = cardOf(run({ id: 'run-8', affected: ['lib'], release: '' }), facts());
	assert.deepEqual(serviceLanes([a, b], []).map((l) => [l.unit, l.cards.length]), [['auth', 1], ['orders', 1], ['', 1]]);
	const at: Environment = { ...production, live: [{ unit: 'api', image: 'sha256:3', since: 1 }, { unit: 'web', image: 'sha256:4', since: 1 }] };
	assert.deepEqual(serviceLanes([a], [at]).map((l) => l.unit), ['auth', 'orders', 'api', 'web'], 'first where something is under way');
});
test('way: parts of a run in the order that they are reached', () => assert.deepEqual(jobParts({ passed: 2, cached: 1, failed: 1, blocked: 3, ready: 1 }), [{ tone: 'ok', n: 2 }, { tone: 'kept', n: 1 }, { tone: 'bad', n: 1 }, { tone: 'idle', n: 4 }]));
test('way: what went live and was replaced, or taken back, is not live any more', () => {
	const items = (a: object, b: object) => [{ unit: 'orders', image: 'sha256:1', ...a }, { unit: 'auth', image: 'sha256:2', ...b }];
	const state = (a: object, b: object) => cardOf(run(), facts({ releases: [release('live', { items: items(a, b), reason: 'rolled back by user:ann' })] }));
	assert.equal(state({ live: true }, {}).state, 'live');
	assert.equal(state({}, {}).state, 'replaced');
	assert.deepEqual(state({}, {}).waits, []);
	assert.equal(groupOf(state({}, {})), 'done');
	assert.equal(state({ taken_back: true }, {}).state, 'replaced');
	assert.equal(state({ taken_back: true }, { taken_back: true }).state, 'rolled_back');
	assert.equal(state({ taken_back: true }, { production_skipped: true }).waits[0]?.text, 'rolled back by ann');
	assert.equal(state({ production_skipped: true }, { production_skipped: true }).state, 'live');
});
