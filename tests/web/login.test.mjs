// Signing in: who is not known is led here and back again; what is refused says why. The answers of the daemon are given by the test, so that the
// page is tried with a single sign-on that is there and one that is not.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { api, close, go, looks, open, token } from './lib.mjs';

after(close);
const json = (status, body) => ({ status, contentType: status < 400 ? 'application/json' : 'application/problem+json', body: JSON.stringify(body) });

async function stranger(ways, answers) {
	const page = await open('/login', { stranger: true });
	const sent = [];
	let known = false;
	await page.route('**/api/v1/**', (route) => {
		const request = route.request();
		const path = new URL(request.url()).pathname.replace('/api/v1', '');
		if (path === '/login' && request.method() === 'GET') return route.fulfill(json(200, ways));
		if (path === '/login') {
			sent.push(request.postDataJSON());
			const [status, body] = answers.shift();
			known = status === 200;
			return route.fulfill(json(status, body));
		}
		return route.fulfill(known ? json(200, path === '/me' ? { actor: 'user:ann', role: 'viewer' } : { now: Date.now() * 1000, seq: 1, runs: [], releases: [], rollouts: [], environments: [], incidents: [] }) : json(401, { code: 'denied', detail: 'who are you?' }));
	});
	return { page, sent };
}

test('who is not known is led to the sign-in, and back to where they wanted to go', async () => {
	const { page, sent } = await stranger({ token: true }, [[401, { code: 'denied', detail: 'this token is not known here' }], [200, { ok: true }]]);
	await go(page, new URL('/runs?state=failed', page.url()).href);
	await page.waitForURL((u) => u.pathname === '/login' && u.searchParams.get('to') === '/runs?state=failed');
	await page.getByLabel('Token', { exact: true }).fill(' wrong ');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByText('this token is not known here').waitFor();
	await page.getByLabel('Token', { exact: true }).fill('right');
	await page.keyboard.press('Enter');
	await page.waitForURL('**/runs?state=failed');
	assert.deepEqual(sent, [{ token: 'wrong' }, { token: 'right' }]);
	assert.doesNotMatch(page.url(), /right/);
	await page.context().close();
});

test('a single sign-on is offered when there is one, and the way back is only ours', async () => {
	const { page } = await stranger({ token: true, oidc: { name: 'Shop SSO' } }, []);
	await go(page, new URL('/login?to=//elsewhere.example/', page.url()).href);
	const link = page.getByRole('link', { name: 'Continue with Shop SSO' });
	await link.waitFor();
	assert.equal(await link.getAttribute('href'), '/api/v1/login/oidc?to=%2Fway');
	await page.context().close();
});

test('a token of the daemon signs in, the page is live, and signing out ends it', async (t) => {
	const page = await open('/runs', { stranger: true });
	await page.waitForURL('**/login?to=%2Fruns');
	await page.getByLabel('Token', { exact: true }).fill(token);
	await page.keyboard.press('Enter');
	await page.waitForURL((u) => u.pathname === '/runs');
	await page.locator('.link-live:visible').waitFor();
	const cookie = (await page.context().cookies()).find((c) => c.name === 'penstock_session');
	assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, 'Strict']);
	assert.ok(!JSON.stringify(await page.evaluate(() => [document.cookie, { ...localStorage }, location.href])).includes(token), 'the token stays nowhere in the page');
	await page.getByRole('button', { name: /Signed in as/ }).first().click();
	await page.getByRole('menuitem', { name: 'Sign out' }).click();
	await page.waitForURL((u) => u.pathname === '/login');
	await go(page, new URL('/way', page.url()).href);
	await page.waitForURL((u) => u.pathname === '/login');
	page.quiet();
	await page.context().close();
});

test('in all sizes and themes', async () => {
	await looks('login', '/login', 'input[name=token]');
});
