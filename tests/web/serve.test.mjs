// How the pages are served: what a browser may keep, how it is compressed, what it may run; and that nothing of the API is shadowed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, url } from './lib.mjs';

const get = (path, headers = {}) => fetch(url + path, { headers, redirect: 'manual' });
const page = await (await get('/')).text();
const asset = page.match(/modulepreload" href="(\/assets\/chunk-[^"]+\.js)/)[1]; // what the application is made of

test('every page is the same document', async () => {
	for (const path of ['/way', '/runs/run-1', '/runs/run-1?job=a%2Fb', '/releases/rel-1', '/rollouts/ro-1', '/environments', '/incidents/inc-1', '/graph', '/insights', '/audit', '/settings', '/device', '/login']) {
		const answer = await get(path);
		assert.equal(answer.status, 200, path);
		assert.equal(await answer.text(), page, path);
	}
});
test('the policy lets nothing in from elsewhere, and nothing inline', async () => {
	const headers = (await get('/way')).headers;
	const policy = headers.get('content-security-policy');
	for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]) assert.ok(policy.includes(rule), rule);
	assert.ok(!policy.includes('unsafe'));
	assert.equal(headers.get('x-frame-options'), 'DENY');
	assert.equal(headers.get('x-content-type-options'), 'nosniff');
	assert.equal(headers.get('referrer-policy'), 'no-referrer');
	assert.ok(!/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=/.test(page), 'no inline script, handler or style');
	assert.ok(!/https?:\/\//.test(page), 'no other host');
});
test('files keep for ever, the document does not', async () => {
	assert.match((await get(asset)).headers.get('cache-control'), /immutable/);
	assert.equal((await get('/way')).headers.get('cache-control'), 'no-cache');
	const etag = (await get('/way')).headers.get('etag');
	assert.equal((await get('/way', { 'If-None-Match': etag })).status, 304);
	assert.equal((await get('/way', { 'If-None-Match': `"other", ${etag.replace('W/', '')}` })).status, 304);
	assert.equal((await get('/way', { 'If-None-Match': '"other"' })).status, 200);
});
test('compressed as the browser can take it', async () => {
	for (const [accept, want] of [['br, gzip', 'br'], ['gzip', 'gzip'], ['gzip, br;q=0', 'gzip'], ['br;q=0.000, gzip;q=0', null], ['identity', null], ['brr', null]]) {
		const answer = await get(asset, { 'Accept-Encoding': accept });
		assert.equal(answer.headers.get('content-encoding'), want, accept);
		assert.match(answer.headers.get('vary'), /Accept-Encoding/);
		assert.ok((await answer.text()).length > 1000);
	}
});
test('the licenses of what is bundled are there', async () => assert.match(await (await get('/assets/notice.txt')).text(), /preact[\s\S]*MIT/));
test('what is no page is not answered as one', async () => {
	assert.equal((await get('/assets/app-OLD.js')).status, 404);
	assert.equal((await get('/assets/../index.html')).status, 401);
	assert.equal((await get('/nothing')).status, 401);
	assert.equal((await fetch(`${url}/way`, { method: 'POST' })).status, 401);
	assert.equal((await get('/api/v1/status')).status, 401);
	assert.equal((await api('/status')).status, 200);
	const head = await fetch(url + asset, { method: 'HEAD' });
	assert.equal(head.status, 200);
	assert.equal(await head.text(), '');
});
