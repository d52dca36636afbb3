// The board: a change goes from ci to production, waits for an approval on the way, and moves without a reload.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, close, emptyDaemon, launch, looks, open, penstock, push, runOf, token, until, url } from './lib.mjs';

let page;
let run;
before(async () => {
	page = await open('/', { motion: 'no-preference' });
});
after(close);

test('an empty board says what to do', async () => {
	const empty = await emptyDaemon();
	try {
		const first = await open('/', { of: empty });
		await first.waitForURL('**/way');
		await first.getByRole('heading', { name: 'No change has come yet' }).waitFor();
		assert.ok(await first.getByText('git push origin main').isVisible());
		await first.locator('.link-live:visible').waitFor();
		first.quiet();
		await first.context().close();
	} finally {
		await empty.stop();
	}
});

test('a push appears by itself and moves to the gate', async () => {
	run = await runOf(push('orders: answer in cents', { 'services/api/version': 'api 2' }));
	const card = page.locator(`[data-card="${run.id}"]`);
	await card.waitFor({ timeout: 5000 });
	assert.match(await page.locator('.lane', { has: card }).innerText(), /orders: answer in cents[\s\S]*Grace Lee/);
	await page.locator(`[data-stage=gate] [data-card="${run.id}"]`).waitFor({ timeout: 60000 });
	await page.waitForFunction((id) => /approv/i.test(document.querySelector(`[data-card="${id}"]`)?.textContent ?? ''), run.id, { timeout: 10000 });
	assert.match(await page.locator(`[data-card="${run.id}"]`).innerText(), /at the gate[\s\S]*Waits for 1 approval/);
});

test('in all sizes and themes', async () => {
	await looks('way', '/way', `[data-card="${run.id}"]`);
	await looks('way-services', '/way?by=service', `[data-card="${run.id}"]`, { few: true });
});

test('filters stand in the address, and back undoes them', async () => {
	const cards = page.locator('[data-card]');
	await page.getByLabel('Filter', { exact: true }).fill('nothing like it');
	await page.getByRole('heading', { name: 'No change fits these filters' }).waitFor();
	assert.match(page.url(), /q=nothing/);
	await page.getByRole('button', { name: 'Clear' }).click();
	await cards.first().waitFor();
	await page.getByLabel('Service', { exact: true }).selectOption('api');
	await page.waitForURL(/service=api/);
	assert.ok((await cards.count()) >= 1);
	await page.getByRole('button', { name: 'By service' }).click();
	await page.getByRole('rowheader', { name: /^api/ }).waitFor();
	assert.equal(await page.getByRole('rowheader', { name: /^web/ }).count(), 0);
	await page.goBack();
	await page.waitForURL((u) => !u.search.includes('by=service'));
	await page.goBack();
	await page.waitForURL((u) => !u.search.includes('service=api'));
	await page.goForward();
	await page.waitForURL((u) => u.search.includes('service=api'));
	await page.goForward();
	await page.getByRole('rowheader', { name: /^api/ }).waitFor();
	await page.goBack();
	await page.goBack();
	await page.waitForURL((u) => !u.search.includes('service=api'));
});

test('an approval, and it goes live', async () => {
	const release = (await api(`/runs/${run.id}`)).body.release;
	penstock('approve', release);
	const card = page.locator(`[data-stage=production] [data-card="${run.id}"]`);
	await card.waitFor({ timeout: 30000 });
	await card.getByText('live', { exact: true }).waitFor({ timeout: 60000 });
	page.quiet();
});

test('the palette goes anywhere, and keys lead to pages', async () => {
	await page.keyboard.press('Control+k');
	await page.getByRole('dialog').getByRole('combobox').fill(`cents ${run.id}`);
	await page.getByRole('option', { name: new RegExp(`orders: answer in cents ${run.id}\\b`), selected: true }).waitFor();
	await page.keyboard.press('Enter');
	await page.waitForURL(`**/runs/${run.id}`);
	await page.keyboard.press('g');
	await page.keyboard.press('w');
	await page.waitForURL('**/way');
	await page.keyboard.press('?');
	const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
	await help.waitFor();
	await page.keyboard.press('Escape');
	await help.waitFor({ state: 'detached' });
	await page.keyboard.press('Control+k');
	await page.getByRole('dialog').getByRole('combobox').fill('shortcuts');
	await page.getByRole('option', { name: /Keyboard shortcuts/, selected: true }).waitFor();
	await page.keyboard.press('Enter');
	await help.waitFor();
	await page.waitForTimeout(100); // the palette's end closes nothing else
	assert.ok(await help.isVisible());
	await page.keyboard.press('Escape');
	await help.waitFor({ state: 'detached' });
});

test('a lost connection is told, and what was missed is shown', async () => {
	await page.context().setOffline(true);
	await page.locator('.link-broken:visible', { hasText: 'Reconnecting' }).waitFor({ timeout: 20000 });
	// A page whose code is not here yet says so, what was open can still be read, and it opens by itself.
	await page.getByRole('link', { name: 'Insights' }).click();
	await page.getByRole('heading', { name: 'Penstock cannot be reached' }).waitFor();
	await page.goBack();
	await page.locator('[data-card]').first().waitFor();
	await page.getByText('Penstock cannot be reached from here').waitFor();
	await page.goForward();
	await page.getByRole('heading', { name: 'Penstock cannot be reached' }).waitFor();
	const missed = await runOf(push('web: said while nobody listened', { 'services/web/version': 'web 2' }));
	await page.context().setOffline(false);
	await page.getByRole('heading', { name: 'Insights', exact: true }).waitFor({ timeout: 20000 });
	await page.goBack();
	await page.locator(`[data-card="${missed.id}"]`).waitFor({ timeout: 20000 });
	await until('live again', () => page.locator('.link-live:visible').isVisible());
});

test('a daemon that does not answer does not look live', async () => {
	let go;
	const held = new Promise((wake) => (go = wake));
	await page.route('**/api/v1/incidents?**', async (route) => {
		await held;
		await route.continue();
	});
	await page.getByRole('link', { name: 'Incidents' }).click();
	await page.locator('.link-state:visible', { hasText: /^No answer for \d+ s$/ }).waitFor();
	go();
	await page.locator('.link-live:visible').waitFor();
	await page.locator('main .skeleton').waitFor({ state: 'detached' });
	await page.unroute('**/api/v1/incidents?**');
	await page.goBack();
});

test('after a night asleep the page reads what it missed, by itself', async () => {
	const context = await (await launch()).newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', extraHTTPHeaders: { Authorization: `Bearer ${token}` } });
	const sleeper = await context.newPage();
	await sleeper.clock.install();
	await sleeper.goto(`${url}/way`);
	await sleeper.locator('.link-live:visible').waitFor();
	await context.setOffline(true); // the lid is shut: no timer runs, no byte comes
	const missed = await runOf(push('web: said in the night', { 'services/web/version': 'web night' }));
	await context.setOffline(false);
	await sleeper.clock.fastForward('10:00:00');
	await sleeper.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
	await sleeper.locator(`[data-card="${missed.id}"]`).waitFor({ timeout: 20000 });
	await until('live again', () => sleeper.locator('.link-live:visible').isVisible());
	await context.close();
});

test('a second tab shares the stream of the first, and takes over when that is closed', async () => {
	const first = await open('/way');
	await first.locator('.link-live:visible').waitFor();
	const second = await first.context().newPage();
	let streams = 0;
	second.on('request', (r) => new URL(r.url()).pathname.endsWith('/events') && streams++);
	await second.goto(first.url());
	await second.locator('.link-live:visible').waitFor();
	const told = await runOf(push('web: told from tab to tab', { 'services/web/version': 'web 3' }));
	await second.locator(`[data-card="${told.id}"]`).waitFor();
	assert.equal(streams, 0);
	await first.close();
	await until('the second reads for itself', () => streams > 0);
	const alone = await runOf(push('web: told to the one that is left', { 'services/web/version': 'web 4' }));
	await second.locator(`[data-card="${alone.id}"]`).waitFor();
	await second.context().close();
});
