import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineParser, linesOf, LogStore } from '../src/pages/run/log_store';
import type { LogLine } from '../src/api/types';

function logOf(...steps: [string, number][]): LogStore {
	const store = new LogStore();
	let n = 1;
	for (const [step, lines] of steps) for (let i = 0; i < lines; i++) store.add({ n: n++, t: n * 1e6, text: `${step} ${i}`, ...(step ? { step } : {}) });
	return store;
}
test('log: without steps there are no headings', () => {
	const store = logOf(['', 3]);
	assert.equal(store.rows, 3);
	assert.deepEqual(store.row(2), { kind: 'line', line: 2 });
});
test('log: steps, folded and not', () => {
	const store = logOf(['fetch', 2], ['build', 3]);
	assert.equal(store.rows, 7);
	assert.deepEqual(store.row(0), { kind: 'step', segment: 0 });
	assert.deepEqual(store.row(3), { kind: 'step', segment: 1 });
	assert.deepEqual(store.row(4), { kind: 'line', line: 2 });
	store.fold(0, true);
	assert.equal(store.rows, 5);
	assert.deepEqual(store.row(1), { kind: 'step', segment: 1 });
	assert.equal(store.rowOf(0), 1, 'a line that is looked for unfolds its step');
	assert.equal(store.isFolded(0), false);
	store.foldAll(true);
	assert.equal(store.rows, 2);
});
test('log: each row leads to its line and back', () => {
	const store = logOf(['a', 100], ['b', 1], ['c', 57]);
	for (let line = 0; line < store.length; line++) assert.deepEqual(store.row(store.rowOf(line)), { kind: 'line', line });
});
test('log: lines that come again are not taken twice', () => {
	const store = logOf(['', 3]);
	store.add({ n: 2, text: 'again' });
	assert.equal(store.length, 3);
});
test('log: search', () => {
	const store = new LogStore();
	['Error: one', 'fine', '\u001b[31merror\u001b[0m two'].forEach((text, i) => store.add({ n: i + 1, text }));
	assert.deepEqual(store.find('error'), [0, 2]);
	assert.deepEqual(store.find('Error'), [0]);
	assert.deepEqual(store.find(''), []);
});
test('log: 200,000 lines are found and counted quickly', () => {
	const store = logOf(['a', 100000], ['b', 100000]);
	const begin = Date.now();
	for (let i = 0; i < 1000; i++) store.row(i * 200);
	assert.equal(store.find('b 99999').length, 1);
	assert.ok(Date.now() - begin < 1500);
});
for (const [hash, want] of [['L12', { from: 12, to: 12 }], ['L12-L9', { from: 9, to: 12 }], ['L3-5', { from: 3, to: 5 }], ['L0', null], ['x', null], ['', null]] as [string, unknown][])
	test(`log: #${hash}`, () => assert.deepEqual(linesOf(hash), want));
test('log: NDJSON in pieces, blanks and a cut end', () => {
	const got: LogLine[] = [];
	const parser = new LineParser((line) => got.push(line));
	for (const text of ['{"n":1,"te', 'xt":"a"}\n   \n{"n":2,', '"text":"b"}\n{"n":3']) parser.feed(text);
	assert.deepEqual(got.map((l) => l.text), ['a', 'b']);
});
