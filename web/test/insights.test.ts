import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, dayKey, dayOf, dayText, everyDay, frequency, measureOf, measures, rangeOf, sinceOf } from '../src/pages/insights/model';

const monday = Date.UTC(2026, 10, 23) * 1000;

test('insights: days', () => {
	assert.equal(dayKey(monday), '2026-11-23');
	assert.equal(dayOf('2026-11-23'), monday);
	assert.equal(dayText(monday), 'Mon 23 Nov');
	assert.deepEqual(['', '2026-11-3', '2026-13-45', 'x'].map(dayOf), [undefined, undefined, undefined, undefined]);
});
test('insights: a window is whole days, and the same all day long', () => {
	assert.equal(sinceOf(monday + 5, 7), monday - 6 * DAY);
	assert.equal(sinceOf(monday + DAY - 1, 7), monday - 6 * DAY);
	assert.deepEqual(['', '7', '90', '8', 'x'].map(rangeOf), [30, 7, 90, 30, 30]);
});
test('insights: days that had nothing are there, too', () => {
	const days = everyDay([{ day: monday, deploys: 3 }], monday - 2 * DAY, monday + 1);
	assert.deepEqual(days, [{ day: monday - 2 * DAY }, { day: monday - DAY }, { day: monday, deploys: 3 }]);
	assert.equal(everyDay([], 0, monday).length, 800);
	assert.deepEqual(everyDay(undefined, monday, monday), []);
});
test('insights: frequency, as people say it', () => assert.deepEqual([undefined, 0, 0.01, 0.2, 1, 3.456, 27.1].map(frequency), ['none', 'none', '0.3 in 30 days', '1.4 a week', '1.0 a day', '3.5 a day', '27 a day']));
test('insights: the five measures say their units, and when nothing is behind them', () => {
	const n = { deploys: 20, failed: 1, rework: 2, per_day: 2, fail_rate: 0.05, rework_rate: 0.1, lead_p50: 31 * 60e6, lead_p95: 3600e6, recovered: 1, recovery_p50: 48e6, recovery_p95: 48e6 };
	assert.deepEqual(measures.map((m) => m.value(n)), ['31 m 00 s', '2.0 a day', '5.0 %', '48 s', '10.0 %']);
	assert.deepEqual(measures.map((m) => m.value({})), ['none', 'none', 'none', 'none', 'none']);
	assert.deepEqual(measures.map((m) => m.behind(n)), [19, 20, 1, 1, 2]);
	assert.match(measureOf('failures').note(n), /1 of 20 deployments/);
	assert.equal(measureOf('nonsense').id, 'lead');
});
test('insights: a day without a number is a gap, one without deployments is none', () => {
	assert.deepEqual(measureOf('lead').series([{ lead_p50: 5, lead_p95: 9 }, {}]).map((s) => s.values), [[5, null], [9, null]]);
	assert.deepEqual(measureOf('failures').series([{ deploys: 4, failed: 1 }, {}]).map((s) => s.values), [[4, 0], [1, 0]]);
});
