import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser, type SseEvent } from '../src/api/sse';
import { subjectOf, touches, touchOf, type Touch } from '../src/api/touch';
import type { JournalRecord } from '../src/api/types';

const record = (type: string, subject: string, payload: Record<string, unknown> = {}): Touch => touchOf({ seq: 1, time: 1, actor: 'engine', subject, type, payload } as JournalRecord);

const paths: [string, string | undefined][] = [
	['/runs', undefined],
	['/runs?limit=20', undefined],
	['/runs/run-7', 'run-7'],
	['/runs/run-7/jobs', 'run-7'],
	['/jobs/run-7/ci/orders/test/report', 'run-7/ci/orders/test'],
	['/jobs/run-7/ci/orders/log', 'run-7/ci/orders'],
	['/environments/production', 'production'],
];
for (const [path, want] of paths) test(`touch: ${path} shows ${want ?? 'a list'}`, () => assert.equal(subjectOf(path), want));

const job = record('job.ended', 'run-7/ci/orders/test', { job: 'run-7/ci/orders/test' });
const fact = record('watch.facts', 'ro-3', { rollout: 'ro-3' });
const touching: [string, Touch, boolean][] = [
	['/runs/run-7', job, true],
	['/runs/run-7/jobs', job, true],
	['/runs/run-77', job, false],
	['/runs', job, true],
	['/status', job, true],
	['/jobs/run-7/ci/orders/test/report', job, true],
	['/jobs/run-7/ci/orders/build/report', job, false],
	['/jobs/run-7/ci/orders/build/key', record('person.rerun', 'run-7', { run: 'run-7' }), true],
	['/rollouts/ro-3', fact, true],
	['/rollouts/ro-4', fact, false],
	['/status', fact, false],
	['/traffic', fact, true],
	['/releases/rel-1', record('route.weight_set', 'ro-3', { rollout: 'ro-3' }), true],
	['/releases/rel-1/diff', record('route.weight_set', 'ro-3', { rollout: 'ro-3' }), true],
	['/releases/rel-1', record('job.ended', 'run-7/staging/-/e2e', { job: 'run-7/staging/-/e2e' }), true],
	['/releases/rel-1', job, false],
	['/releases/rel-1', fact, false],
	['/environments/production', record('route.weight_set', 'ro-3', { rollout: 'ro-3' }), true],
	['/environments/production', job, false],
	['/incidents/inc-1', record('route.weight_set', 'ro-3', { rollout: 'ro-3' }), true],
	['/environments/production', record('deploy.replica', 'production', { environment: 'production' }), true],
];
for (const [path, touch, want] of touching) test(`touch: ${touch.type} of ${touch.subject} and ${path}`, () => assert.equal(touches(path, touch), want));

function parse(...texts: string[]): SseEvent[] {
	const out: SseEvent[] = [];
	const parser = new SseParser((e) => out.push(e));
	for (const text of texts) parser.feed(text);
	return out;
}
const one = [{ id: '7', event: 'record', data: '{"a":1}' }];
test('sse: one event', () => assert.deepEqual(parse('id: 7\nevent: record\ndata: {"a":1}\n\n'), one));
test('sse: cut anywhere', () => {
	const text = 'id: 7\r\nevent: record\r\ndata: {"a":1}\r\n\r\n';
	for (let i = 1; i < text.length; i++) assert.deepEqual(parse(text.slice(0, i), text.slice(i)), one, `cut at ${i}`);
});
test('sse: letter by letter', () => assert.deepEqual(parse(...'id:7\nevent:record\ndata:{"a":1}\n\n'), one));
test('sse: comments, empty events and unknown fields are no events', () => assert.deepEqual(parse(':   \n\nretry: 5\n\nid: 9\n\n'), []));
test('sse: the id stays, the type does not', () => assert.deepEqual(parse('id: 1\nevent: a\ndata: x\n\ndata: y\n\n').map((e) => [e.id, e.event]), [['1', 'a'], ['1', 'message']]));
test('sse: several lines of data', () => assert.equal(parse('data: a\ndata: b\n\n')[0]?.data, 'a\nb'));
