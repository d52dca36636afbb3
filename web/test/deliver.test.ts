import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Curves, EvidenceItem, Windows } from '../src/api/deliver';
import type { Environment, Incident, Release, Rollout } from '../src/api/types';
import { byStage, daysOf, matrix, windowNow } from '../src/pages/environments/model';
import { factsOf, isUrl, linesOf, nearLines } from '../src/pages/incident/model';
import { comparedWith, gateSummary, mayBeDecided, requirementWaits, stagesOf, statementText, verifySummary, waitsForPeople } from '../src/pages/release/model';
import { canaryRate, canDo, evidenceShare, evidenceText, labelsOf, lastDifference, lastOf, latencyRows, latencyText, points, quantileOf, ratioOf, rolling, shadesOf, share, stepRows, times, verdictWords, weighted } from '../src/pages/rollout/model';
import { endOf } from '../src/pages/shared/ends';
import { parseInline, parseMarkdown } from '../src/pages/shared/markdown_parse';
import { countPatch, parsePatch } from '../src/pages/shared/patch_parse';

const SEC = 1e6;
const HOUR = 3600 * SEC;

// ---- diffs ----
test('patch: lines have their numbers on both sides', () => {
	const lines = parsePatch('--- a/x\n+++ b/x\n@@ -3,3 +3,4 @@ name\n same\n-old\n+new\n+more\n tail\n');
	assert.deepEqual(lines.map((l) => [l.kind, l.old, l.now, l.text]), [
		['file', undefined, undefined, '--- a/x'], ['file', undefined, undefined, '+++ b/x'], ['hunk', undefined, undefined, 'line 3: name'],
		['same', 3, 3, 'same'], ['del', 4, undefined, 'old'], ['add', undefined, 4, 'new'], ['add', undefined, 5, 'more'], ['same', 5, 6, 'tail'],
	]);
});
test('patch: a removed line that looks like the head of a file is a removed line', () => assert.deepEqual(countPatch('@@ -1,2 +1 @@\n--- not a file\n same\n'), { added: 0, removed: 1 }));
test('patch: a second file begins behind the first', () => assert.equal(parsePatch('@@ -1 +1 @@\n-a\n+b\n--- a/y\n+++ b/y\n@@ -9 +9 @@\n-c\n+d\n').filter((l) => l.kind === 'file').length, 2));
test('patch: no end of line is no change', () => assert.deepEqual(countPatch('@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n'), { added: 1, removed: 1 }));

// ---- ends of marks ----
const now = Date.UTC(2026, 0, 5, 12);
const ends: [string, string, unknown][] = [
	['', '', {}], ['4h', '', { for: '4h' }], ['at', '', 'Say at what time it ends'], ['at', 'nonsense', 'Say at what time it ends'],
	['at', new Date(now - 1000).toISOString(), 'This time is over'], ['at', new Date(now + 3_600_000).toISOString(), { until: '2026-01-05T13:00:00Z' }],
];
for (const [choice, at, want] of ends) test(`ends: ${choice} ${at}`, () => assert.deepEqual(endOf(choice, at, now), want));

// ---- releases ----
const release = (state: Release['state'], more: Partial<Release> = {}): Release => ({ id: 'rel-1', state, built_at: 10 * SEC, ...more });
test('release: its stages with their times', () => {
	const run = { id: 'run-1', state: 'passed' as const, created_at: 2 * SEC };
	assert.deepEqual(stagesOf(release('promoting', { staged_at: 20 * SEC, gated_at: 21 * SEC }), run).map((s) => [s.state, s.from, s.to]), [['done', 2 * SEC, 10 * SEC], ['done', 10 * SEC, 20 * SEC], ['done', 20 * SEC, 21 * SEC], ['now', 21 * SEC, undefined]]);
	assert.deepEqual(stagesOf(release('rejected', { staged_at: 20 * SEC, ended_at: 30 * SEC }), run).map((s) => s.state), ['done', 'done', 'bad', 'next']);
	assert.deepEqual(stagesOf(release('live', { staged_at: 20 * SEC, gated_at: 21 * SEC, live_at: 40 * SEC }), run).map((s) => s.state), ['done', 'done', 'done', 'done']);
});
const decidable: [Release['state'], string | undefined, boolean][] = [['built', undefined, true], ['staging', undefined, true], ['staged', 'wait', true], ['staged', 'pass', false], ['gated', 'pass', false], ['live', 'pass', false], ['rejected', 'no', false]];
for (const [state, decision, want] of decidable) test(`release: ${state}, gate ${decision}: ${want ? 'a word counts' : 'too late'}`, () => assert.equal(mayBeDecided(release(state, { gate: decision ? { decision } : {} })), want));
test('release: the gate in one word, and what it waits for', () => {
	const at = (requirements: { kind: string; state: string; reason?: string }[], decision?: string) => release('staged', { staged_at: 5, gate: { requirements, ...(decision ? { decision } : {}) } });
	assert.equal(gateSummary(at([])).text, 'not reached yet');
	assert.equal(gateSummary(at([{ kind: 'evidence', state: 'ok' }], 'pass')).tone, 'ok');
	assert.equal(gateSummary(at([{ kind: 'veto', state: 'no' }])).tone, 'bad');
	const waiting = at([{ kind: 'evidence', state: 'ok' }, { kind: 'approvals', state: 'wait', reason: '0 of 1 given' }]);
	assert.equal(gateSummary(waiting).text, 'waits for 1 requirement');
	assert.deepEqual(requirementWaits(waiting), [{ icon: 'person', text: '1 approval', since: 5 }]);
	assert.equal(waitsForPeople(waiting), true);
	assert.equal(waitsForPeople(at([{ kind: 'window', state: 'wait' }])), false);
});

const statement = (type: string, predicate: unknown): EvidenceItem => ({ image: 'sha256:1', type, stage: 'ci', envelope: 'e', body: { payload: btoa(JSON.stringify({ predicate })) } });
test('evidence: each statement in one line', () => {
	assert.equal(statementText(statement('tests', { result: 'PASSED', jobs: [{ tests: 3 }, { tests: 4, failed: 1 }] })), 'passed: 2 jobs, 7 tests, 1 failed');
	assert.equal(statementText(statement('build', { buildDefinition: { internalParameters: { job: 'run-1/ci/a/image' }, resolvedDependencies: [{ digest: { gitCommit: '0123456789' } }] } })), 'built by run-1/ci/a/image from commit 01234567');
	assert.equal(statementText(statement('decision', { gate: { decision: 'pass', by: 'engine', requirements: [1, 2] } })), 'let through by engine, 2 requirements');
	assert.equal(statementText({ image: '', type: 'tests', stage: 'ci', envelope: '', body: { payload: '%%%' } }), 'cannot be read');
	assert.equal(statementText({ image: '', type: 'tests', stage: 'ci', envelope: '', problem: 'it is gone' }), 'it is gone');
	assert.deepEqual(verifySummary([{ verified: { ok: true } }, { verified: { ok: false } }, {}]), { ok: 1, bad: 1, all: 3 });
});

// ---- rollouts ----
const side = (n: number[], errors: number[]) => ({ n, errors, error_rate: [], over_p50: [], over_p95: [], over_p99: [] });
const curves = (more: Partial<Curves> = {}): Curves => ({
	rollout: 'ro-1', state: 'baking', seconds: 1, t: [0, 1, 2, 3].map((s) => s * SEC), step: [0, 0, 1, 1], weight: [0.05, 0.05, 0.5, 0.5], canary: side([10, 10, 100, 100], [0, 1, 0, 0]), stable: side([190, 190, 100, 100], [0, 0, 0, 0]),
	difference: { estimate: [0, 0.05, null, 0.01], low: [null, 0, null, -0.01], high: [null, 0.2, null, 0.04], margin: [0.05, 0.05, 0.05, 0.05] },
	verdict: { answer: [], metric: [], evidence: [], wanted: [], harm_metric: [], harm_evidence: [], harm_wanted: [] }, steps: [{ share: 0.05, state: 'done' }, { share: 0.5, state: 'now' }, { share: 1, state: 'next' }], decisions: [], ...more,
});
const rollout = (more: Partial<Rollout> = {}): Rollout => ({ id: 'ro-1', release: 'rel-1', environment: 'production', unit: 'orders', image: 'sha256:b', previous: 'sha256:a', state: 'baking', strategy: { kind: 'canary', steps: [{ share: 0.05 }, { share: 0.5 }, { share: 1 }] }, step: 1, weight: 0.5, confirmed: 0.5, ...more });

test('diff: which comparison it is', () => {
	const item = (w: 'now' | 'before') => ({ unit: 'api', image: 'sha256:a', with: w });
	assert.equal(comparedWith({ release: 'rel-1', environment: 'production', with: 'before', items: [item('before')] }, true), 'Compared with what it replaced in production.');
	assert.match(comparedWith({ release: 'rel-1', environment: 'production', with: 'before', items: [item('before'), item('now')] }, false), /services that it has not come to yet, with what runs there now/);
	assert.match(comparedWith({ release: 'rel-1', environment: 'production', with: 'now', items: [item('now')] }, true), /also when that is newer/);
	assert.match(comparedWith({ release: 'rel-1', environment: 'production', with: 'now', items: [item('now')] }, false), /which it would replace/);
});
test('curves: a rate is that of the points up to it', () => {
	assert.deepEqual(rolling([0, 1, 0, 1], [10, 10, 0, 10], 2), [0, 0.05, 0.1, 0.1]);
	assert.deepEqual(rolling([0, 0], [0, 0], 10), [null, null]);
	assert.deepEqual(weighted([0.5, null], [10, 3]), [5, null]);
});
test('curves: equal weights are one shade without a gap', () => assert.deepEqual(shadesOf(curves()).map((s) => [s.from, s.to, s.label]), [[0, 2, '5 %'], [2, 4, '50 %']]));
test('curves: the last known difference', () => {
	assert.deepEqual(lastDifference(curves().difference), { estimate: 0.01, low: -0.01, high: 0.04, margin: 0.05 });
	assert.equal(lastDifference(undefined), undefined);
	assert.equal(points(0.0131), '+1.31');
	assert.equal(points(-0.05, 1), '\u22125.0');
	assert.equal(points(0), '0.00');
});
test('latency: the last numbers of each quantile, in milliseconds; nothing where nobody wrote them', () => {
	const none = { stable: [null], allowed: [null], canary: [null] };
	const rows = latencyRows(curves({ latency: { p50: { stable: [8000, 9000, null], allowed: [null, 13500, null], canary: [null, null, null] }, p95: { stable: [120000], allowed: [180000], canary: [131000] }, p99: none } }));
	assert.deepEqual(rows.map((r) => [r.quantile, latencyText(r.old), latencyText(r.now), latencyText(r.allowed)]), [['p50', '9.0 ms', '\u2013', '14 ms'], ['p95', '120 ms', '131 ms', '180 ms']]);
	assert.deepEqual(latencyRows(curves()), []);
	assert.equal(ratioOf(curves({ steps: [{ share: 0.05, state: 'done', latency_ratio: 1.5 }, { share: 0.5, state: 'now', latency_ratio: 1.25 }] })), 1.25);
	assert.equal(times(1.25), '\u00d7 1.25');
	assert.equal(times(undefined), 'times its margin');
	assert.equal(lastOf([1, null]), 1);
	assert.equal(lastOf(undefined), null);
	assert.equal(quantileOf('errors'), undefined);
});
test('steps: from the first point in one to the first in the next', () => assert.deepEqual(stepRows(rollout(), curves()).map((s) => [s.state, s.from, s.to]), [['done', 0, 2 * SEC], ['now', 2 * SEC, undefined], ['next', undefined, undefined]]));
for (const [v, want] of [[0.05, '5 %'], [0.125, '12.5 %'], [1, '100 %'], [0.001, '0.1 %'], [0, '0 %']] as [number, string][]) test(`share: ${v}`, () => assert.equal(share(v), want));
test('evidence: half way in its logarithm is half way', () => {
	assert.equal(evidenceShare(10, 100), 0.5);
	assert.equal(evidenceShare(0.4, 20), 0);
	assert.equal(evidenceShare(400, 20), 1);
	assert.equal(evidenceShare(undefined, 20), 0);
});
test('verdict: says what is missing, and how long that takes', () => {
	assert.equal(canaryRate(curves()), 55);
	const waits = verdictWords(rollout({ numbers: { answer: 'wait', metric: 'p95', evidence: 4.75, wanted: 20, need: 550 } }), curves());
	assert.equal(waits.title, 'About 550 more requests needed');
	assert.match(waits.text, /p95 latency, evidence 4\.75 of 20 wanted.*some 10 s at its 55 requests\/s/);
	assert.match(verdictWords(rollout({ numbers: { answer: 'wait', metric: 'errors', need: 9 } }), undefined).text, /is there any traffic\?/);
	assert.equal(verdictWords(rollout({ numbers: { answer: 'wait', metric: 'errors', need: 18446744073709552000 } }), curves()).title, 'No end in sight');
	const bad = verdictWords(rollout({ state: 'aborted', numbers: { answer: 'fail', metric: 'errors', lane: 'fast', evidence: 157000, wanted: 2000, canary_n: 50, canary_errors: 11, stable_n: 900 } }), undefined);
	assert.equal(bad.tone, 'bad');
	assert.match(bad.text, /11 of 50 requests \(22\.00 %\) of the new version failed, 0 of 900/);
	assert.equal(verdictWords(rollout({ state: 'aborted', reason: 'a person said so' }), undefined).text, 'a person said so');
	assert.equal(verdictWords(rollout({ is_return: true }), undefined).title, 'Not judged');
	assert.equal(verdictWords(rollout({ state: 'done', numbers: { answer: 'pass' } }), undefined).tone, 'ok');
	const sent = { ...curves(), decisions: [{ at: 1, by: 'user:ann', text: 'promoted to the next step without waiting for the verdict' }] };
	assert.equal(verdictWords(rollout({ state: 'done', numbers: { answer: 'wait', metric: 'errors', evidence: 1.3, wanted: 20 } }), sent).title, 'Promoted by hand');
	assert.equal(verdictWords(rollout({ state: 'done', numbers: { answer: 'pass' } }), sent).title, 'Passed every step');
});
test('evidence: large numbers as people write them', () => assert.deepEqual([evidenceText(1), evidenceText(157000), evidenceText(1.68e6), evidenceText(4.1e18)], ['1', '157\u2009000', '1.7\u00d710\u2076', '4.1\u00d710\u00b9\u2078']));
test('traffic: shares of steps that stand close are not written over each other', () => {
	assert.deepEqual(labelsOf([0.05, 0.1, 0.15, 0.2, 0.5, 1], undefined), ['all', 'wide', 'wide', 'all', 'all', 'all']);
	assert.deepEqual(labelsOf([0.05, 0.1, 0.15, 0.2, 0.5, 1], 1), ['wide', 'all', 'wide', 'wide', 'all', 'all']);
	assert.deepEqual(labelsOf([0.01, 0.02, 0.03, 1], 1), ['none', 'all', 'none', 'all']);
	assert.deepEqual(labelsOf([1], 5), ['all']);
});
test('actions: as the daemon allows them', () => {
	const may = (r: Rollout, live = false) => Object.entries(canDo(r, live)).filter(([, why]) => why === undefined).map(([what]) => what);
	assert.deepEqual(may(rollout()), ['promote', 'abort']);
	assert.deepEqual(may(rollout({ weight: 0.5, confirmed: 0.05 })), ['abort']);
	assert.deepEqual(may(rollout({ step: 2 })), ['abort']);
	assert.deepEqual(may(rollout({ state: 'aborting' })), []);
	assert.deepEqual(may(rollout({ state: 'done' }), true), ['rollback']);
	assert.deepEqual(may(rollout({ state: 'done' }), false), []);
});

// ---- environments ----
const environments: Environment[] = [
	{ id: 'production', stage: 'production', live: [{ unit: 'orders', image: 'a' }], vetoes: [{ id: 'veto-1', unit: 'orders', image: 'x' }] },
	{ id: 'staging', stage: 'staging', live: [{ unit: 'orders', image: 'b' }, { unit: 'auth', image: 'c' }] },
];
test('matrix: rows by name, columns along the way, what production has not is marked', () => {
	assert.deepEqual(byStage(environments).map((e) => e.id), ['staging', 'production']);
	const rows = matrix(environments, (e) => (e.vetoes ?? []).map((mark) => ({ kind: 'veto' as const, mark })), { production: { environment: 'production', units: [{ unit: 'orders', drift: true }] } }, [rollout()]);
	assert.deepEqual(rows.map((r) => [r.unit, r.cells.map((c) => [c.live?.image, c.differs, c.marks.length, !!c.drift, c.moving?.id])]), [
		['auth', [['c', true, 0, false, undefined], [undefined, false, 0, false, undefined]]],
		['orders', [['b', true, 0, false, undefined], ['a', false, 1, true, 'ro-1']]],
	]);
});
test('calendar: an interval over midnight stands on both days', () => {
	const midnight = new Date(2026, 5, 10).getTime() * 1000;
	const at = midnight + 12 * HOUR;
	const w: Windows = { environment: 'production', from: at, to: at + 14 * 24 * HOUR, calendars: [{ repo: 'shop', windows: [], intervals: [{ from: at, to: midnight + 18 * HOUR }, { from: midnight + 18 * HOUR, to: midnight + 30 * HOUR, denied: true, why: 'night' }, { from: midnight + 30 * HOUR, to: at + 14 * 24 * HOUR }] }], holds: [{ id: 'hold-1', unit: 'orders', from: midnight + 24 * HOUR }] };
	const days = daysOf(w, at);
	assert.equal(days.length, 14);
	assert.equal(days[0]?.past, 0.5);
	assert.deepEqual(days.slice(0, 3).map((d) => d.blocks.map((b) => [b.kind, b.left, b.width])), [[['closed', 0.75, 0.25]], [['closed', 0, 0.25], ['part', 0, 1]], [['part', 0, 1]]]);
	assert.deepEqual(windowNow(w, at), { closed: false, until: midnight + 18 * HOUR, why: undefined });
	assert.deepEqual(windowNow(w, midnight + 20 * HOUR), { closed: true, until: midnight + 30 * HOUR, why: 'night' });
	assert.equal(windowNow(undefined, at), undefined);
});

// ---- incidents ----
const deploy = (n: number, more: Partial<NonNullable<Incident['deploys']>[number]> = {}) => ({ rollout: `ro-${n}`, unit: 'orders', image: 'i', state: 'done' as const, at: n * SEC, ended_at: (n + 1) * SEC, ...more });
const incident: Incident = { id: 'inc-1', state: 'mitigated', opened_at: 20 * SEC, mitigated_at: 22 * SEC, timeline: [{ at: 20 * SEC, actor: 'engine', text: 'it hurts' }], deploys: [...Array.from({ length: 8 }, (_, i) => deploy(i + 1)), deploy(18, { state: 'aborted', suspect: true, ended_at: 22 * SEC }), ...Array.from({ length: 5 }, (_, i) => deploy(30 + i))] };
test('incident: what happened and the deploys, by time', () => {
	const lines = linesOf(incident);
	assert.deepEqual(lines.filter((l) => l.side === 'event').map((l) => l.phase ?? l.text), ['opened', 'it hurts', 'mitigated']);
	assert.deepEqual(lines.filter((l) => l.suspect).map((l) => [l.at, l.text]), [[18 * SEC, 'orders begins'], [22 * SEC, 'orders: aborted']]);
	assert.equal(lines[0]?.text, 'orders: live after 1.0 s');
	const near = nearLines(lines, incident);
	assert.equal(lines.length - near.length, 5);
	assert.equal(near[0]?.at, 4 * SEC);
	assert.deepEqual(near.filter((l) => l.side === 'event'), lines.filter((l) => l.side === 'event'));
});
test('incident: how long each part took', () => {
	assert.deepEqual(factsOf(incident, rollout({ harm_at: 12 * SEC, verdict_at: 20 * SEC, zero_ordered_at: 20 * SEC, zero_confirmed_at: 20.05 * SEC }), 0).map((f) => [f.name, f.value]), [['Until noticed', '8.0 s'], ['Until no traffic', '50 ms'], ['Users were hurt for', '8.1 s'], ['Opened to mitigated', '2.0 s']]);
	assert.deepEqual(factsOf({ id: 'inc-2', state: 'open', opened_at: SEC }, undefined, 61 * SEC).map((f) => [f.name, f.value]), [['Open for', '1 m 00 s']]);
});
for (const [text, want] of [['https://wiki/x', true], ['docs/x.md', false], ['javascript:alert(1)', false], ['https://a b', false]] as [string, boolean][]) test(`runbook: ${text}`, () => assert.equal(isUrl(text), want));

// ---- Markdown ----
test('markdown: blocks', () => {
	const blocks = parseMarkdown('# Head\n\nOne\ntwo.\n\n1. first\n   goes on\n2. second\n\n- a\n- b\n\n```\ncode *x*\n```\n> said\n\n| A | B |\n|---|---|\n| 1 \\| 2 | 3 |\n');
	assert.deepEqual(blocks.map((b) => b.kind), ['heading', 'para', 'list', 'list', 'code', 'quote', 'table']);
	assert.deepEqual(blocks[2], { kind: 'list', ordered: true, items: [[{ kind: 'text', text: 'first goes on' }], [{ kind: 'text', text: 'second' }]] });
	assert.deepEqual(blocks[4], { kind: 'code', text: 'code *x*' });
	assert.deepEqual(blocks[6], { kind: 'table', head: [[{ kind: 'text', text: 'A' }], [{ kind: 'text', text: 'B' }]], rows: [[[{ kind: 'text', text: '1 | 2' }], [{ kind: 'text', text: '3' }]]] });
});
test('markdown: inside a line', () => {
	assert.deepEqual(parseInline('a `b` **c** _d_ [e](https://x/y) [f](javascript:g)'), [
		{ kind: 'text', text: 'a ' }, { kind: 'code', text: 'b' }, { kind: 'text', text: ' ' }, { kind: 'strong', text: 'c' }, { kind: 'text', text: ' ' }, { kind: 'em', text: 'd' }, { kind: 'text', text: ' ' },
		{ kind: 'link', text: 'e', href: 'https://x/y' }, { kind: 'text', text: ' ' }, { kind: 'text', text: 'f' },
	]);
	assert.deepEqual(parseInline('\\*not\\* <b>bold</b> snake_case_name'), [{ kind: 'text', text: '*not* <b>bold</b> snake_case_name' }]);
});
test('markdown: ends for any text', () => {
	const parts = ['#', '|', '-', '`', '*', '[', '](', '\n', ' ', 'a', '1.', '>', '\\', '```', '|--|'];
	let seed = 7;
	for (let round = 0; round < 400; round++) {
		let text = '';
		for (let i = 0; i < 30; i++) {
			seed = (seed * 1103515245 + 12345) % 2147483648;
			text += parts[seed % parts.length];
		}
		assert.ok(Array.isArray(parseMarkdown(text)));
	}
});
