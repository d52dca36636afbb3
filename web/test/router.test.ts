import assert from 'node:assert/strict';
import { test } from 'node:test';
import { match, withQuery, type Place } from '../src/router';
import { safeReturn } from '../src/pages/login/return';

const cases: [string, string, Record<string, string> | null][] = [
	['/way', '/way', {}],
	['/way', '/way/', {}],
	['/way', '/ways', null],
	['/runs', '/runs/run-7', null],
	['/runs/:id', '/runs', null],
	['/runs/:id', '/runs/run-7', { id: 'run-7' }],
	['/runs/:id', '/runs/run-7/x', null],
	['/runs/:id', '/runs/a%2Fb', { id: 'a/b' }],
	['/runs/:id', '/runs/50%', { id: '50%' }],
	['/jobs/:id+', '/jobs/run-7/ci/orders/test', { id: 'run-7/ci/orders/test' }],
	['/jobs/:id+', '/jobs', null],
	['/', '/', {}],
];
for (const [pattern, path, want] of cases) test(`router: ${path} against ${pattern}`, () => assert.deepEqual(match(pattern, path), want));

test('router: the query is changed in part', () => {
	const place: Place = { path: '/way', query: new URLSearchParams('q=a&by=service'), hash: 'L1' };
	assert.equal(withQuery(place, { q: null, state: 'open' }), '/way?by=service&state=open#L1');
	assert.equal(withQuery(place, { q: '', by: null }), '/way#L1');
});
for (const [to, want] of [[null, '/way'], ['/runs?x=1', '/runs?x=1'], ['//evil.example', '/way'], ['/\\evil.example', '/way'], ['https://evil.example', '/way'], ['/\t/evil.example', '/way'], ['/login?to=/x', '/way']] as [string | null, string][])
	test(`sign-in: back to ${JSON.stringify(to)}`, () => assert.equal(safeReturn(to), want));
