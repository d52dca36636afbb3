import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestOutcome } from '../src/api/types';
import { heights, historyPath, historyWords, markTitle, median, testTook } from '../src/pages/run/test_history';

// Newest first: "f" failed, "p" passed, "s" skipped.
const of = (letters: string, usec: number[] = []): TestOutcome[] =>
	[...letters].map((c, i) => ({ run: `run-${letters.length - i}`, job: `run-${letters.length - i}/ci/lab/units`, outcome: c === 'f' ? 'failed' : c === 's' ? 'skipped' : 'passed', at: 1e15 + (letters.length - i) * 6e7, usec: usec[i] ?? 1000, commit: `${letters.length - i}` }));

test('what is asked for: the job, all shards of one, its stage', () => {
	assert.equal(historyPath({ unit: 'lab', name: 'units', stage: 'ci' }, 'a.b c'), '/tests/history?job=units&test=a.b+c&unit=lab');
	assert.equal(historyPath({ unit: '', name: 'e2e', stage: 'staging' }, 't'), '/tests/history?job=e2e&test=t&stage=staging');
	assert.equal(historyPath({ unit: 'lab', name: 'units 2/3', def: 'units', shards: 3, stage: 'ci' }, 't'), '/tests/history?job=units&test=t&unit=lab');
	assert.equal(historyPath({ unit: 'lab', name: 'units (a)', def: 'units', stage: 'ci' }, 't'), '/tests/history?job=units+%28a%29&test=t&unit=lab');
});

test('in words', () => {
	const cases: [string, string, string, string | undefined][] = [
		['', 'No run recorded it', 'idle', undefined],
		['p', 'Passed in the one run that recorded it', 'ok', undefined],
		['ppsp', 'Passed in all of the last 3 runs', 'ok', undefined],
		['ss', 'Skipped in all 2 runs that recorded it', 'idle', undefined],
		['pfp', 'Failed in 1 of the last 3 runs', 'wait', undefined],
		['ffspfp', 'Failed in 3 of the last 5 runs, the newest 2 in a row', 'bad', 'run-5'],
		['fppp', 'Failed in 1 of the last 4 runs, the newest', 'bad', 'run-4'],
		['fff', 'Failed in all of the last 3 runs', 'bad', 'run-1'],
		['f', 'Failed in the one run that recorded it', 'bad', 'run-1'],
	];
	for (const [letters, text, tone, since] of cases) {
		const words = historyWords(of(letters));
		assert.deepEqual([words.text, words.tone, words.since?.run], [text, tone, since], letters);
	}
	assert.equal(historyWords(of('ff')).before, true);
	assert.equal(historyWords(of('fp')).before, false);
});

test('failed and passed on one commit', () => {
	const both = of('pfp').map((o) => ({ ...o, commit: 'same' }));
	assert.equal(historyWords(both).text, 'Failed in 1 of the last 3 runs, and passed on the same commit');
});

test('how long it takes, and when that changes', () => {
	assert.equal(historyWords(of('p')).trend, '1 ms');
	assert.equal(historyWords(of('ppppp', [9000, 3000, 3000, 3000, 3000])).trend, 'usually 3 ms, last 9 ms: 3.0 times as long');
	assert.equal(historyWords(of('ppppp', [1000, 3000, 3000, 3000, 3000])).trend, 'usually 3 ms, last 1 ms: faster');
	assert.equal(historyWords(of('pppp', [9000, 3000, 3000, 3000])).trend, 'usually 3 ms', 'four say too little');
	assert.equal(historyWords(of('ppppp', [900, 3, 3, 3, 3])).trend, 'usually 0.003 ms', 'microseconds are noise');
	assert.equal(median([]), 0);
	assert.equal(median([4, 1, 3]), 3);
	assert.equal(median([4, 1]), 2.5);
	assert.deepEqual(['0 ms', '0.25 ms', '9.9 ms', '15 ms', '1.2 s'], [0, 250, 9900, 15000, 1.2e6].map(testTook));
	assert.deepEqual(heights(of('pp', [500, 1000])), [0.5, 1]);
	assert.deepEqual(heights(of('pp', [0, 0])), [0, 0]);
});

test('a mark says all of its run', () => {
	const title = markTitle({ ...(of('f')[0] as TestOutcome), ref: 'refs/heads/main', subject: 'Round up', message: 'wanted 3' });
	assert.match(title, /^run-1: failed in 1 ms\n.*2001.*\nmain 1 Round up\nwanted 3$/);
	assert.match(markTitle(of('s')[0] as TestOutcome), /^run-1: skipped\n/);
});
