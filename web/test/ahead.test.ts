import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askAhead, forgetAhead, isAhead, pathsAhead, takeAhead, wayPaths } from '../src/api/ahead';

test('ahead: what each page asks for first', () => {
	const of = (place: string) => { const u = new URL(place, 'http://x'); return pathsAhead(u.pathname, u.searchParams); };
	assert.deepEqual(of('/login?to=%2Fway'), []);
	assert.deepEqual(of('/runs/run-7'), ['/me', '/status']);
	assert.deepEqual(of('/'), ['/me', '/status', '/runs?limit=40', '/releases?limit=40', '/rollouts?limit=120']);
	assert.deepEqual(of('/way?by=service'), of('/'));
	assert.deepEqual(of('/way?all=1').slice(2), Object.values(wayPaths(true)).slice(1));
});

test('ahead: taken once; what is no answer is asked for again; another person gets nothing of it', async () => {
	const asked: string[] = [];
	const was = globalThis.fetch;
	globalThis.fetch = (async (url: string) => {
		asked.push(url);
		if (url.endsWith('lost')) throw new Error('no network');
		return new Response('{}', { status: url.endsWith('denied') ? 401 : 200 });
	}) as typeof fetch;
	askAhead('/api/v1', ['/me', '/status', '/denied', '/lost']);
	globalThis.fetch = was;
	assert.deepEqual(asked, ['/api/v1/me', '/api/v1/status', '/api/v1/denied', '/api/v1/lost']);
	assert.equal(isAhead('/me'), true);
	assert.equal((await takeAhead('/me'))?.status, 200);
	assert.equal(await takeAhead('/me'), undefined);
	assert.equal(await takeAhead('/denied'), undefined);
	assert.equal(await takeAhead('/lost'), undefined);
	assert.equal(await takeAhead('/never'), undefined);
	forgetAhead();
	assert.equal(isAhead('/status'), false);
	assert.equal(await takeAhead('/status'), undefined);
});
